"""Workers in this process: whatever a call or a Worker class does, the run goes on or ends with the reason."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, Chunker, Worker, WorkerDied, chunk
from cuebook.errors import RestartLimitReached

pytestmark = pytest.mark.quick

WHERE = ["process", "thread"]


class Unspeakable(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class NeverReady(Worker):
    def setup(self) -> None:
        raise Unspeakable


class Interrupted(Worker):
    def setup(self) -> None:
        raise KeyboardInterrupt


class BadEnd(Worker):
    def teardown(self) -> None:
        sys.exit(3)


@pytest.mark.parametrize("where", WHERE)
def test_an_exception_without_a_text_ends_the_run_like_any_other(where: str) -> None:
    with pytest.raises(Unspeakable):
        chunk(abs, [[1]], where=where, actors=NeverReady, chunk_size=1)

    def f(x: int) -> None:
        raise Unspeakable(x)

    with pytest.raises(CallFailed, match="its message could not be made"):
        chunk(f, [[1]], where=where, chunk_size=1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_by_itself_is_replaced_and_not_waited_for() -> None:
    with pytest.raises(RestartLimitReached, match="KeyboardInterrupt"):
        chunk(abs, [[1]], where="thread", actors=Interrupted, chunk_size=1)


@pytest.mark.parametrize("where", WHERE)
def test_a_teardown_that_exits_stops_no_later_run(where: str) -> None:
    with Chunker(actors=BadEnd, where=where, chunk_size=1) as chunker:
        assert chunker([[-1]], func=abs) == [1]
        assert chunker([[-1]], func=float) == [-1.0]


def test_a_coroutine_that_cancels_its_own_task_is_charged_with_it() -> None:
    async def f(x: int) -> int:
        if x == 1:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        await asyncio.sleep(0)
        return x

    output = chunk(f, [[n] for n in range(3)], where="async", chunk_size=1, errors="collect")
    assert [type(item) for item in output] == [int, WorkerDied, int]
    assert "its task was cancelled" in str(output[1])


def test_a_coroutine_that_leaves_its_task_cancelled_keeps_its_result() -> None:
    async def f(x: int) -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return x

    assert chunk(f, [[n] for n in range(3)], where="async", chunk_size=1) == [0, 1, 2]


@pytest.mark.parametrize("where", WHERE)
def test_an_exception_with_a_huge_text_fails_its_call_and_keeps_both_ends_of_it(where: str, tmp_path: Path) -> None:
    def f(x: int) -> int:
        if x == 1:
            raise ValueError("begin" + "x" * (40 << 20) + "end")
        return x

    output = chunk(f, [[n] for n in range(3)], where=where, chunk_size=1, errors="collect")
    assert [type(item) for item in output] == [int, CallFailed, int]
    text = str(output[1])
    assert "ValueError: begin" in text and "xend" in text and len(text) < 1 << 20


class Held:
    """An argument that can be watched."""


def test_a_warm_thread_holds_nothing_of_the_run_before_the_last() -> None:
    def f(item: Any) -> int:
        return 1

    held = Held()
    alive = weakref.ref(held)
    with Chunker(where="thread", chunk_size=1) as chunker:
        chunker([[held]], func=f)
        del held
        chunker([[0]], func=f)
        chunker([[0]], func=f)
        gc.collect()
        assert alive() is None
