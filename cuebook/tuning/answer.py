"""The answer of a tuning, as data. Knows no run and no clock."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cuebook.tuning.limits import TimeShares, limit_of
from cuebook.tuning.measured import CallCost, CallSetting
from cuebook.tuning.scaling import ScalingFit

__all__ = ["TunedRow", "Tuning", "at_best"]

WORTH = 1.2
"""Parallel calls that are not faster than a plain loop by this factor are not worth it."""


@dataclass(frozen=True, slots=True)
class TunedRow:
    """A setting that was measured.

    Attributes:
        setting: which.
        rate: calls a second, the median of its runs.
        interval: where that lies, with 95 %; None after fewer than three runs.
        efficiency: the share of what as many workers would do if calls cost nothing beside themselves.
        runs: how many there were.
    """

    setting: CallSetting
    rate: float
    interval: tuple[float, float] | None
    efficiency: float
    runs: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """What `tune()` has found out; as text, the table and the sentences that `cuebook tune` prints.

    Attributes:
        function: its name.
        cost: what one call takes by itself; None where not even that could be measured.
        best: the setting to use; None where nothing was measured.
        rows: each setting that was measured, the best first.
        total: how many calls there are in all; None where nobody knows.
        plain_rate: calls a second of a plain loop without cuebook.
        shares: where the time of the workers went; None where there was no time to look.
        fits: the laws of scaling that the measured numbers of workers allow.
        cpus: processors that may be used.
        fitting: how many worker processes the free memory holds; None where that is not known.
        is_stable: whether more runs would not have changed the order.
        is_interrupted: whether somebody stopped it.
        left_out: settings that there was no time for.
        notes: what else is to be said.
        calls: when each call of a run with the best setting began and how long it ran, in seconds.
        saved: the file that the settings were written to; None where they were not.
        text: the answer in words.
    """

    function: str
    cost: CallCost | None
    best: CallSetting | None
    rows: tuple[TunedRow, ...]
    total: int | None
    plain_rate: float
    shares: TimeShares | None
    fits: tuple[ScalingFit, ...]
    cpus: int
    fitting: int | None
    is_stable: bool
    is_interrupted: bool
    left_out: tuple[CallSetting, ...] = ()
    notes: tuple[str, ...] = ()
    calls: tuple[tuple[float, float], ...] = field(default=(), repr=False)
    saved: str | None = None
    text: str = field(default="", repr=False)

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of `chunk()` for the best setting; none where nothing was measured."""
        return {} if self.best is None else self.best.options

    @property
    def rate(self) -> float:
        """Calls a second with the best setting; 0.0 where nothing was measured."""
        return self.rows[0].rate if self.rows else 0.0

    @property
    def is_worth_it(self) -> bool:
        """Whether the best setting is clearly faster than a plain loop."""
        return self.rate >= WORTH * self.plain_rate

    @property
    def limit(self) -> str | None:
        """What limits the best setting: "cpu", "waiting", "gil", "memory", "serialization", "disk" or "dispatch"."""
        return None if self.shares is None else limit_of(self.shares)

    @property
    def seconds(self) -> float | None:
        """How long all calls would take with the best setting; None where that is not known."""
        return None if self.total is None or not self.rate else self.total / self.rate

    @property
    def seconds_interval(self) -> tuple[float, float] | None:
        """Where that lies, with 95 %."""
        bounds = self.rows[0].interval if self.rows else None
        return None if bounds is None or self.total is None else (self.total / bounds[1], self.total / bounds[0])

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values, those that are derived too; without single calls."""
        known = {name: value for name, value in asdict(self).items() if name not in ("fits", "text", "calls")}
        return {
            **known,
            "options": self.options,
            "rate": self.rate,
            "seconds": self.seconds,
            "seconds_interval": self.seconds_interval,
            "is_worth_it": self.is_worth_it,
            "limit": self.limit,
            "fits": [{**asdict(fit), "peak": fit.peak, "predicted": _curve(fit)} for fit in self.fits],
        }

    def __str__(self) -> str:
        return self.text


def _curve(fit: ScalingFit) -> dict[str, float]:
    return {str(2**power): fit.predicted(2**power) for power in range(8)}


def at_best(cost: CallCost, workers: int, cpus: int) -> float:
    """Calls a second of so many workers if calls cost nothing beside themselves."""
    return min(workers, cpus / max(cost.cores, 1e-3)) / max(cost.seconds, 1e-9)
