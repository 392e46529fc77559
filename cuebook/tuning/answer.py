"""The answer of a tuning: made of the cost of one call, the runs and a traced one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cuebook.tuning.limits import CAUSES, TimeShares, limit_of, shares_of
from cuebook.tuning.measured import Bounds, CallCost, CallSetting, Tracing
from cuebook.tuning.ranking import interval, ranked
from cuebook.tuning.scaling import ScalingFit, fitted
from cuebook.tuning.search import Findings

__all__ = ["SHORT_S", "TunedRow", "Tuning", "answer_of", "at_best", "causes_by_share"]

WORTH = 1.2
"""Parallel calls that are not faster than a plain loop by this factor are not worth it."""
SHORT_S = 50e-6


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
    notes: tuple[str, ...] = field(default=())

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of `chunk()` for the best setting; none where nothing was measured, or a plain loop does it."""
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
        """All of it as plain values, those that are derived too."""
        known = {name: value for name, value in asdict(self).items() if name != "fits"}
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
        from cuebook.tuning.words import answer_text

        return answer_text(self)


def _curve(fit: ScalingFit) -> dict[str, float]:
    return {str(2**power): fit.predicted(2**power) for power in range(8)}


def answer_of(
    function: str,
    cost: CallCost | None,
    bounds: Bounds,
    found: Findings,
    *,
    traced: Tracing | None = None,
    is_interrupted: bool = False,
    load: float = 0.0,
) -> Tuning:
    """The answer.

    Args:
        traced: a run of the best setting.
        load: processors that others kept busy when it began.
    """
    rates = found.rates
    order = ranked(rates)
    rows = tuple(_row(setting, found, cost, bounds) for setting in order) if cost is not None else ()
    plain = (1 - cost.failed / cost.calls) and 1 / max(cost.seconds, 1e-9) if cost is not None else 0.0
    return Tuning(
        function=function,
        cost=cost,
        best=order[0] if order else None,
        rows=rows,
        total=bounds.total,
        plain_rate=plain,
        shares=None if traced is None or cost is None else shares_of(cost, traced, max(1.0, bounds.cpus - load)),
        fits=tuple(_fits(found.medians, order[0], cost, bounds)) if order and cost is not None else (),
        cpus=bounds.cpus,
        fitting=_fitting(cost, bounds),
        is_stable=found.is_stable,
        is_interrupted=is_interrupted,
        left_out=tuple(found.left_out),
        notes=tuple(_notes(cost, bounds, found, load)),
    )


def _row(setting: CallSetting, found: Findings, cost: CallCost, bounds: Bounds) -> TunedRow:
    rate = found.medians[setting]
    ideal = at_best(cost, setting.workers, bounds.cpus)
    values = found.rates[setting]
    return TunedRow(setting, rate, interval(values), rate / ideal, len(values))


def at_best(cost: CallCost, workers: int, cpus: int) -> float:
    """Calls a second of so many workers if calls cost nothing beside themselves."""
    return min(workers, cpus / max(cost.cores, 1e-3)) / max(cost.seconds, 1e-9)


def _fits(medians: Mapping[CallSetting, float], best: CallSetting, cost: CallCost, bounds: Bounds) -> list[ScalingFit]:
    """Over the numbers of workers of the best place; of those that have a processor each, where calls compute."""
    points = {
        setting.workers: rate
        for setting, rate in medians.items()
        if (setting.where, setting.batch) == (best.where, None) and (cost.waits or setting.workers <= bounds.cpus)
    }
    return fitted(points)


def _fitting(cost: CallCost | None, bounds: Bounds) -> int | None:
    if cost is None or not cost.worker_bytes or bounds.memory_bytes is None:
        return None
    return bounds.memory_bytes // cost.worker_bytes


def _notes(cost: CallCost | None, bounds: Bounds, found: Findings, load: float) -> list[str]:
    notes = []
    if load > 0.5:
        notes.append(
            f"the machine was busy when this began (load {load:.1f} on {bounds.cpus} CPUs): measure again later"
        )
    if cost is None:
        return notes
    failed = max(cost.failed / max(1, cost.calls), *(run.failed / run.calls for run in found.runs), 0.0)
    if failed:
        notes.append(f"{failed:.0%} of the calls failed; how long these took counts too")
    if cost.grown_bytes > 50_000:
        notes.append(
            f"the memory in use grows by {cost.grown_bytes / 1e6:.2g} MB a call: recycle_after= replaces workers"
        )
    if cost.pool_threads is not None and cost.pool_threads > 1 and cost.cores > 1.2:
        notes.append(
            f"a call uses {cost.cores:.1f} CPUs by itself, in a pool of {cost.pool_threads} threads: worker processes "
            "are given their share of them; for threads set OMP_NUM_THREADS=1"
        )
    elif cost.cores > 1.2:
        notes.append(
            f"a call uses {cost.cores:.1f} CPUs by itself: it has threads of its own. Worker processes are given their "
            "share of them; for threads set OMP_NUM_THREADS=1 (pip install cuebook[tune] tells more)"
        )
    rates = found.rates
    if rates and max(map(len, rates.values())) < 3 and not found.is_stable:
        notes.append("too little was measured to tell how sure this is: give it more time (--budget), or shorter calls")
    return notes


def causes_by_share(shares: TimeShares) -> list[tuple[str, float]]:
    """The causes that took more than a fiftieth, the largest first."""
    named = [(cause, float(getattr(shares, cause))) for cause in CAUSES]
    return sorted([each for each in named if each[1] > 0.02], key=lambda each: -each[1])
