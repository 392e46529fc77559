"""Reads an iterator of parameters a little ahead of the workers, without ever blocking the loop. Knows no run."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

__all__ = ["AsyncFeeder", "Feeder", "ThreadFeeder", "ahead_limit"]

AHEAD_MAX = 8192
"""Calls of an iterator that may be in memory: read, under way or waiting for the disk."""


def ahead_limit(done: int, chunk_size: int) -> int:
    """How many items may have been read when `done` are finished: few at first, more as they turn out to be quick.

    >>> ahead_limit(0, 2), ahead_limit(1000, 2), ahead_limit(1_000_000, 2)
    (6, 2000, 1008192)
    """
    return done + max(3 * chunk_size, min(AHEAD_MAX, done))


class Feeder:
    """The common part: `allow` says how many items may be read in all."""

    def allow(self, count: int) -> None:
        """From now on up to `count` items may have been read."""

    def stop(self) -> None:
        """Read no more."""


class ThreadFeeder(Feeder):
    """Pulls a synchronous iterator in a daemon thread of its own.

    Args:
        items: read from that thread alone.
        accept: gets each handful of items, on the loop.
        end: called once on the loop: with None at the end, or with what the iterator raised.
    """

    def __init__(
        self,
        items: Iterator[Any],
        accept: Callable[[list[Any]], None],
        end: Callable[[BaseException | None], None],
    ) -> None:
        self._items = items
        self._accept = accept
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._demand = threading.Condition()
        self._allowed = 0
        self._is_stopped = False
        self._read: deque[Any] = deque()
        self._is_announced = False
        self._is_reading = True
        self._thread = threading.Thread(target=self._pull, name="cuebook-feeder", daemon=True)
        self._thread.start()

    def allow(self, count: int) -> None:
        if count > self._allowed:
            with self._demand:
                self._allowed = count
                self._demand.notify()

    def stop(self) -> None:
        with self._demand:
            self._is_stopped = True
            self._demand.notify()
            is_waiting = not self._is_reading
        if is_waiting:  # else it ends when the user's iterator lets it
            self._thread.join()

    def _pull(self) -> None:
        pulled = 0
        error: BaseException | None = None
        try:
            while True:
                if not self._may_pull(pulled):
                    return
                self._read.append(next(self._items))
                pulled += 1
                if not self._is_announced:
                    self._is_announced = True
                    self._call(self._hand_over)
        except StopIteration:
            error = None
        except BaseException as raised:
            error = raised
        self._is_reading = False
        self._call(lambda: self._finish(error))

    def _may_pull(self, pulled: int) -> bool:
        """Wait until one more is wanted; False when none ever will be."""
        if pulled >= self._allowed:
            with self._demand:
                self._is_reading = False
                self._demand.wait_for(lambda: self._is_stopped or pulled < self._allowed)
                self._is_reading = not self._is_stopped
        return not self._is_stopped

    def _call(self, function: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            self._is_stopped = True

    def _hand_over(self) -> None:
        self._is_announced = False
        items = [self._read.popleft() for _ in range(len(self._read))]
        if items and not self._is_stopped:
            self._accept(items)

    def _finish(self, error: BaseException | None) -> None:
        self._hand_over()
        if not self._is_stopped:
            self._end(error)


class AsyncFeeder(Feeder):
    """Pulls an asynchronous iterator in a task of its own; same arguments as `ThreadFeeder`."""

    def __init__(
        self,
        items: AsyncIterator[Any],
        accept: Callable[[list[Any]], None],
        end: Callable[[BaseException | None], None],
    ) -> None:
        self._items = items
        self._accept = accept
        self._end = end
        self._allowed = 0
        self._is_stopped = False
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._pull(), name="cuebook-feeder")

    def allow(self, count: int) -> None:
        if count > self._allowed:
            self._allowed = count
            self._more.set()

    def stop(self) -> None:
        self._is_stopped = True
        if self._task is not asyncio.current_task():
            self._task.cancel()

    async def _pull(self) -> None:
        pulled = 0
        try:
            while not self._is_stopped:
                while pulled >= self._allowed:
                    self._more.clear()
                    await self._more.wait()
                self._accept([await anext(self._items)])
                pulled += 1
        except StopAsyncIteration:
            self._end(None)
        except BaseException as error:  # a SystemExit of the iterator's own ends the run, not its loop
            if isinstance(error, asyncio.CancelledError) and self._task.cancelling():
                raise
            self._end(error)  # also a CancelledError that nobody but the iterator made
