"""Retries after some exceptions alone, a rate that is kept, and a number of failures that is too many."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, Checkpoint, Retry, Runtime, chunk, current_call, stream
from cuebook.actors.runs.pace import Pace, per_second
from cuebook.chunks.options import make_options


class Busy(Exception):
    """Says when to come again; cannot be sent from where it was raised."""

    def __init__(self, wait_s: float, *, response: Any) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s
        self.response = response


class VeryBusy(Busy):
    pass


def third_time(kind: type[Exception]) -> int:
    attempt = current_call().attempt
    if attempt < 3:
        raise kind("no") if not issubclass(kind, Busy) else kind(0.01, response=lambda: None)
    return attempt


@pytest.mark.parametrize("where", ["process", "thread"])
def test_only_the_exceptions_that_are_named_are_tried_again(where: str) -> None:
    kinds = [Busy, VeryBusy, ConnectionResetError, KeyError]
    retry = Retry(3, on=(Busy, OSError), backoff=0)
    done = chunk(third_time, kinds, star=False, retries=retry, errors="collect", where=where, workers=1)
    assert done[:3] == [3, 3, 3]
    assert isinstance(done[3], CallFailed)
    assert done[3].attempts == 1


def waited(attempt: int, error: BaseException | None) -> float:
    HEARD.append((attempt, error))
    return getattr(error, "wait_s", 0.0)


HEARD: list[tuple[int, BaseException | None]] = []


class Limited(Exception):
    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


def limited(x: int) -> int:
    if current_call().attempt == 1:
        raise Limited(0.03)
    return x


@pytest.mark.parametrize("where", ["process", "thread"])
def test_backoff_is_told_the_exception_which_may_say_how_long(where: str) -> None:
    HEARD.clear()
    assert chunk(limited, [7], star=False, retries=Retry(1, backoff=waited), where=where, workers=1) == [7]
    [(attempt, error)] = HEARD
    assert attempt == 2
    assert isinstance(error, Limited)
    assert error.wait_s == 0.03


def slow_at_first(_: int) -> int:
    if current_call().attempt == 1:
        time.sleep(60)
    return current_call().attempt


@pytest.mark.parametrize(("on", "made"), [(TimeoutError, 2), (OSError, 2), (ValueError, None)])
def test_a_time_out_is_one_of_the_exceptions(on: type[Exception], made: int | None) -> None:
    retry = Retry(1, on=on, backoff=0)
    [got] = chunk(slow_at_first, [1], star=False, retries=retry, timeout=0.2, errors="collect", workers=1)
    assert got == made if made else isinstance(got, CallFailed)


def test_wrong_retries_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"on='ValueError'; give a class of exceptions"):
        Retry(1, on="ValueError")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="times=-1 must be at least 0"):
        Retry(-1)
    with pytest.raises(ValueError, match="backoff=-1 must be seconds"):
        Retry(1, backoff=-1)
    with pytest.raises(TypeError, match=r"belongs into Retry: retries=Retry\(3, backoff=\.\.\.\)"):
        make_options(retries=Retry(3), backoff=2.0)


@pytest.mark.parametrize(
    ("rate", "each_second"),
    [("10/s", 10), ("600/min", 10), ("1,800 / h", 0.5), ("0.5/second", 0.5), (3, 3), (2.5, 2.5), (None, None)],
)
def test_rates_are_read_as_people_write_them(rate: Any, each_second: float | None) -> None:
    assert per_second(rate) == each_second


@pytest.mark.parametrize("rate", ["10", "ten/s", "10/day", "0/s", -1, 0, True, "inf/s", "nan/s", float("nan"), [1]])
def test_what_is_no_rate_is_refused(rate: Any) -> None:
    with pytest.raises(ValueError, match=r'write calls a second, minute or hour, such as rate="10/s"'):
        per_second(rate)


@pytest.mark.parametrize("each_second", [0.5, 3.0, 20.0, 1000.0])
def test_over_no_stretch_of_time_do_more_calls_begin_than_the_rate_allows(each_second: float) -> None:
    pace, now, begun = Pace(each_second), 100.0, []
    for step in range(2000):
        now += (0.37, 0.0, 0.001, 5.0)[step % 4] / each_second
        allowed = pace.allowed(now)
        pace.take(allowed)
        begun += [now] * allowed
    most_at_once = max(1.0, each_second * 0.05)
    for first in range(0, len(begun), 7):
        for last in range(first, min(first + 50, len(begun))):
            assert last - first + 1 <= most_at_once + (begun[last] - begun[first]) * each_second + 1e-6


def test_a_paced_worker_that_waits_may_begin_again_when_it_is_told() -> None:
    pace = Pace(4.0)
    pace.take(pace.allowed(0.0))
    assert pace.wait_s(0.0) == pytest.approx(0.25)
    assert pace.allowed(0.25) == 1


async def at(_: int) -> float:
    return time.monotonic()


@pytest.mark.parametrize(("where", "func"), [("async", at), ("process", time.monotonic)])
def test_calls_begin_no_faster_than_the_rate(where: str, func: Any) -> None:
    parameters = [[n] for n in range(12)] if where == "async" else [[]] * 12
    began = sorted(chunk(func, parameters, rate="40/s", where=where, workers=4))
    assert (
        began[-1] - began[0] >= (12 - 1 - 2) / 40
    )  # two may begin at once, and the clock of a call starts a little late


def bad(x: int) -> int:
    time.sleep(0.002)
    raise ValueError(x)


def test_too_many_failures_end_the_run_and_say_so(tmp_path: Path) -> None:
    path = tmp_path / "x.cue"
    with pytest.raises(CallFailed) as caught:
        chunk(bad, range(5000), star=False, errors="collect", max_failures=5, path=path, workers=1, batch=1)
    [note] = caught.value.__notes__
    assert note == "6 calls failed, more than max_failures=5"
    made = Checkpoint.load(path)
    assert made.status == "failed"
    assert 6 <= len(made.errors) < 100


def test_as_many_failures_as_are_allowed_end_nothing() -> None:
    got = chunk(bad, range(5), star=False, errors="collect", max_failures=5, workers=1, where="thread")
    assert [type(each) for each in got] == [CallFailed] * 5


def test_a_stream_ends_with_too_many_failures_too() -> None:
    seen = []
    with pytest.raises(CallFailed):
        for done in stream(bad, iter(range(5000)), star=False, errors="collect", max_failures=2, where="thread"):
            seen.append(done.error)
    assert 3 <= len(seen) < 1000


def test_max_failures_needs_failures_that_are_collected() -> None:
    async def test() -> None:
        with pytest.raises(ValueError, match=r'max_failures= needs errors="collect"'):
            make_options(max_failures=3)
        async with Runtime(errors="collect", max_failures=0, where="thread", workers=1) as runtime:
            with pytest.raises(CallFailed):
                await runtime.chunk(bad, [[1]])

    asyncio.run(test())
