"""Results as they come in a plain for loop: bounded, in either order, stopped by leaving it."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, Checkpoint, Chunker, Done, stream
from cuebook.api import streaming
from cuebook.api.loop_thread import LoopThread
from tests.support.programs import calls, family, start, wait_until

WHERE = ["process", "thread", "async"]


def double(x: int) -> int:
    return 2 * x


async def double_async(x: int) -> int:
    return 2 * x


def func(where: str) -> Any:
    return double_async if where == "async" else double


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("ordered", [False, True])
def test_every_call_comes_once_and_in_order_where_that_is_wanted(where: str, ordered: bool) -> None:
    found = list(stream(func(where), ([n] for n in range(500)), where=where, chunk_size=2, ordered=ordered))
    assert all(type(done) is Done for done in found)
    order = [done.index for done in found]
    assert (order if ordered else sorted(order)) == list(range(500))
    assert all(done.value == 2 * done.index == 2 * done.arguments[0] for done in found)


def test_results_come_before_the_last_call_is_done(tmp_path: Path) -> None:
    gate = threading.Event()

    def wait_for_the_last(x: int) -> int:
        if x == 3:
            assert gate.wait(30)
        return x

    results = stream(wait_for_the_last, [[n] for n in range(4)], where="thread", chunk_size=2)
    assert sorted(next(results).index for _ in range(3)) == [0, 1, 2]
    gate.set()
    assert next(results).index == 3
    with pytest.raises(StopIteration):
        next(results)


def test_a_stream_that_has_ended_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(_: Any) -> None:
        raise AssertionError("its end was there")

    monkeypatch.setattr(streaming, "_wait_for_end", wait)
    for _ in range(30):
        assert len(list(stream(abs, [[x] for x in range(3)], where="thread", workers=1))) == 3


def test_one_that_is_left_before_it_began_is_not_waited_for_either() -> None:
    loop = LoopThread()
    bridge = streaming._Bridge(loop)

    async def main() -> None:
        bridge.end_unless_begun()

    try:
        loop.submit(main()).result()
        streaming._wait_for_end(bridge)
        assert bridge.items.empty()
    finally:
        loop.close()


def test_in_order_what_is_done_early_waits_for_its_turn() -> None:
    gate = threading.Event()

    def first_is_last(x: int) -> int:
        if x == 0:
            assert gate.wait(30)
        elif x == 5:
            gate.set()
        return x

    found = stream(first_is_last, [[n] for n in range(6)], where="thread", chunk_size=2, batch=1, ordered=True)
    assert [done.index for done in found] == list(range(6))


def test_results_of_earlier_runs_come_too(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    assert [done.reused for done in stream(double, [[1], [2]], path=path, where="thread")] == [False, False]
    found = stream(double, [[1], [2], [3]], path=path, where="thread", ordered=True)
    assert [(done.value, done.reused) for done in found] == [(2, True), (4, True), (6, False)]


def test_parameters_are_read_no_further_while_nobody_takes_results() -> None:
    read = []

    def endless() -> Iterator[list[int]]:
        n = 0
        while True:
            read.append(n)
            yield [n]
            n += 1

    results = stream(double, endless(), where="thread", chunk_size=2)
    next(results)
    last = -1
    while len(read) != last:
        last = len(read)
        time.sleep(0.05)  # it stands still
    results.close()
    assert last < 20_000


def test_leaving_the_loop_keeps_what_is_finished_and_ends_the_workers(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    before = {thread.name for thread in threading.enumerate()}
    for done in stream(double, ([n] for n in range(1_000_000)), path=path, chunk_size=2):
        if done.index == 100:
            break
    del done
    wait_until(
        lambda: {thread.name for thread in threading.enumerate()} - before <= {"cuebook-spawner", "cuebook-watch"},
        "the end",
    )  # noqa: E501
    picture = Checkpoint.load(path)
    assert 100 < sum(picture.completed) < 1_000_000


def test_a_failure_ends_the_loop_with_it_and_collected_ones_come_as_they_are() -> None:
    def fail(x: int) -> int:
        if x == 1:
            raise ValueError(x)
        return x

    with pytest.raises(CallFailed, match="ValueError"):
        list(stream(fail, [[0], [1], [2]], where="thread", chunk_size=1))
    found = list(stream(fail, [[0], [1], [2]], where="thread", chunk_size=1, errors="collect", ordered=True))
    assert [type(done.error) for done in found] == [type(None), CallFailed, type(None)]


def test_what_is_wrong_is_said_before_anything_is_asked_for() -> None:
    for wrong, error in [
        (lambda: stream(3, [[1]]), TypeError),  # type: ignore[arg-type]
        (lambda: stream(None, [[1]]), TypeError),  # type: ignore[arg-type]
        (lambda: stream(double, [[1]], chunk_size=0), ValueError),
        (lambda: stream(double, [[1]], ordered=1), TypeError),  # type: ignore[arg-type]
        (lambda: stream(double, [[1]], where="async"), TypeError),
        (lambda: stream(double, [[1]], colour="red"), TypeError),
    ]:
        with pytest.raises(error):
            wrong()
    before = threading.active_count()
    stream(double, [[1]])  # never asked: nothing is started
    assert threading.active_count() == before


def test_a_consumer_that_raises_stops_the_run() -> None:
    with pytest.raises(ZeroDivisionError):
        for done in stream(double, ([n] for n in iter(int, 1)), where="thread", chunk_size=1):
            done.index // 0


def test_a_warm_chunker_streams_and_maps_in_turn() -> None:
    with Chunker(double, chunk_size=1) as chunker:
        assert [done.value for done in chunker.stream([[1], [2]], ordered=True)] == [2, 4]
        assert chunker([[3]]) == [6]
        left = chunker.stream([n] for n in iter(int, 1))
        next(left)
        left.close()
        assert [done.value for done in chunker.stream([[4]], func=lambda x: x)] == [4]


def test_it_works_where_a_loop_is_running_and_in_a_thread() -> None:
    async def main() -> list[int]:
        return [done.value for done in stream(double, [[1], [2]], where="thread", ordered=True)]

    assert asyncio.run(main()) == [2, 4]
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(done.value for done in stream(double, [[1]], where="thread")))
    thread.start()
    thread.join(30)
    assert found == [2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_results_are_waited_for_keeps_what_is_finished_and_says_so(
    number: signal.Signals, tmp_path: Path
) -> None:
    body = """
def f(x):
    note(x)
    if x: time.sleep(60)
    return x
for done in stream(f, [[0], [1]], chunk_size=1, path="x.cue"):
    print("done", done.index, flush=True)
"""
    with start(tmp_path, body) as program:
        wait_until(lambda: "done 0" in program.stdout and len(calls(tmp_path)) == 2, "the first result")
        program.send(number)
        assert program.wait() == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
        assert "1 of 2 results are kept in x.cue" in program.stderr
        assert "Traceback" not in program.stderr
        assert family(program.pid) == set()


def test_ctrl_c_in_the_body_of_the_loop_is_the_programs_own(tmp_path: Path) -> None:
    body = """
import signal
def f(x): return x
try:
    for done in stream(f, ([n] for n in range(1_000_000)), chunk_size=1, path="x.cue"):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
except KeyboardInterrupt as error:
    print(type(error).__name__)
"""
    with start(tmp_path, body) as program:
        assert (program.wait(), program.stdout) == (0, "KeyboardInterrupt\n"), program.stderr
