"""The answer of a tuning in words: a table with a plot, and the sentences under it. Pure."""

from __future__ import annotations

from cuebook.tuning.answer import TunedRow, Tuning
from cuebook.tuning.limits import CAUSES
from cuebook.wording import duration

__all__ = ["answer_text"]

ROWS_MAX = 16
BAR = 20
SHORT_S = 50e-6
"""Calls under this are better made many at a time, whatever runs them."""


def answer_text(tuning: Tuning) -> str:
    """Table, then what to do, how fast it is, what limits it, and what else is to be said."""
    parts = [_heading(tuning), *_table(tuning.rows), *_advice(tuning), *_scaling(tuning), *_rest(tuning)]
    return "\n".join(parts)


def _heading(tuning: Tuning) -> str:
    if tuning.cost is None:
        return f"{tuning.function}: not one call ended within the budget; nothing can be said"
    cost = tuning.cost
    kind = "waits" if cost.waits else "computes"
    return (
        f"{tuning.function}: a call takes {_brief(cost.seconds)} by itself and {kind} "
        f"({min(cost.cores, tuning.cpus):.0%} of a CPU), with {_size(cost.argument_bytes)} of arguments and "
        f"{_size(cost.result_bytes)} of result"
    )


def _table(rows: tuple[TunedRow, ...]) -> list[str]:
    if not rows:
        return []
    most = max(row.rate for row in rows)
    cells = [("where", "workers", "batch", "calls/s", "95 %", "efficiency", "")]
    for row in rows[:ROWS_MAX]:
        batch = "adapted" if row.setting.batch is None else f"{row.setting.batch:,}"
        sure = "-" if row.interval is None else f"{number(row.interval[0])} to {number(row.interval[1])}"
        bar = "#" * max(1, round(BAR * row.rate / most))
        cells.append(
            (row.setting.where, str(row.setting.workers), batch, number(row.rate), sure, f"{row.efficiency:.0%}", bar)
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for place, line in enumerate(cells):
        texts = [
            cell.ljust(width) if column in (0, 6) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append(("  " if place != 1 else "* ") + "  ".join(texts).rstrip())
    left = len(rows) - ROWS_MAX
    return ["", *lines, *([f"  and {left} slower ones"] if left > 0 else []), ""]


def _advice(tuning: Tuning) -> list[str]:
    if tuning.cost is None:
        return []
    if tuning.best is None:
        return ["No run ended within the budget: give it more time (--budget)."]
    ratio = tuning.rate / tuning.plain_rate if tuning.plain_rate else 0.0
    if not tuning.is_worth_it and tuning.plain_rate:
        plain = f"a plain loop makes {number(tuning.plain_rate)} calls/s, and the best setting {number(tuning.rate)}"
        if tuning.cost.seconds < SHORT_S:
            lines = [f"Not worth it as it is: {plain}.", _more_a_call(tuning)]
        else:
            lines = [f"No faster in parallel: {plain}. What is gained is that results are kept."]
    else:
        lines = [f"Best: {tuning.best}: {number(tuning.rate)} calls/s, {ratio:.1f} times a plain loop."]
        if tuning.cost.seconds < SHORT_S:
            lines.append(_more_a_call(tuning))
    if tuning.seconds is not None and tuning.total is not None:
        bounds = tuning.seconds_interval
        sure = "" if bounds is None else f" ({_brief(bounds[0])} to {_brief(bounds[1])}, with 95 %)"
        lines.append(f"All {tuning.total:,} calls: about {_brief(tuning.seconds)}{sure}.")
    if tuning.shares is not None and tuning.limit is not None:
        share = getattr(tuning.shares, tuning.limit)
        lines.append(f"What limits it is {CAUSES[tuning.limit]} ({share:.0%} of the workers' time).")
    return lines


def _more_a_call(tuning: Tuning) -> str:
    assert tuning.cost is not None
    many = max(2, round(1e-3 / max(tuning.cost.seconds, 1e-8)))
    size = 10 ** (len(str(many)) - 1)
    return (
        f"Calls of {_brief(tuning.cost.seconds)} are too short to be sent one by one: have the function take many "
        f"items, {size * round(many / size):,} or so a call, or leave it a plain loop."
    )


def _scaling(tuning: Tuning) -> list[str]:
    if not tuning.fits or tuning.best is None:
        return []
    fit = tuning.fits[-1]
    law = "Amdahl's law" if fit.law == "Amdahl" else "the universal scalability law"
    paying = fit.pays_until()
    if fit.peak is not None and fit.peak < 4096:
        end = f"highest with {fit.peak:,} workers; doubling them pays up to about {paying:,}"
    elif paying >= 1024:
        end = "no end of the growth is to be seen in what was measured"
    else:
        end = f"doubling the workers pays up to about {paying:,}"
    steps = [4, 16, 64] if tuning.best.workers < 16 else [64, 256, 1024]
    curve = ", ".join(f"{step}: {number(fit.predicted(step))}" for step in steps)
    text = f"By {law} ({fit.serial:.1%} serial), {end}. Predicted calls/s by workers"
    of = "" if tuning.cost is not None and tuning.cost.waits else ", given as many CPUs"
    return [f"{text}{of}: {curve}."]


def _rest(tuning: Tuning) -> list[str]:
    lines = []
    if tuning.cost is not None and tuning.cost.worker_bytes:
        fit = "" if tuning.fitting is None else f"; {tuning.fitting:,} fit into what is free"
        lines.append(f"Memory: {_size(tuning.cost.worker_bytes)} a worker process{fit}.")
    lines += [f"Note: {note}." for note in tuning.notes]
    if tuning.is_interrupted:
        lines.append("Interrupted: this is what was measured until then.")
    elif not tuning.is_stable and tuning.rows:
        lines.append("The budget was spent before the order was certain.")
    if tuning.left_out:
        named = "; ".join(map(str, tuning.left_out[:3]))
        more = f"; and {len(tuning.left_out) - 3} more" if len(tuning.left_out) > 3 else ""
        lines.append(f"No time for: {named}{more}.")
    if tuning.saved is not None:
        lines.append(f"Saved to {tuning.saved}: {_saved(tuning.rows)}.")
    return lines


def _saved(rows: tuple[TunedRow, ...]) -> str:
    best = {row.setting.where: row.setting for row in reversed(rows)}
    numbers = {where: {**setting.options} for where, setting in best.items()}
    return "; ".join(
        f"{where}: " + ", ".join(f"{name}={number}" for name, number in options.items() if name != "where")
        for where, options in numbers.items()
    )


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _brief(seconds: float) -> str:
    return f"{seconds * 1e6:.2g} us" if seconds < 1e-4 else duration(seconds)


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"
