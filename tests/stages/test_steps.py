"""Steps of an application: each is done once in its job, however often the program begins again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import cuebook
from cuebook import JobBusy, Runtime, StageError
from tests.support.scripts import ROOT

calls: list[object] = []


@pytest.fixture(autouse=True)
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUEBOOK_DIR", str(tmp_path / ".cuebook"))
    calls.clear()


@cuebook.step
async def charge(card: str, amount: int) -> str:
    calls.append((card, amount))
    return f"{card}:{amount}:{len(calls)}"


@cuebook.step
def ship(order: str) -> str:
    calls.append(order)
    return order.upper()


async def order(id: str, amounts: list[int]) -> list[str]:
    async with Runtime() as runtime, runtime.job(id):
        paid = [await charge("card", amount) for amount in amounts]
        more = await asyncio.gather(*[charge("other", amount) for amount in amounts])
        return [*paid, *more, ship(id)]


def test_a_job_that_has_finished_gives_its_values_and_another_one_is_done() -> None:
    first = asyncio.run(order("17", [5, 6]))
    done = list(calls)

    assert asyncio.run(order("17", [5, 6])) == first
    assert calls == done
    assert asyncio.run(order("18", [5, 6])) != first


def test_equal_calls_are_counted_and_not_confused_with_their_places() -> None:
    first = asyncio.run(order("17", [5, 5]))
    assert len(set(first)) == 5

    assert asyncio.run(order("17", [9, 5, 5]))[1:3] == first[:2]
    assert calls.count(("card", 5)) == 2
    assert ("card", 9) in calls


def test_editing_a_step_does_not_repeat_its_effect() -> None:
    def job(function: object) -> object:
        with cuebook.job("edit"):
            return cuebook.step(name="pay")(function)(1)  # type: ignore[type-var]

    assert job(lambda amount: amount + 1) == 2
    assert job(lambda amount: amount + 100) == 2


def test_arguments_count_with_their_defaults_however_they_are_given() -> None:
    @cuebook.step
    def pay(amount: int, currency: str = "EUR") -> int:
        calls.append(amount)
        return amount

    with cuebook.job("defaults"):
        pay(1)
    with cuebook.job("defaults"):
        pay(currency="EUR", amount=1)

    assert calls == [1]


def test_a_step_outside_of_a_job_is_an_error() -> None:
    with pytest.raises(StageError, match="belongs to no job"):
        ship("1")


def test_a_step_inside_of_a_step_or_a_stage_is_an_error() -> None:
    @cuebook.step
    def outer() -> str:
        return ship("1")

    @cuebook.stage
    def around() -> str:
        return ship("1")

    with cuebook.job("nested"):
        with pytest.raises(StageError, match="inside of step"):
            outer()
        with pytest.raises(StageError, match="inside of a stage"):
            around()


def test_two_jobs_of_one_id_at_once_are_told() -> None:
    async def both() -> None:
        async with Runtime() as runtime, runtime.job("x"):
            with pytest.raises(JobBusy, match="by this program already"):
                async with runtime.job("x"):
                    pass
            async with runtime.job("y"):
                await charge("inner", 1)

    asyncio.run(both())


def test_a_step_is_tried_again_and_a_failure_is_not_kept() -> None:
    @cuebook.step(retries=cuebook.Retry(1, backoff=0.0))
    def flaky() -> int:
        calls.append(1)
        if len(calls) < 4:
            raise OSError("not yet")
        return len(calls)

    with pytest.raises(OSError, match="not yet"), cuebook.job("flaky"):
        flaky()
    with cuebook.job("flaky"):
        assert flaky() == 4


def test_resetting_repeats_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(order("17", [5]))
    done = list(calls)
    monkeypatch.setenv("CUEBOOK_RESET", "1")
    asyncio.run(order("17", [5]))

    assert calls == done


def test_a_step_waits_for_a_promise(tmp_path: Path) -> None:
    async def first() -> None:
        async with Runtime(path=tmp_path / "app.cuebook") as runtime:
            await runtime.promise("paid").set(7)

    async def second() -> int:
        async with Runtime(path=tmp_path / "app.cuebook") as runtime, runtime.job("order"):

            @cuebook.step
            async def paid() -> int:
                return await runtime.promise("paid")

            return await paid()

    asyncio.run(first())
    assert asyncio.run(second()) == 7


def test_a_sleep_is_counted_from_its_first_beginning() -> None:
    async def nap(seconds: float) -> None:
        async with Runtime() as runtime, runtime.job("nap") as job:
            await job.sleep(seconds)

    asyncio.run(nap(0.0))
    assert asyncio.run(asyncio.wait_for(nap(0.0), 5)) is None


APPLICATION = """
import asyncio, os, random, sys
import cuebook

def note(text):
    with open("effects", "a") as file:
        file.write(text + "\\n")

@cuebook.step
async def reserve(item):
    note(f"reserve {item}")
    return item

@cuebook.step
async def charge(amount):
    note(f"charge {amount}")
    if not os.path.exists("done"):
        os.close(os.open("done", os.O_CREAT))
        os.kill(os.getpid(), 9)
    return amount

@cuebook.step
async def send(text):
    note(f"send {text}")

async def main():
    async with cuebook.Runtime() as runtime:
        async with runtime.job("order-17"):
            for item in "ab":
                await reserve(item)
            await charge(5)
            await asyncio.gather(send("mail"), send("letter"))

asyncio.run(main())
"""


def test_a_killed_application_goes_on_at_the_step_that_it_was_in(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    environment = {**os.environ, "PYTHONPATH": ROOT}
    codes = [
        subprocess.run([sys.executable, "app.py"], cwd=tmp_path, env=environment, check=False).returncode
        for _ in range(3)
    ]

    assert codes == [-signal.SIGKILL, 0, 0]
    effects = (tmp_path / "effects").read_text().split("\n")[:-1]
    assert effects[:4] == ["reserve a", "reserve b", "charge 5", "charge 5"], "killed between effect and commit"
    assert sorted(effects[4:]) == ["send letter", "send mail"]


def run_app(folder: Path, *words: str, wait_for: str | None = None) -> str:
    """What it prints; with `wait_for` it is killed once it has printed that."""
    command = [sys.executable, "-u", "app.py", *words]
    environment = {**os.environ, "PYTHONPATH": ROOT}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        if wait_for is None:
            out, _ = program.communicate(timeout=60)
            assert program.returncode == 0
            return out
        assert program.stdout.readline().strip() == wait_for
        program.send_signal(signal.SIGKILL)
        program.wait()
        return ""


SLEEPING = """
import asyncio, sys, time
import cuebook

later, wall, sleep = float(sys.argv[1]), time.time, asyncio.sleep
time.time = lambda: wall() + later

async def told(seconds, *rest):
    if seconds > 1:
        print("asleep" if later == 0 else round(seconds, -1), flush=True)
        return await sleep(100 if later == 0 else 0)
    return await sleep(seconds, *rest)

asyncio.sleep = told

async def main():
    async with cuebook.Runtime() as runtime, runtime.job("nap") as job:
        await job.sleep(1000)
        await job.sleep(1000)
    print("awake")

asyncio.run(main())
"""


def test_a_sleep_goes_on_through_kills_from_when_it_was_begun(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SLEEPING)
    run_app(tmp_path, "0", wait_for="asleep")

    assert run_app(tmp_path, "600").split() == ["400.0", "1000.0", "awake"], "the second one had not begun"
    assert run_app(tmp_path, "1500").split() == ["100.0", "awake"]
    assert run_app(tmp_path, "5000").split() == ["awake"]


WAITING = """
import asyncio, sys
from dataclasses import dataclass
import cuebook
from cuebook import PersistentActor, Runtime, message, persist, step

def note(text):
    with open("effects", "a") as file:
        file.write(text + "\\n")

@message
class Begin:
    after: float

@message
class Due:
    pass

@dataclass(frozen=True)
class Rung:
    pass

class Clock(PersistentActor[bool]):
    promise = None

    def initial_state(self):
        return False

    def apply(self, state, event):
        return True

    def on_begin(self, command: Begin):
        return persist(Rung()).remind("due", Due(), after=command.after) if not self.state else None

    def on_due(self, command: Due):
        note("due")
        return persist(Rung()).fulfil(type(self).promise, "rung")

@step
async def told():
    note("told begins")
    print("waiting", flush=True)
    return await runtime.promise("told")

@step
async def rung():
    note("rung begins")
    await runtime.entity(Clock, "order").ask(Begin(0.5))
    print("waiting", flush=True)
    return await runtime.promise("rung")

async def main():
    global runtime
    async with Runtime("app.cue") as runtime:
        Clock.promise = runtime.promise("rung")
        await runtime.host(Clock)
        if sys.argv[1] == "tell":
            await runtime.promise("told").set("yes")
            return
        async with runtime.job("order"):
            found = [await told(), await rung()]
            print(found)

asyncio.run(main())
"""


def test_a_step_that_waits_for_a_promise_or_a_reminder_waits_through_kills(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(WAITING)
    for _ in range(2):
        run_app(tmp_path, "go", wait_for="waiting")
    run_app(tmp_path, "tell")
    run_app(tmp_path, "go", wait_for="waiting")  # the first step has its value by now, or the kill was quicker
    assert run_app(tmp_path, "go").splitlines()[-1] == "['yes', 'rung']"
    effects = (tmp_path / "effects").read_text().splitlines()
    assert effects.count("due") == 1, "the reminder came once, through the kill"
    assert effects[:2] == ["told begins", "told begins"]

    assert run_app(tmp_path, "go") == "['yes', 'rung']\n"
    assert (tmp_path / "effects").read_text().splitlines() == effects, "nothing is waited for again"


def test_steps_that_end_together_are_kept_in_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    from cuebook.persistence.journal.writer import JournalWriter

    commits: list[int] = []
    append = JournalWriter.append

    def counted(self: JournalWriter, entries: list[object], **more: object) -> object:
        commits.append(len(entries))
        return append(self, entries, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(JournalWriter, "append", counted)

    async def main() -> None:
        async with Runtime() as runtime, runtime.job("wide"):
            await asyncio.gather(*[charge("card", amount) for amount in range(200)])

    asyncio.run(main())
    assert sum(commits) == 202, "the job's beginning, its steps and its end"
    assert len(commits) < 20
