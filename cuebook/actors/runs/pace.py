"""How often calls may begin, where others are to be spared: `rate="10/s"`. Pure: it is told the time."""

from __future__ import annotations

__all__ = ["AT_ONCE_S", "Pace"]

AT_ONCE_S = 0.05
"""So many seconds' worth of calls may begin at once: timers are not exact, and fast rates would fall behind."""


class Pace:
    """Calls begin at most so often, over any stretch of time, retries among them.

    Args:
        per_second: how many may begin in a second.

    >>> pace = Pace(2.0)
    >>> pace.allowed(10.0), pace.take(1), pace.allowed(10.0), pace.wait_s(10.0), pace.allowed(10.5)
    (1, None, 0, 0.5, 1)
    """

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second * AT_ONCE_S)
        self._tokens = 1.0
        self._at: float | None = None

    def allowed(self, now: float) -> int:
        """Calls that may begin now, in seconds of any steady clock."""
        if self._at is not None:
            self._tokens = min(self._most, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        return int(self._tokens + 1e-6)

    def take(self, count: int) -> None:
        """So many begin."""
        self._tokens -= count

    def wait_s(self, now: float) -> float:
        """Seconds until another one may begin."""
        return 0.0 if self.allowed(now) else (1.0 - self._tokens) / self._per_second
