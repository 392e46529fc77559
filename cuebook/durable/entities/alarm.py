"""Who sleeps and is to be woken when: one timer for all of them, none while nobody is. Knows no actor."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from cuebook.clock import Clock, TimerHandle

__all__ = ["Alarm"]

_FAR_S = 3600.0
"""The longest that the timer is set for: the time of day may be changed meanwhile."""


class Alarm:
    """Calls `wake(name)` at the time of day that was set for the name, or at once where that has passed."""

    def __init__(self, clock: Clock, wake: Callable[[str], None]) -> None:
        self._clock = clock
        self._wake = wake
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._timer: TimerHandle | None = None

    def set(self, name: str, due: float | None) -> None:
        """Wake it at this time (seconds since 1970), and at no other; None: at none."""
        if due is None:
            self._due.pop(name, None)
            return
        self._due[name] = due
        heapq.heappush(self._heap, (due, name))
        if self._heap[0] == (due, name):
            self._arm()

    def close(self) -> None:
        """Wake nobody any more."""
        self._due.clear()
        self._heap.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            left_s = self._heap[0][0] - self._clock.time()
            self._timer = self._clock.call_later(min(max(left_s, 0.0), _FAR_S), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._clock.time()
        while self._heap and self._heap[0][0] <= now:
            due, name = heapq.heappop(self._heap)
            if self._due.get(name) == due:
                del self._due[name]
                self._wake(name)
        self._arm()
