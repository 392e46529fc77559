"""A Runtime in a program of others: on another loop, in a web application's lifespan, beside other runtimes."""

from __future__ import annotations

import asyncio
import importlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import uvloop

from cuebook import Actor, Checkpoint, RestartLimitReached, Runtime, ShutdownReport, message
from tests.support.cast import Counter, Get
from tests.support.pages import ROOT, environment

pytestmark = pytest.mark.quick


@message(tag=60_910)
class Fill:
    pass


def square(x: int) -> int:
    return x * x


async def square_later(x: int) -> int:
    await asyncio.sleep(0)
    return x * x


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_calls_run_from_a_loop_of_uvloops(where: str, tmp_path: Path) -> None:
    async def scene() -> list[Any]:
        func = square_later if where == "async" else square
        async with Runtime(tmp_path / "u.cue", chunk_size=2) as runtime:
            first = await runtime.chunk(func, [[n] for n in range(30)], where=where)
            again = [done.value async for done in runtime.stream(func, [[n] for n in range(40)], where=where)]
            assert sorted(again) == [n * n for n in range(40)]
            return first

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(scene()) == [n * n for n in range(30)]
    assert Checkpoint.load(tmp_path / "u.cue").done == 40


UVLOOP_PROGRAM = """
import asyncio, sys, uvloop
from cuebook import RunStopped, Runtime
async def slow(x):
    print("ready", flush=True)
    await asyncio.sleep(60)
async def main():
    async with Runtime(signals=True) as runtime:
        try:
            await runtime.chunk(slow, [[1]], where="async", version="1")
        except RunStopped as stopped:
            print(stopped.reason)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main())
"""


def test_signals_that_are_asked_for_work_under_uvloop() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UVLOOP_PROGRAM],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGUSR1)
            while "the loop's thread" not in process.stderr.readline():
                pass
            process.send_signal(signal.SIGTERM)
            assert process.stdout.read() == "terminated\n"
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_a_web_application_lives_and_ends_with_its_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example, through its lifespan, as a server runs it: with requests at once, and twice over one journal."""
    monkeypatch.setenv("WEB_APP_JOURNAL", str(tmp_path / "web.cue"))
    monkeypatch.syspath_prepend(ROOT / "docs" / "examples")
    app = importlib.import_module("web_app").app

    async def scene() -> None:
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app):
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                answers = await asyncio.gather(*[client.post(f"/visit/{'ab'[n % 2]}") for n in range(20)])
                assert sorted(answer.json()["visits"] for answer in answers) == sorted([*range(1, 11)] * 2)
                assert (await client.get("/visits")).json() == {"a": 10, "b": 10}
                assert (await client.get("/steps/6,7,27")).json() == [8, 16, 111]
                assert "guestbook (Guestbook) running" in (await client.get("/tree")).text

    for _ in range(2):
        asyncio.run(scene())
    assert Checkpoint.load(tmp_path / "web.cue").done == 3
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("shutdown: ") and "actors ended in" in line for line in lines)


class Gated(Actor):
    """Works on its first message until the gate is open."""

    def __init__(self, gate: asyncio.Event) -> None:
        self.gate = gate

    async def receive(self, message: Any) -> None:
        await self.gate.wait()


def test_closing_gives_the_report_and_the_end_of_the_block_does_no_more() -> None:
    async def scene() -> None:
        gate = asyncio.Event()
        async with Runtime() as runtime:
            ref = await runtime.spawn(Gated, gate, name="gated")
            ref.tell_nowait(Get())
            while ref.statistics().in_hand != "Get":
                await asyncio.sleep(0)
            ref.tell_nowait(Get())
            assert runtime.report is None
            closing = asyncio.ensure_future(runtime.close())
            while ref.is_alive:
                await asyncio.sleep(0)
            gate.set()
            report = await closing
            assert isinstance(report, ShutdownReport)
            assert report.drained == {"gated": 1}
            assert report.is_clean
            with pytest.raises(RuntimeError, match="not open"):
                await runtime.chunk(square, [[1]])
            assert (await runtime.close()).actors == report.actors
        assert runtime.report is not None and runtime.report.drained == {"gated": 1}

    asyncio.run(scene())


def test_closing_stops_a_run_first(tmp_path: Path) -> None:
    async def hang(x: int) -> None:
        await asyncio.sleep(100)

    async def scene() -> None:
        from cuebook import RunStopped

        async with Runtime(tmp_path / "c.cue") as runtime:
            run = asyncio.ensure_future(runtime.chunk(hang, [[1]], where="async", version="1"))
            while "worker-0" not in runtime.statistics():
                await asyncio.sleep(0.005)
            await runtime.close()
            with pytest.raises(RunStopped):
                await run

    asyncio.run(scene())


def test_two_runtimes_of_a_loop_do_not_know_each_other(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Runtime(tmp_path / "one.cue") as one, Runtime(tmp_path / "two.cue") as two:
            a, b = await one.spawn(Counter, name="counter"), await two.spawn(Counter, name="counter")
            assert a is not b
            outputs = await asyncio.gather(*[each.chunk(square, [[3]], where="thread") for each in (one, two)])
            assert outputs == [[9], [9]]
            letters = one.dead_letters()
            await b.stop()
            with pytest.raises(Exception, match="stopped"):
                b.tell_nowait(Get())
            await one.close()
            assert [letter async for letter in letters] == []
            assert await two.chunk(square, [[4]], where="thread") == [16]

    asyncio.run(scene())


def test_a_runtime_whose_supervisor_is_given_up_ends_its_block_and_nothing_around_it() -> None:
    async def scene() -> str:
        async with anyio.create_task_group() as around:
            beside = anyio.Event()
            around.start_soon(beside.wait)
            with pytest.raises(RestartLimitReached, match="supervisor"):
                async with Runtime() as runtime:
                    target = runtime.actor("supervisor")
                    while True:
                        target.kill()
                        await asyncio.sleep(0.005)
            assert not around.cancel_scope.cancel_called
            beside.set()
        return "went on"

    assert asyncio.run(scene()) == "went on"


def test_dead_letters_and_traces_of_a_runtime_are_streams() -> None:
    class Choosy(Actor):
        async def on_fill(self, message: Fill) -> int:
            return 1

    async def scene() -> None:
        async with Runtime() as runtime:
            letters, events = runtime.dead_letters(), runtime.traces()
            ref = await runtime.spawn(Choosy, name="choosy")
            runtime.trace("choosy")
            ref.tell_nowait(Get())
            assert await ref.ask(Fill()) == 1
            letter = await anext(letters)
            assert (letter.target, letter.message, letter.reason) == ("choosy", Get(), "unhandled")
            kinds = [(await anext(events)).kind for _ in range(4)]
            assert kinds == ["received", "failed", "received", "replied"]
            runtime.trace("choosy", False)
            assert runtime.statistics()["choosy"].processed == 2
            assert [child.name for child in runtime.tree().children] == ["supervisor", "choosy"]
            assert runtime.blockages() == []

    asyncio.run(scene())


def titled(n: int) -> tuple[str, str]:
    from pathlib import Path as P

    me = P("/proc/self")
    return (me / "cmdline").read_bytes().rstrip(b"\0").decode(), (me / "comm").read_text().strip()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_a_worker_process_is_called_by_its_number_and_its_journal(tmp_path: Path) -> None:
    async def scene() -> list[Any]:
        async with Runtime(tmp_path / "census.cue", chunk_size=1) as runtime:
            return await runtime.chunk(titled, [[1]])

    ((line, _),) = asyncio.run(scene())
    assert line == "cuebook: worker-0 census.cue"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("has_setproctitle", [True, False])
def test_a_title_that_no_process_can_have_is_shown_as_far_as_it_can_be(has_setproctitle: bool) -> None:
    script = (
        f"import sys; {has_setproctitle} or sys.modules.update(setproctitle=None)\n"
        "from cuebook.children.title import show_title\n"
        "show_title('a\\0b \\ud800'); print('shown')"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True)
    assert done.stdout == "shown\n", done.stderr


def test_without_setproctitle_the_name_of_the_process_says_what_fits() -> None:
    program = (
        "import sys; sys.modules['setproctitle'] = None\n"
        "from cuebook.children.title import show_title\n"
        "show_title('worker-12 census.cue'); print(open('/proc/self/comm').read().strip())"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment(), capture_output=True, text=True)
    assert done.stdout == "worker-12 censu\n", done.stderr
