"""Makes the answer of a tuning of the cost of one call, the runs and a traced one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cuebook.tuning.answer import TunedRow, Tuning, at_best
from cuebook.tuning.limits import shares_of
from cuebook.tuning.measured import Bounds, CallCost, CallSetting, TimedRun
from cuebook.tuning.ranking import interval, ranked
from cuebook.tuning.scaling import ScalingFit, fitted
from cuebook.tuning.search import Findings
from cuebook.tuning.words import answer_text

__all__ = ["answer_of"]


def answer_of(
    function: str,
    cost: CallCost | None,
    bounds: Bounds,
    found: Findings,
    *,
    traced: TimedRun | None = None,
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
    tuning = Tuning(
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
        calls=() if traced is None else traced.times,
    )
    return replace(tuning, text=answer_text(tuning))


def _row(setting: CallSetting, found: Findings, cost: CallCost, bounds: Bounds) -> TunedRow:
    rate = found.medians[setting]
    ideal = at_best(cost, setting.workers, bounds.cpus)
    values = found.rates[setting]
    return TunedRow(setting, rate, interval(values), rate / ideal, len(values))


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
