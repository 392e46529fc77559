"""Time-outs of calls and the time limit of a run."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallTimedOut, SupervisionError, chunk
from tests.chunks.failing import WHERE, executions

# -- time


def slow_on_two(x: int) -> int:
    if x == 2:
        time.sleep(20)
    return x


async def slow_coroutine(x: int) -> int:
    if x == 2:
        await asyncio.sleep(20)
    return x


@pytest.mark.parametrize("where", WHERE)
def test_a_call_over_its_time_fails_and_the_others_go_on(where: str) -> None:
    func = slow_coroutine if where == "async" else slow_on_two
    began = time.monotonic()
    output = chunk(func, [[n] for n in range(6)], where=where, chunk_size=2, timeout=0.3, errors="collect")
    assert time.monotonic() - began < 15
    failed = output.pop(2)
    assert output == [0, 1, 3, 4, 5]
    assert isinstance(failed, CallTimedOut)
    assert "timeout=0.3" in str(failed)


@pytest.mark.parametrize("where", ["process", "async"])
def test_a_timeout_is_tried_again_as_an_exception_is(where: str, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def f(x: int) -> int:
        with open(log, "a") as file:
            file.write("1\n")
        time.sleep(20)
        return x

    async def g(x: int) -> int:
        with open(log, "a") as file:
            file.write("1\n")
        await asyncio.sleep(20)
        return x

    [failed] = chunk(
        g if where == "async" else f, [[1]], where=where, timeout=0.2, retries=1, backoff=0, errors="collect"
    )
    assert isinstance(failed, CallTimedOut)
    assert failed.attempts == 2
    assert executions(log)[1] == 2


def test_a_call_behind_a_slow_one_is_not_charged_with_its_time() -> None:
    def f(x: int) -> int:
        time.sleep(0.2)
        return x

    assert chunk(f, [[n] for n in range(6)], chunk_size=1, timeout=1.0, batch=3) == list(range(6))


def test_a_thread_over_its_time_is_abandoned_and_what_it_returns_is_dropped() -> None:
    go_on = threading.Event()
    ended = threading.Event()

    def f(x: int) -> Any:
        if x == 0:
            go_on.wait(20)
            ended.set()
            return "too late"
        return x

    output = chunk(f, [[n] for n in range(4)], where="thread", chunk_size=2, timeout=0.2, errors="collect", retries=3)
    go_on.set()
    assert ended.wait(20)
    assert isinstance(output[0], CallTimedOut)
    assert output[0].attempts == 1
    assert output[1:] == [1, 2, 3]


def test_threads_are_abandoned_only_so_often() -> None:
    go_on = threading.Event()
    with pytest.raises(SupervisionError, match="abandoned"):
        chunk(
            lambda x: go_on.wait(20),
            [[n] for n in range(10)],
            where="thread",
            chunk_size=2,
            timeout=0.05,
            errors="collect",
        )
    go_on.set()


def test_a_coroutine_that_ignores_its_cancellation_does_not_hold_up_the_run() -> None:
    async def f(x: int) -> int:
        end = time.monotonic() + 2
        while x == 0 and time.monotonic() < end:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return x

    began = time.monotonic()
    output = chunk(f, [[n] for n in range(3)], where="async", chunk_size=2, timeout=0.2, errors="collect")
    assert time.monotonic() - began < 12
    assert isinstance(output[0], CallTimedOut)
    assert output[1:] == [1, 2]
