"""The answer of a tuning as a page: curves over workers and batches, lengths of calls, a timeline. Pure."""

from __future__ import annotations

from cuebook.pages.histogram import histogram
from cuebook.pages.line_chart import Curve, line_chart
from cuebook.pages.page import figure, page, preformatted
from cuebook.profiling.lanes import laid_out
from cuebook.profiling.profile_page import timeline
from cuebook.profiling.words import brief
from cuebook.tuning.answer import TunedRow, Tuning

__all__ = ["tuning_page"]

BEYOND = 8
"""A law is drawn up to so many times the workers that were measured."""


def tuning_page(tuning: Tuning) -> str:
    """One file of HTML that needs nothing beside itself."""
    parts = [preformatted(str(tuning))]
    adapted = [row for row in tuning.rows if row.setting.batch is None]
    if adapted:
        parts += _over_workers(tuning, adapted)
    batched = _over_batches(tuning)
    if batched:
        drawn = line_chart(batched, "calls in a message (batch)", "calls/s", is_log_x=True)
        parts.append(figure("Throughput over batches", drawn, "With the best number of workers; others are adapted."))
    if tuning.calls:
        parts += _calls(tuning)
    return page(f"{tuning.function}: how it is best run", parts)


def _over_workers(tuning: Tuning, rows: list[TunedRow]) -> list[str]:
    """Throughput and efficiency over the number of workers, with what the laws of scaling predict."""
    wheres = [*dict.fromkeys(row.setting.where for row in rows)]
    rates, shares = [], []
    for colour, where in enumerate(wheres):
        points = sorted((row.setting.workers, row.rate, row.efficiency) for row in rows if row.setting.where == where)
        rates.append(Curve(where, [(workers, rate) for workers, rate, _ in points], colour=colour))
        shares.append(Curve(where, [(workers, share) for workers, _, share in points], colour=colour))
    most = max(row.setting.workers for row in rows)
    steps = [2**power for power in range((BEYOND * most).bit_length())]
    for fit in tuning.fits:
        colour = wheres.index(tuning.best.where) if tuning.best is not None and tuning.best.where in wheres else 0
        law = "Amdahl's law" if fit.law == "Amdahl" else "universal law"
        rates.append(Curve(law, [(step, fit.predicted(step)) for step in steps], is_predicted=True, colour=colour))
    drawn = line_chart(rates, "workers", "calls/s", is_log_x=True, is_log_y=True)
    said = "Both axes are logarithmic. Dashed: predicted, given as many CPUs where calls compute."
    ideal = "1 is what as many workers would do if calls cost nothing beside themselves."
    return [
        figure("Throughput over workers", drawn, said),
        figure("Efficiency over workers", line_chart(shares, "workers", "efficiency", is_log_x=True), ideal),
    ]


def _over_batches(tuning: Tuning) -> list[Curve]:
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in tuning.rows:
        if row.setting.batch is not None:
            name = f"{row.setting.where}, {row.setting.workers}"
            curves.setdefault(name, []).append((row.setting.batch, row.rate))
    return [Curve(name, sorted(points)) for name, points in curves.items()]


def _calls(tuning: Tuning) -> list[str]:
    """How long calls took with the best setting, and when each ran."""
    calls = sorted(tuning.calls)
    starts, seconds = [start for start, _ in calls], [length for _, length in calls]
    lanes = laid_out(starts, seconds)
    drawn = timeline(lanes, starts, seconds, names=range(len(calls)))
    said = f"One run with {tuning.best}. Each bar is a call, or calls close together."
    return [
        figure("How long calls took", histogram(seconds, brief), f"{len(calls):,} calls with {tuning.best}."),
        figure("Workers over time", drawn, said),
    ]
