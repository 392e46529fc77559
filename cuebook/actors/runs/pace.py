"""How often calls may begin, where others are to be spared: `rate="10/s"`. Pure: it is told the time."""

from __future__ import annotations

from contextlib import suppress
from math import inf
from typing import Any

__all__ = ["AT_ONCE_S", "Pace", "per_second"]

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


_UNITS_S = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}


def per_second(rate: Any) -> float | None:
    """Calls a second, of "10/s", "600/min", "5000/h", or a number of them.

    Raises:
        ValueError: it is none of these.
    """
    if rate is None:
        return None
    if isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate < inf:
        return float(rate)
    if isinstance(rate, str):
        count, slash, unit = rate.replace(",", "").replace(" ", "").partition("/")
        with suppress(ValueError):
            number = float(count)
            if slash and unit in _UNITS_S and 0 < number < inf:
                return number / _UNITS_S[unit]
    raise ValueError(f'rate={rate!r} is no rate: write calls a second, minute or hour, such as rate="10/s"')
