"""An axis: where a value lies, and which values are written beside it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Axis", "axis_of", "tick_text"]


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, at places from `begin` to `end` of a drawing; on a logarithmic scale or not."""

    low: float
    high: float
    begin: float
    end: float
    is_log: bool

    def place(self, value: float) -> float:
        """Where a value lies; what is beyond the axis lies at its end."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return self.begin + (at - low) / (high - low) * (self.end - self.begin)

    @property
    def ticks(self) -> list[float]:
        """Round values along it, at most about eight."""
        if self.is_log:
            return self._log_ticks()
        step = 10 ** math.floor(math.log10((self.high - self.low) / 4))
        step *= next(factor for factor in (1, 2, 5, 10) if (self.high - self.low) / (factor * step) <= 7)
        return [number * step for number in range(math.ceil(self.low / step), math.floor(self.high / step + 1e-9) + 1)]

    def _log_ticks(self) -> list[float]:
        if self.high / self.low <= 300:
            twos = range(math.ceil(math.log2(self.low) - 1e-9), math.floor(math.log2(self.high) + 1e-9) + 1)
            return [2.0**power for power in twos]
        tens = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
        return [10.0**power for power in tens][:: max(1, len(tens) // 8)]


def axis_of(values: list[float], begin: float, end: float, *, is_log: bool) -> Axis:
    """An axis with room for all values; a linear one begins at 0."""
    if is_log:
        positive = [value for value in values if value > 0] or [1.0]
        low, high = min(positive), max(positive)
        return Axis(low / 1.15, high * 1.15 if high > low else high * 2, begin, end, True)
    high = max([*values, 0.0])
    return Axis(0.0, high * 1.05 or 1.0, begin, end, False)


def tick_text(value: float) -> str:
    """A number as short as it can be.

    >>> [tick_text(value) for value in (0.0, 0.25, 64.0, 1500.0, 2000000.0, 1e-05)]
    ['0', '0.25', '64', '1,500', '2M', '1e-05']
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:g}M"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
