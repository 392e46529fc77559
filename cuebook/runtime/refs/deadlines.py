"""One timer for the deadlines of all asks, set for the earliest.

A timer an ask would cost more than the ask. Knows no actor and no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import takewhile
from typing import Any

from cuebook.clock import Clock, TimerHandle

__all__ = ["EXPIRED", "TICK_S", "Deadlines"]

TICK_S = 0.02
"""A deadline is met this much late at most, never early."""


class _Expired:
    """What a future resolves to when its deadline has passed."""

    __slots__ = ()


EXPIRED = _Expired()


class Deadlines:
    """Futures whose time will be up, in a queue for each length of time, where they come in order of their ends.

    No timer runs while the table is empty for long.

    Parameters:
        now: the clock's monotonic seconds.

    Cost: two dictionary operations an entry and one removal; memory follows what is pending. A sweep looks at the
    heads of the queues.
    """

    __slots__ = ("_armed_for", "_clock", "_now", "_queues", "_timer")

    def __init__(self, clock: Clock, now: Callable[[], float]) -> None:
        self._clock = clock
        self._now = now
        self._queues: dict[float, dict[asyncio.Future[Any], float]] = {}
        self._timer: TimerHandle | None = None
        self._armed_for = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def add(self, future: asyncio.Future[Any], timeout_s: float) -> float:
        """Resolve the future with EXPIRED after `timeout_s` seconds, unless it is done. Returns when that is."""
        due = self._now() + timeout_s
        queue = self._queues.get(timeout_s)
        if queue is None:
            queue = self._queues[timeout_s] = {}
            if self._timer is None or due < self._armed_for:
                self._arm(due)
        queue[future] = due
        return due

    def discard(self, future: asyncio.Future[Any], timeout_s: float) -> None:
        """Forget a future that needs its deadline no more."""
        queue = self._queues.get(timeout_s)
        if queue is not None:
            queue.pop(future, None)
            if not queue:
                del self._queues[timeout_s]

    def close(self) -> None:
        """Forget everything; no future is resolved."""
        self._queues.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # Rounded up, so that deadlines close together share a sweep.
        self._armed_for = (due // TICK_S + 1) * TICK_S
        self._timer = self._clock.call_later(max(self._armed_for - self._now(), 0.0), self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = self._now() + 1e-6
        for timeout_s, queue in list(self._queues.items()):
            for future, _ in list(takewhile(lambda entry: entry[1] <= now, queue.items())):
                del queue[future]
                if not future.done():
                    future.set_result(EXPIRED)
            if not queue:
                del self._queues[timeout_s]
        if self._queues:
            self._arm(min(next(iter(queue.values())) for queue in self._queues.values()))
