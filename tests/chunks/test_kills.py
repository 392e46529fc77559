"""SIGKILL at random moments: of the parent, of workers, of all. What is committed stays, is right, and runs once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import Program, calls, counts, family, is_alive, run_script, start, wait_until

CALLS = 150
BODY = f"""
def f(x):
    note(x)
    time.sleep(0.004)
    return {{"square": x * x}}
output = chunk(f, [[n] for n in range({CALLS})], chunk_size=2, path="x.cue")
assert output == [{{"square": n * n}} for n in range({CALLS})]
"""


def seeded(name: str) -> random.Random:
    """A source of chance that the test's output names, so that a failure can be repeated."""
    seed = int(os.environ.get("CUEBOOK_TEST_SEED", random.randrange(10**6)))
    print(f"{name}: CUEBOOK_TEST_SEED={seed}")
    return random.Random(seed)


def kill_at_random(folder: Path, chance: random.Random, kills: int) -> None:
    """Start the program again and again, SIGKILL it at random moments, then let it end."""
    done = 0
    for _ in range(kills):
        with start(folder, BODY) as program:
            target = len(calls(folder)) + chance.randrange(0, 40)
            if chance.random() < 0.3:
                time.sleep(chance.random() * 0.4)  # also while it starts, plans and opens its journal
            else:
                wait_until(lambda: len(calls(folder)) >= target or program.process.poll() is not None, "calls")  # noqa: B023
            program.send(signal.SIGKILL)
            code = program.wait()
            assert code in (0, -signal.SIGKILL), program.stderr
            done += code != 0
    with start(folder, BODY) as program:
        assert (program.wait(), program.stderr) == (0, "")
    made = counts(folder)
    assert set(made) == {str(n) for n in range(CALLS)}
    # A kill costs the calls that ran and those finished in the last few milliseconds before their commit.
    assert sum(made.values()) <= CALLS + done * 8
    for _ in range(2):
        run_script(folder, BODY)
    assert counts(folder) == made


def test_a_run_that_is_killed_a_dozen_times_at_random_moments_ends_right_and_repeats_little(tmp_path: Path) -> None:
    kill_at_random(tmp_path, seeded("kills of the parent"), 12)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(10))
def test_a_run_that_is_killed_hundreds_of_times_ends_right_and_repeats_little(tmp_path: Path, part: int) -> None:
    kill_at_random(tmp_path, seeded(f"sweep {part}"), 20)


ENDLESS = """
import subprocess
def f(x):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    note(child.pid, "children.log")
    note(x)
    time.sleep(100)
chunk(f, [[n] for n in range(8)], chunk_size=2, path="x.cue", where=sys.argv[1] if len(sys.argv) > 1 else "process")
"""


def test_one_second_after_a_kill_of_the_parent_no_process_of_the_run_is_alive(tmp_path: Path) -> None:
    with start(tmp_path, ENDLESS) as program:
        program.wait_for_calls(2)
        members = family(program.pid) | {int(pid) for pid in calls(tmp_path, "children.log")}
        assert len(members) >= 4  # two workers and what their calls have started
        program.send(signal.SIGKILL)
        program.process.wait()
        killed = time.monotonic()
        wait_until(lambda: not any(map(is_alive, members)), "the end of every process of the run", 10.0)
        assert time.monotonic() - killed < 3.0  # 1 s on an idle machine; 3 s allow for a loaded one


def test_a_kill_of_the_whole_process_group_leaves_nothing_either(tmp_path: Path) -> None:
    with start(tmp_path, ENDLESS) as program:
        program.wait_for_calls(2)
        members = family(program.pid)
        os.killpg(program.pid, signal.SIGKILL)
        program.process.wait()
        wait_until(lambda: not any(map(is_alive, members)), "the end of every process of the run", 5.0)


def test_what_a_call_has_started_ends_with_its_worker(tmp_path: Path) -> None:
    run_script(
        tmp_path,
        "import subprocess\n"
        "def f(x):\n"
        "    if x == 0:\n"
        "        child = subprocess.Popen(['sleep', '100'])\n"
        "        note(child.pid, 'children.log')\n"
        "        os._exit(1)\n"
        "    return x\n"
        "chunk(f, [[n] for n in range(3)], errors='collect')\n",
    )
    children = [int(pid) for pid in calls(tmp_path, "children.log")]
    assert len(children) == 3
    wait_until(lambda: not any(map(is_alive, children)), "the end of what the calls had started", 5.0)


@contextmanager
def killer_of_workers(folder: Path, chance: random.Random, pause_s: float, done: list[int]) -> Iterator[None]:
    """Kill the worker that began a call last, every now and then."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(pause_s * (0.5 + chance.random())):
            pids = calls(folder, "pids.log")
            try:
                os.kill(int(pids[-1]), signal.SIGKILL)
                done.append(1)
            except (IndexError, ProcessLookupError):
                continue

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("path", ['"x.cue"', "None"])
def test_workers_are_killed_under_the_run_and_it_ends_right(path: str, tmp_path: Path) -> None:
    chance = seeded("kills of workers")
    done: list[int] = []
    body = f"""
def f(x):
    note(os.getpid(), "pids.log")
    note(x)
    time.sleep(0.005)
    return x * x
assert chunk(f, [[n] for n in range(400)], chunk_size=2, path={path}, progress_bar=False) == [n * n for n in range(400)]
"""
    with start(tmp_path, body) as program, killer_of_workers(tmp_path, chance, 0.2, done):
        code = program.wait()
        assert (code, program.stderr) == (0, "")
    made = counts(tmp_path)
    assert len(made) == 400
    assert sum(made.values()) <= 400 + len(done) * 4
    assert max(made.values()) <= 3


def test_parent_and_workers_are_killed_together_again_and_again(tmp_path: Path) -> None:
    chance = seeded("kills of all")
    done: list[int] = []
    body = BODY.replace("    note(x)\n", '    note(os.getpid(), "pids.log")\n    note(x)\n')
    for _ in range(4):
        with start(tmp_path, body) as program, killer_of_workers(tmp_path, chance, 0.15, done):
            target = len(calls(tmp_path)) + chance.randrange(5, 40)
            wait_until(lambda: len(calls(tmp_path)) >= target or program.process.poll() is not None, "calls")  # noqa: B023
            program.send(signal.SIGKILL)
            program.wait()
            done.append(1)
    with Program(tmp_path, str(tmp_path / "program.py")) as program:
        assert (program.wait(), program.stderr) == (0, "")
    assert sum(counts(tmp_path).values()) <= CALLS + len(done) * 8


def new_workers(program: Program) -> set[int]:
    """Interpreters that the program has started, also those that have not yet done anything."""

    def words(pid: int) -> list[bytes]:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return []

    own = words(program.pid)
    return {pid for pid in family(program.pid) if (said := words(pid)) and said[0] == own[0] and said != own}


def test_a_worker_that_is_killed_as_it_is_born_is_replaced(tmp_path: Path) -> None:
    body = "def f(x): return x\nprint(chunk(f, [[n] for n in range(5)], chunk_size=1, path='x.cue'))"
    killed: set[int] = set()
    with start(tmp_path, body) as program:
        end = time.monotonic() + 30
        while len(killed) < 2 and time.monotonic() < end and program.process.poll() is None:
            for pid in new_workers(program) - killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        assert program.wait(30) == 0, program.stderr
        assert program.stdout == "[0, 1, 2, 3, 4]\n"
    assert len(killed) == 2


# -- calls that end their worker


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("os._exit(3)", "exited with code 3"),
        ("os._exit(0)", "exited with code 0"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), 15)", "SIGTERM"),
        ("os.kill(os.getppid(), 0) or os.closerange(3, 256); os._exit(9)", "its worker"),
    ],
)
def test_a_call_that_ends_its_worker_fails_after_three_deaths_and_the_others_run_once(
    end: str, words: str, tmp_path: Path
) -> None:
    body = f"""
def f(x):
    note(x)
    if x == 5:
        {end}
    time.sleep(0.002)
    return x
output = chunk(f, [[n] for n in range(30)], chunk_size=2, path="x.cue", errors="collect")
failed = output.pop(5)
assert output == [n for n in range(30) if n != 5]
assert type(failed) is WorkerDied, repr(failed)
assert (failed.index, failed.arguments, failed.attempts) == (5, [5], 3)
print(failed)
"""
    out = run_script(tmp_path, body)
    assert words in out
    assert "call 5 with arguments [5]" in out
    made = counts(tmp_path)
    assert made.pop("5") == 3
    assert set(made.values()) == {1}


def test_calls_too_short_to_be_told_one_by_one_run_twice_at_most_beside_a_poison_call(tmp_path: Path) -> None:
    body = """
def f(x):
    note(x)
    if x == 500:
        os._exit(1)
    return x
output = chunk(f, [[n] for n in range(1000)], chunk_size=2, errors="collect")
assert type(output.pop(500)) is WorkerDied
assert output == [n for n in range(1000) if n != 500]
"""
    run_script(tmp_path, body)
    made = counts(tmp_path)
    assert made.pop("500") == 3
    assert max(made.values()) <= 2


def test_a_poison_call_raises_worker_died_and_a_new_run_tries_it_afresh(tmp_path: Path) -> None:
    body = """
def f(x):
    note(x)
    if x == 2 and not os.path.exists("mended"):
        os._exit(1)
    time.sleep(0.002)
    return x
try:
    print(chunk(f, [[n] for n in range(5)], chunk_size=1, path="x.cue"))
except WorkerDied as error:
    print("died", error.index)
"""
    assert run_script(tmp_path, body) == "died 2\n"
    (tmp_path / "mended").touch()
    assert run_script(tmp_path, body) == "[0, 1, 2, 3, 4]\n"
    made = counts(tmp_path)
    assert made.pop("2") == 4
    assert set(made.values()) == {1}


def test_retries_and_deaths_are_counted_apart(tmp_path: Path) -> None:
    body = """
def f(x):
    n = sum(1 for line in open("calls.log")) if os.path.exists("calls.log") else 0
    note(x)
    if n in (0, 2):
        os._exit(1)
    if n in (1, 3):
        raise ValueError(n)
    return n
print(chunk(f, [[0]], retries=2, backoff=0, version="1"))
"""
    assert run_script(tmp_path, body) == "[4]\n"


def test_workers_that_die_before_any_call_end_the_run(tmp_path: Path) -> None:
    body = """
class Dying(Worker):
    def setup(self):
        note("setup")
        os._exit(7)
def f(x): return x
try:
    chunk(f, [[n] for n in range(5)], actors=Dying, chunk_size=1)
except RestartLimitReached as error:
    print(error)
"""
    assert "exited with code 7" in run_script(tmp_path, body)
    assert len(calls(tmp_path)) <= 10
