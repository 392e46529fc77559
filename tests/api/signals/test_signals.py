"""Ctrl-C and SIGTERM at any moment: what is finished is kept, one line, the right exit code, no traceback."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.programs import calls, counts, family, is_alive, run_script, start, wait_until

SIGNALS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
SHORT = """
def f(x):
    note(x)
    time.sleep(0.01)
    return x
async def g(x):
    import asyncio
    note(x)
    await asyncio.sleep(0.01)
    return x
where = sys.argv[1]
options = {"where": where, "chunk_size": 2, "path": "x.cue"}
if len(sys.argv) > 2: options["path"] = None
output = chunk(g if where == "async" else f, [[n] for n in range(100)], **options)
assert output == list(range(100))
print("all done")
"""
STUCK = """
import threading
def f(x):
    note(x)
    time.sleep(100)
chunk(f, [[n] for n in range(9)], chunk_size=2, path="x.cue", where=sys.argv[1])
"""


@pytest.mark.parametrize("where", ["process", "thread", "async"])
@pytest.mark.parametrize(("number", "code", "word"), SIGNALS)
def test_a_signal_ends_the_run_with_one_line_and_the_same_command_continues(
    number: signal.Signals, code: int, word: str, where: str, tmp_path: Path
) -> None:
    with start(tmp_path, SHORT, where) as program:
        program.wait_for_calls(10)
        program.send(number)
        assert program.wait() == code
        assert program.stdout == ""
        [line] = program.stderr.splitlines()
    kept = len(calls(tmp_path))
    assert line == f"cuebook: {word}: {kept} of 100 results are kept in x.cue; the same command continues from there"
    assert run_script(tmp_path, SHORT, where) == "all done\n"
    assert set(counts(tmp_path).values()) == {1}


def test_without_a_path_the_line_says_that_nothing_is_kept(tmp_path: Path) -> None:
    with start(tmp_path, SHORT, "process", "nowhere") as program:
        program.wait_for_calls(10)
        program.send(signal.SIGINT)
        assert program.wait() == 130
        assert "nothing is kept" in program.stderr
        assert len(program.stderr.splitlines()) == 1


@pytest.mark.parametrize("where", ["process", pytest.param("thread", marks=pytest.mark.slow)])
def test_running_calls_get_two_seconds(where: str, tmp_path: Path) -> None:
    with start(tmp_path, STUCK, where) as program:
        program.wait_for_calls(2)
        began = time.monotonic()
        program.send(signal.SIGINT)
        assert program.wait() == 130
        assert 1.5 < time.monotonic() - began < 8.0
        assert "0 of 9 results are kept" in program.stderr
    assert len(calls(tmp_path)) == 2


@pytest.mark.parametrize("where", ["process", pytest.param("thread", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(signal.SIGINT, signal.SIGINT, 130), (signal.SIGTERM, signal.SIGINT, 143), (signal.SIGINT, signal.SIGTERM, 130)],
)
def test_a_second_signal_ends_the_run_at_once(
    first: signal.Signals, second: signal.Signals, code: int, where: str, tmp_path: Path
) -> None:
    with start(tmp_path, STUCK, where) as program:
        program.wait_for_calls(2)
        members = family(program.pid)
        program.send(first)
        time.sleep(0.05)
        program.send(second)
        began = time.monotonic()
        assert program.wait() == code
        assert time.monotonic() - began < 1.5
        assert len(program.stderr.splitlines()) == 1
        wait_until(lambda: not any(map(is_alive, members)), "the end of the workers", 5.0)


def test_a_burst_of_signals_is_no_worse_than_two(tmp_path: Path) -> None:
    with start(tmp_path, STUCK, "process") as program:
        program.wait_for_calls(2)
        for _ in range(20):
            program.send(signal.SIGINT)
            time.sleep(0.002)
        assert program.wait() in (130, -signal.SIGINT)
        assert "Traceback" not in program.stderr


LATE = """
import os, signal, sys, threading, time
import cuebook.api.signals.interruption as interruption
from cuebook import chunk

interruption.LATE_S = float(sys.argv[1])

def interrupt(x, program):
    if x == 0:
        os.kill(program, signal.SIGINT)
    time.sleep(0.01)

for attempt in range(2):
    try:
        chunk(interrupt, [[n, os.getpid()] for n in range(1000)], chunk_size=1, progress_bar=False)
    except KeyboardInterrupt:
        print("stopped", flush=True)
try:
    os.kill(os.getpid(), signal.SIGINT)
    print("deaf", flush=True)
except KeyboardInterrupt:
    print("interrupted", signal.getsignal(signal.SIGINT) is signal.default_int_handler, flush=True)
"""


@pytest.mark.parametrize(("seconds", "last"), [("60", "deaf"), ("0", "interrupted True")])
def test_a_late_signal_of_a_burst_is_swallowed_and_one_that_comes_later_is_not(
    seconds: str, last: str, tmp_path: Path
) -> None:
    assert run_script(tmp_path, LATE, seconds).split("\n") == ["stopped", "stopped", last, ""]


def interrupted_at_a_random_moment(folder: Path, chance: random.Random, number: signal.Signals) -> int:
    with start(folder, SHORT.replace("0.01", "0.001"), "process") as program:
        target = len(calls(folder)) + chance.randrange(1, 30)
        wait_until(lambda: len(calls(folder)) >= target or program.process.poll() is not None, "calls")
        program.send(number)
        code = program.wait()
        assert "Traceback" not in program.stderr
        assert "Error" not in program.stderr
        return code


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_signals_at_random_moments_also_within_commits_lose_and_repeat_nothing(
    number: signal.Signals, tmp_path: Path
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    codes = {interrupted_at_a_random_moment(tmp_path, chance, number) for _ in range(5)}
    assert codes <= {0, 128 + number}
    run_script(tmp_path, SHORT.replace("0.01", "0.001"), "process")
    assert len(counts(tmp_path)) == 100
    assert set(counts(tmp_path).values()) == {1}


def test_a_signal_while_the_run_is_planned_ends_it_as_any_other(tmp_path: Path) -> None:
    body = """
class Plan(list):
    def __iter__(self):
        note("planning")
        wait_for("go.log")
        return super().__iter__()
def f(x, _): return x
chunk(f, [[0, None]])
parameters = Plan([n, None] for n in range(300_000))
chunk(f, parameters, path="x.cue")
"""
    with start(tmp_path, body) as program:
        program.wait_for_calls(1)
        program.send(signal.SIGINT)
        (tmp_path / "go.log").touch()
        assert program.wait() == 130
        assert "Traceback" not in program.stderr


def test_handlers_of_the_users_own_are_left_alone(tmp_path: Path) -> None:
    body = """
import signal
def own(number, frame):
    note("own", "signals.log")
signal.signal(signal.SIGINT, own)
signal.signal(signal.SIGTERM, own)
def f(x):
    note(x)
    time.sleep(0.01)
    return x
print(chunk(f, [[n] for n in range(40)], chunk_size=2) == list(range(40)))
assert signal.getsignal(signal.SIGINT) is own
"""
    with start(tmp_path, body) as program:
        program.wait_for_calls(3)
        program.send(signal.SIGINT)
        program.send(signal.SIGTERM)
        assert (program.wait(), program.stdout, program.stderr) == (0, "True\n", "")
    assert set(calls(tmp_path, "signals.log")) == {"own"}


def test_a_handler_of_the_users_own_that_raises_stops_the_run_and_what_is_finished_is_kept(tmp_path: Path) -> None:
    body = """
import signal
class Mine(Exception): pass
def own(number, frame):
    raise Mine
signal.signal(signal.SIGINT, own)
def f(x):
    note(x)
    time.sleep(0.01)
    return x
try:
    print(len(chunk(f, [[n] for n in range(100)], chunk_size=2, path="x.cue")))
except Mine:
    print("mine")
"""
    with start(tmp_path, body) as program:
        program.wait_for_calls(5)
        program.send(signal.SIGINT)
        assert (program.wait(), program.stdout) == (0, "mine\n")
    assert len(calls(tmp_path)) < 100
    assert run_script(tmp_path, body) == "100\n"
    assert set(counts(tmp_path).values()) == {1}


def test_default_handlers_are_back_after_the_run(tmp_path: Path) -> None:
    body = """
import signal
def f(x): return x
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
chunk(f, [[1]])
assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
try:
    chunk(lambda x: 1 / 0, [[1]])
except CallFailed:
    pass
assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
note("ready")
time.sleep(100)
"""
    with start(tmp_path, body) as program:
        program.wait_for_calls(1)
        program.send(signal.SIGTERM)
        assert program.wait() == -signal.SIGTERM


def test_ignored_signals_stay_ignored_as_under_nohup(tmp_path: Path) -> None:
    body = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
def f(x):
    note(x)
    time.sleep(0.01)
    return x
print(len(chunk(f, [[n] for n in range(30)], chunk_size=2)))
"""
    with start(tmp_path, body) as program:
        program.wait_for_calls(3)
        program.send(signal.SIGINT)
        assert (program.wait(), program.stdout, program.stderr) == (0, "30\n", "")


def test_the_interruption_can_be_caught_as_keyboard_interrupt(tmp_path: Path) -> None:
    body = SHORT.replace("output = chunk", "try:\n    output = chunk").replace(
        "assert output",
        "except KeyboardInterrupt as error:\n    print('caught', error.code, error.stopped.done > 0)\n    sys.exit(0)\nassert output",
    )
    with start(tmp_path, body, "process") as program:
        program.wait_for_calls(5)
        program.send(signal.SIGINT)
        assert (program.wait(), program.stdout) == (0, "caught 130 True\n")


def test_workers_do_not_get_the_terminals_ctrl_c(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole foreground group: what runs in the workers goes on for its grace all the same."""
    import os

    body = """
def f(x):
    note(x)
    time.sleep(0.5)
    note(f"end {x}", "ends.log")
    return x
chunk(f, [[n] for n in range(20)], chunk_size=2, path="x.cue")
"""
    with start(tmp_path, body) as program:
        program.wait_for_calls(2)
        os.killpg(program.pid, signal.SIGINT)
        assert program.wait() == 130
        assert "2 of 20 results" in program.stderr
    assert len(calls(tmp_path, "ends.log")) == 2


@pytest.mark.parametrize(
    "limit", ["time_limit=1.0", "stop_at=datetime.datetime.now() + datetime.timedelta(seconds=1.0)"]
)
def test_a_time_limit_stops_in_time_as_ctrl_c_does_and_the_same_command_continues(limit: str, tmp_path: Path) -> None:
    body = f"""
import datetime
def f(x):
    note(x)
    time.sleep(0.02)
    return x
began = time.monotonic()
try:
    chunk(f, [[n] for n in range(300)], chunk_size=2, path="x.cue", {limit})
finally:
    note(time.monotonic() - began, "seconds.log")
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 130
        assert "time limit" in program.stderr
        assert len(program.stderr.splitlines()) == 1
    assert float(calls(tmp_path, "seconds.log")[0]) < 2.0
    made = len(calls(tmp_path))
    assert made > 2
    with start(tmp_path, body) as program:
        assert program.wait() == 130
    assert len(counts(tmp_path)) > made
    assert set(counts(tmp_path).values()) == {1}


def test_in_a_thread_signals_are_the_programs_own_and_the_run_stops_when_the_main_thread_ends(tmp_path: Path) -> None:
    body = """
import threading
def f(x):
    note(x)
    time.sleep(0.05)
    return x
threading.Thread(target=lambda: chunk(f, [[n] for n in range(1000)], chunk_size=2, path="x.cue"), daemon=True).start()
wait_for("calls.log")
"""
    with start(tmp_path, body) as program:
        program.wait(15.0)
        assert len(calls(tmp_path)) < 900
        members = family(program.pid)
        wait_until(lambda: not any(map(is_alive, members)), "the end of the workers", 5.0)


ASYNC = """
import asyncio
def f(x):
    note(x)
    time.sleep(0.02)
    return x
async def main():
    async with Runtime("x.cue", chunk_size=2, signals=SIGNALS) as runtime:
        try:
            print(len(await runtime.chunk(f, [[n] for n in range(100)])))
        except RunStopped as stopped:
            print("stopped:", stopped.reason, stopped.done > 0)
asyncio.run(main())
"""


@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_runtime_that_was_told_to_watches_signals_also_under_asyncio_run(
    number: signal.Signals, word: str, tmp_path: Path
) -> None:
    with start(tmp_path, ASYNC.replace("SIGNALS", "True")) as program:
        program.wait_for_calls(5)
        program.send(number)
        assert (program.wait(), program.stdout, program.stderr) == (0, f"stopped: {word} True\n", "")
    assert run_script(tmp_path, ASYNC.replace("SIGNALS", "True")) == "100\n"
    assert set(counts(tmp_path).values()) == {1}


def test_a_runtime_that_was_not_told_to_leaves_ctrl_c_to_asyncio_and_still_keeps_what_is_finished(
    tmp_path: Path,
) -> None:
    with start(tmp_path, ASYNC.replace("SIGNALS", "False")) as program:
        program.wait_for_calls(5)
        program.send(signal.SIGINT)
        assert program.wait() == -signal.SIGINT
        assert program.stderr.endswith("KeyboardInterrupt\n")
    run_script(tmp_path, ASYNC.replace("SIGNALS", "False"))
    assert set(counts(tmp_path).values()) == {1}


def test_ctrl_c_ends_a_chunk_that_was_called_inside_a_running_loop(tmp_path: Path) -> None:
    body = STUCK.replace("chunk(f", "async def main(): chunk(f") + "\nimport asyncio\nasyncio.run(main())\n"
    with start(tmp_path, body, "process") as program:
        program.wait_for_calls(2)
        program.send(signal.SIGINT)
        assert program.wait(20.0) == 130
        assert "Traceback" not in program.stderr
