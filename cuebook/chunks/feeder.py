"""Reads an iterator of parameters a little ahead of the workers, without ever blocking the loop. Knows no run."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from cuebook.runtime.tasks.threads import in_thread

__all__ = ["AsyncFeeder", "Feeder", "Intake", "ThreadFeeder", "ahead_limit"]

T = TypeVar("T")

_SLICE_S = 0.005
"""So long, about, items are accepted in one turn of the loop."""
_HANDFUL_MIN, _HANDFUL_MAX = 32, 256

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


@dataclass(frozen=True, slots=True)
class Intake(Generic[T]):
    """What becomes of the items that are read.

    Attributes:
        look: what there is to know of an item, asked in order and one at a time; may block.
        accept: gets each handful of what `look` gave, on the loop.
        end: called once on the loop: with None at the end, or with what the iterator or `look` raised.
        is_slow: whether `look` may block: it is kept off the loop then.
    """

    look: Callable[[Any], T]
    accept: Callable[[list[T]], None]
    end: Callable[[BaseException | None], None]
    is_slow: bool = True


class _Handfuls:
    """How many items are taken at once: so many that it does not hold up the loop for long."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._size = _HANDFUL_MIN

    def hand(self, read: deque[T], accept: Callable[[list[T]], None], is_stopped: Callable[[], bool]) -> None:
        """Have items accepted for some milliseconds; what is left is for another turn of the loop."""
        began = self._clock()
        while read and not is_stopped():
            start = self._clock()
            accept([read.popleft() for _ in range(min(self._size, len(read)))])
            now = self._clock()
            if now - start > _SLICE_S:
                self._size = max(1, self._size // 4)
            elif now - start < _SLICE_S / 4:
                self._size = min(_HANDFUL_MAX, self._size * 2)
            if now - began > _SLICE_S:
                return


class ThreadFeeder(Feeder):
    """Pulls a synchronous iterator in a daemon thread of its own, and looks at its items there.

    Args:
        items: read from that thread alone.
        intake: what becomes of them; its `look` is called in that thread.
    """

    def __init__(self, items: Iterator[Any], intake: Intake[Any]) -> None:
        self._items = items
        self._intake = intake
        self._loop = asyncio.get_running_loop()
        self._handfuls = _Handfuls(self._loop.time)
        self._demand = threading.Condition()
        self._allowed = 0
        self._is_stopped = False
        self._read: deque[Any] = deque()
        self._is_announced = False
        self._is_reading = True
        self._ending: tuple[BaseException | None] | None = None
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
        error: BaseException | None = None
        try:
            self._pull_all()
        except BaseException as raised:
            error = raised
        self._is_reading = False
        self._call(lambda: self._finish(error))

    def _pull_all(self) -> None:
        pulled = 0
        while self._may_pull(pulled):
            try:
                item = next(self._items)
            except StopIteration:
                return
            self._read.append(self._intake.look(item))
            pulled += 1
            if not self._is_announced:
                self._is_announced = True
                self._call(self._hand_over)

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
        self._handfuls.hand(self._read, self._intake.accept, lambda: self._is_stopped)
        if self._is_stopped:
            return
        if self._read:
            self._is_announced = True
            self._loop.call_soon(self._hand_over)
        elif self._ending is not None:
            self._is_stopped = True
            self._intake.end(*self._ending)

    def _finish(self, error: BaseException | None) -> None:
        self._ending = (error,)
        self._hand_over()


class AsyncFeeder(Feeder):
    """Pulls an asynchronous iterator in a task of its own.

    Args:
        items: read from that task alone.
        intake: what becomes of them; where its `look` is slow, another task has it called in a thread.
    """

    def __init__(self, items: AsyncIterator[Any], intake: Intake[Any]) -> None:
        self._items = items
        self._intake = intake
        self._allowed = 0
        self._is_stopped = False
        self._more = asyncio.Event()
        self._read: deque[Any] = deque()
        self._has_news = asyncio.Event()
        self._ending: tuple[BaseException | None] | None = None
        self._tasks = [asyncio.create_task(self._pull(), name="cuebook-feeder")]
        if intake.is_slow:
            self._tasks.append(asyncio.create_task(self._look_up(), name="cuebook-feeder-looking"))

    def allow(self, count: int) -> None:
        if count > self._allowed:
            self._allowed = count
            self._more.set()

    def stop(self) -> None:
        self._is_stopped = True
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()

    async def _pull(self) -> None:
        pulled = 0
        try:
            while not self._is_stopped:
                while pulled >= self._allowed:
                    self._more.clear()
                    await self._more.wait()
                self._take(await anext(self._items))
                pulled += 1
                if self._intake.is_slow and not pulled % _HANDFUL_MIN:
                    await asyncio.sleep(0)  # an iterator that never waits must not hold up the loop
        except StopAsyncIteration:
            self._finish(None)
        except BaseException as error:  # a SystemExit of the iterator's own ends the run, not its loop
            if isinstance(error, asyncio.CancelledError) and self._tasks[0].cancelling():
                raise
            self._finish(error)  # also a CancelledError that nobody but the iterator made

    def _take(self, item: Any) -> None:
        if self._intake.is_slow:
            self._read.append(item)
            self._has_news.set()
        else:
            self._intake.accept([self._intake.look(item)])

    def _finish(self, error: BaseException | None) -> None:
        self._ending = (error,)
        self._has_news.set()
        if not self._intake.is_slow:
            self._intake.end(error)

    async def _look_up(self) -> None:
        handfuls, looked = _Handfuls(asyncio.get_running_loop().time), deque[Any]()
        error: BaseException | None = None
        while error is None and not self._is_stopped:
            if not self._read:
                if self._ending is not None:
                    error = self._ending[0]
                    break
                self._has_news.clear()
                await self._has_news.wait()
            items = [self._read.popleft() for _ in range(min(_HANDFUL_MAX, len(self._read)))]
            error = await in_thread(partial(self._look_at, items, looked))
            while looked and not self._is_stopped:
                handfuls.hand(looked, self._intake.accept, lambda: self._is_stopped)
                await asyncio.sleep(0)
        if not self._is_stopped:
            self._intake.end(error)

    def _look_at(self, items: list[Any], looked: deque[Any]) -> BaseException | None:
        try:
            for item in items:
                looked.append(self._intake.look(item))
        except BaseException as error:
            return error
        return None
