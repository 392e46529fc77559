"""One timer for the deadlines of all asks: a table of time slots, swept when the earliest is due.

A timer an ask would cost more than the ask. Knows no actor and no message.
"""

from __future__ import annotations

import asyncio
from typing import Any

from cuebook.runtime.clock import Clock, TimerHandle

__all__ = ["EXPIRED", "TICK_S", "Deadlines"]

TICK_S = 0.02
"""A deadline is met this much late at most, never early."""


class _Expired:
    """What a future resolves to when its deadline has passed."""

    __slots__ = ()


EXPIRED = _Expired()


class Deadlines:
    """Futures by the tick in which their time is up. No timer runs while the table is empty for long.

    Cost: two dictionary operations an entry and one removal; memory follows what is pending.
    """

    __slots__ = ("_armed_for", "_clock", "_slots", "_timer")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slots: dict[int, dict[asyncio.Future[Any], None]] = {}
        self._timer: TimerHandle | None = None
        self._armed_for = 0

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))

    def add(self, future: asyncio.Future[Any], timeout_s: float) -> int:
        """Resolve the future with EXPIRED after `timeout_s` seconds, unless it is done. Returns its slot."""
        slot = int((self._clock.monotonic() + timeout_s) / TICK_S) + 1
        entries = self._slots.get(slot)
        if entries is None:
            entries = self._slots[slot] = {}
            if self._timer is None or slot < self._armed_for:
                self._arm(slot)
        entries[future] = None
        return slot

    def discard(self, slot: int, future: asyncio.Future[Any]) -> None:
        """Forget a future that needs its deadline no more."""
        entries = self._slots.get(slot)
        if entries is not None:
            entries.pop(future, None)
            if not entries:
                del self._slots[slot]

    def close(self) -> None:
        """Forget everything; no future is resolved."""
        self._slots.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, slot: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = slot
        delay_s = max(slot * TICK_S - self._clock.monotonic(), 0.0)
        self._timer = self._clock.call_later(delay_s, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = self._clock.monotonic() + 1e-6
        for slot in sorted(slot for slot in self._slots if slot * TICK_S <= now):
            for future in self._slots.pop(slot):
                if not future.done():
                    future.set_result(EXPIRED)
        if self._slots:
            self._arm(min(self._slots))
