"""make_checkpoint() and last_checkpoint(): a call's own progress outlives its worker and its program."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook import CallFailed, Runtime, ValueNotKept, chunk, current_call, last_checkpoint, make_checkpoint
from tests.support.programs import calls, run_script, start


def test_outside_of_a_call_both_do_nothing() -> None:
    assert make_checkpoint({"x": 1}, label="a", every=5) is None
    assert last_checkpoint() is None
    assert last_checkpoint("mine") == "mine"
    assert current_call() is None


def test_outside_of_a_call_a_coroutine_awaits_them_as_it_does_inside() -> None:
    async def f() -> list[Any]:
        return [
            await last_checkpoint("none"),
            await make_checkpoint({"x": 1}),
            plain(),
            await make_checkpoint(2, every=5),
        ]

    def plain() -> list[Any]:
        return [last_checkpoint("none"), make_checkpoint(1)]

    assert asyncio.run(f()) == ["none", None, ["none", None], None]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"every": True}, TypeError("every=True must be a number")),
        ({"every": "5"}, TypeError("every='5' must be a number")),
        ({"every": -1}, ValueError("every=-1 must be 0 or more")),
        ({"every": -0.5}, ValueError("every=-0.5 must be 0 or more")),
        ({"every": float("nan")}, ValueError("every=nan must be 0 or more")),
        ({"label": 5}, TypeError("label=5 must be a str")),
        ({"metrics": {"a": object}}, TypeError("metric a=<class 'object'> must be a number")),
        ({"metrics": [1]}, TypeError("must be a dict with names as keys")),
        ({"metrics": {1: 2}}, TypeError("must be a dict with names as keys")),
        ({"metrics": {"a": 1 << 64}}, ValueError("metric a is a whole number of more than 64 bits")),
        ({"metrics": {str(n): n for n in range(1001)}}, ValueError("1,001 metrics are too many")),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_the_call(options: dict[str, Any], error: Exception) -> None:
    def f(x: int) -> None:
        make_checkpoint(x, **options)

    with pytest.raises(CallFailed, match=re.escape(str(error))) as caught:
        chunk(f, [[1]], where="thread")
    assert type(caught.value.__cause__) is type(error)


def test_a_count_of_another_library_is_a_count() -> None:
    def f(x: int) -> list[Any]:
        return [make_checkpoint(n, every=np.int64(2)) for n in range(4)]

    assert chunk(f, [[1]], where="thread") == [[None, 1, None, 2]]


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("where", ["process", "thread"])
def test_a_call_reads_back_the_newest_state_that_it_kept(where: str, keeps: bool, tmp_path: Path) -> None:
    def f(x: int) -> list[Any]:
        seen = [last_checkpoint("none"), make_checkpoint((x, 1)), make_checkpoint((x, 2), label="two")]
        return [*seen, last_checkpoint(), make_checkpoint(None), last_checkpoint("default")]

    output = chunk(f, [[n] for n in range(4)], where=where, chunk_size=2, path=tmp_path / "x.cue" if keeps else None)
    assert output == [["none", 1, 2, (n, 2), 3, None] for n in range(4)]


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_in_a_coroutine_both_are_awaited(where: str, tmp_path: Path) -> None:
    async def f(x: int) -> list[Any]:
        first = await last_checkpoint("none")
        number = await make_checkpoint({"x": x})
        thinned = await make_checkpoint({"x": -1}, every=1000.0)
        return [first, number, thinned, await last_checkpoint()]

    output = chunk(f, [[n] for n in range(6)], where=where, chunk_size=2, path=tmp_path / "x.cue")
    assert output == [["none", 1, None, {"x": n}] for n in range(6)]


def test_a_checkpoint_that_is_not_awaited_is_warned_of(tmp_path: Path) -> None:
    body = """
async def f(x):
    make_checkpoint(x)
    return x
print(chunk(f, [[1]], path="x.cue", where="async"))
"""
    with start(tmp_path, body) as program:
        assert (program.wait(), program.stdout) == (0, "[1]\n")
        assert "never awaited" in program.stderr


STEPS = """
def f(x):
    begin = last_checkpoint(0)
    note(f"{x} from {begin}")
    for step in range(begin, 10):
        note(f"{x} step {step}", "steps.log")
        time.sleep(0.005)
        make_checkpoint(step + 1)
        if step == 6 and begin == 0 and x == 1:
            END
    return step
print(chunk(f, [[n] for n in range(3)], chunk_size=2, path=PATH, retries=1, backoff=0))
"""


@pytest.mark.parametrize("path", ["'x.cue'", "None"])
@pytest.mark.parametrize("end", ["os._exit(1)", "os.kill(os.getpid(), 9)", "raise ValueError"])
def test_in_a_living_run_the_next_attempt_goes_on_from_the_newest_state(end: str, path: str, tmp_path: Path) -> None:
    assert run_script(tmp_path, STEPS.replace("END", end).replace("PATH", path)) == "[9, 9, 9]\n"
    assert calls(tmp_path).count("1 from 7") == 1
    steps = calls(tmp_path, "steps.log")
    assert len(steps) == len(set(steps)) == 30


@pytest.mark.parametrize("where", ["process", "thread"])
def test_after_a_kill_of_everything_the_next_run_goes_on_from_the_newest_state(where: str, tmp_path: Path) -> None:
    body = """
def f(x):
    begin = last_checkpoint(0)
    note(f"{x} from {begin}")
    for step in range(begin, 10):
        note(f"{x} step {step}", "steps.log")
        make_checkpoint({"step": step} and step + 1)
        if step == 6 and not os.path.exists("again"):
            note(x, "ready.log")
            time.sleep(100)
    call = current_call()
    return step, call.is_resumed
print(chunk(f, [[n] for n in range(2)], chunk_size=2, path="x.cue", where=sys.argv[1]))
"""
    with start(tmp_path, body, where) as program:
        while len(calls(tmp_path, "ready.log")) < 2:
            assert program.process.poll() is None, program.stderr
            time.sleep(0.01)
        program.send(signal.SIGKILL)
        program.wait()
    (tmp_path / "again").touch()
    assert run_script(tmp_path, body, where) == "[(9, True), (9, True)]\n"
    steps = calls(tmp_path, "steps.log")
    assert len(steps) == len(set(steps)) == 20


def test_the_state_of_another_call_or_of_a_changed_function_is_not_taken(tmp_path: Path) -> None:
    body = """
def f(x):
    state = last_checkpoint("none")
    make_checkpoint(f"state of {x}")
    if not os.path.exists("again"): raise ValueError
    return state, K
K = 1
print([type(v).__name__ if isinstance(v, CallFailed) else v for v in chunk(f, PARAMETERS, path="x.cue", errors="collect")])
"""
    run_script(tmp_path, body.replace("PARAMETERS", "[[1], [2]]"))
    (tmp_path / "again").touch()
    changed = body.replace("K = 1", "K = 2")
    assert run_script(tmp_path, changed.replace("PARAMETERS", "[[1]]")) == "[('none', 2)]\n"
    out = run_script(tmp_path, body.replace("PARAMETERS", "[[5], [2], [1]]"))
    assert out == "[('none', 1), ('state of 2', 1), ('state of 1', 1)]\n"


def test_a_finished_call_has_no_state_any_more(tmp_path: Path) -> None:
    def f(x: int) -> Any:
        state = last_checkpoint("none")
        make_checkpoint("mine")
        return state

    path = tmp_path / "x.cue"
    assert chunk(f, [[1]], path=path) == ["none"]
    assert chunk(f, [[1], [1]], path=path) == ["none", "none"]


@pytest.mark.parametrize("where", ["process", "thread"])
def test_every_thins_by_count_and_by_time_and_each_label_apart(where: str) -> None:
    def f() -> list[Any]:
        by_count = [make_checkpoint(k, label="count", every=3) for k in range(7)]
        by_time = [make_checkpoint(k, label="time", every=1000.0) for k in range(3)]
        both = [make_checkpoint(k, every=1) for k in range(2)]
        return [by_count, by_time, both]

    [[by_count, by_time, both]] = chunk(f, [[]], where=where)
    assert [number is not None for number in by_count] == [False, False, True, False, False, True, False]
    assert by_time == [None] * 3
    assert both == [3, 4]


def test_the_time_of_every_is_counted_from_the_last_state_kept() -> None:
    def f() -> list[bool]:
        kept = []
        begin = time.monotonic()
        while time.monotonic() - begin < 0.35:
            kept.append(make_checkpoint(1, every=0.1) is not None)
            time.sleep(0.005)
        return kept

    [kept] = chunk(f, [[]], where="thread")
    assert 1 <= sum(kept) <= 3
    assert not kept[0]


@pytest.mark.parametrize("where", ["process", "thread"])
def test_a_state_that_cannot_be_kept_raises_in_the_call_and_says_why(where: str, tmp_path: Path) -> None:
    def f(x: int) -> str:
        make_checkpoint({"step": 1})
        try:
            make_checkpoint({"locks": [threading.Lock()]})
        except ValueNotKept as error:
            assert last_checkpoint() == {"step": 1}
            return str(error)
        return "kept?"

    [text] = chunk(f, [[1]], where=where, path=tmp_path / "x.cue")
    assert "locks" in text


def test_states_are_values_of_the_codec_of_any_size(tmp_path: Path) -> None:
    def f(x: int) -> bool:
        state = {"tuple": (1, {2}), "big": b"\1" * 3_000_000, "none": None}
        make_checkpoint(state)
        return last_checkpoint() == state

    assert chunk(f, [[1]], path=tmp_path / "x.cue") == [True]


def test_threads_of_a_call_keep_states_of_that_call(tmp_path: Path) -> None:
    def f(x: int) -> Any:
        threads = [threading.Thread(target=make_checkpoint, args=((x, k),)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return last_checkpoint()[0], make_checkpoint("last")

    assert chunk(f, [[n] for n in range(3)], chunk_size=2, path=tmp_path / "x.cue") == [(n, 5) for n in range(3)]


def test_many_states_are_kept_one_after_the_other(tmp_path: Path) -> None:
    def f(x: int) -> list[int]:
        return [make_checkpoint(k) for k in range(50)]

    assert chunk(f, [[1], [2]], chunk_size=2, path=tmp_path / "x.cue") == [list(range(1, 51))] * 2


def test_a_state_survives_the_actors_of_a_living_run(tmp_path: Path) -> None:
    """Supervisor and Journal are killed while a call waits for its commits: each is answered all the same."""
    begun, enough = tmp_path / "begun", tmp_path / "enough"

    def f(x: int) -> list[int]:
        numbers = [make_checkpoint(0)]
        begun.touch()
        while len(numbers) < 20 or not enough.exists():
            numbers.append(make_checkpoint(len(numbers)))
        return numbers

    async def main() -> list[list[int]]:
        async with Runtime(tmp_path / "x.cue") as runtime, asyncio.timeout(60):
            task = asyncio.create_task(runtime.chunk(f, [[1], [2]], chunk_size=2, version="1"))
            while not begun.exists():
                await asyncio.sleep(0.01)
            for number in range(8):
                runtime.actor("supervisor" if number % 2 else "journal").kill()
                await asyncio.sleep(0.05)
            enough.touch()
            return await task

    for numbers in asyncio.run(main()):
        assert len(numbers) >= 20
        assert all(earlier < later for earlier, later in zip(numbers, numbers[1:], strict=False))


def test_current_call_tells_index_attempt_arguments_and_a_seed_of_its_own(tmp_path: Path) -> None:
    body = """
def f(x):
    call = current_call()
    if call.attempt == 1: raise OSError
    return call.index, call.attempt, call.arguments, call.seed
first = chunk(f, [[5], [6], {"x": 5}], retries=1, backoff=0)
print(first)
assert len({seed for *_, seed in first}) == 3
"""
    first = run_script(tmp_path, body)
    assert first == run_script(tmp_path, body)
    assert "(0, 2, [5], " in first
    assert "(2, 2, {'x': 5}, " in first
