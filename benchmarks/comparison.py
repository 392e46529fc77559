"""The last two runs of a benchmark side by side: what is slower or faster beyond its own spread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measurements import RESULTS, BenchmarkRun, Figure, benchmarks_kept, newest
from benchmarks.surroundings import described

LEAST = 0.1
"""A change of less is none, however little the rounds differ; a single round tells only of changes of twice as much."""


@dataclass(frozen=True)
class Change:
    """A figure now and before; `gain` over 1 is better, and `is_clear` says that it is beyond the spread."""

    before: Figure
    after: Figure

    @property
    def gain(self) -> float:
        before, after = self.before.median, self.after.median
        if not before or not after:
            return 1.0
        return after / before if self.after.is_rate else before / after

    @property
    def is_clear(self) -> bool:
        bar = LEAST if min(len(self.before.values), len(self.after.values)) > 1 else 2 * LEAST
        (low, high), (least, most) = self.before.spread, self.after.spread
        return abs(self.gain - 1) > bar and (least > high or most < low)


def changes(before: BenchmarkRun, after: BenchmarkRun) -> Iterator[Change]:
    """What both runs have measured."""
    known = {figure.key: figure for figure in map(_plain, before.figures)}
    for figure in map(_plain, after.figures):
        if figure.key in known:
            yield Change(known[figure.key], figure)


def _plain(figure: Figure) -> Figure:
    """Without what differs from run to run and says nothing of what was measured."""
    told = {name: value for name, value in figure.parameters.items() if name not in ("loads", "versions", "durability")}
    return Figure(figure.name, figure.values, figure.unit, told, figure.is_rate)


def comparison_lines(folder: Path = RESULTS) -> Iterator[str]:
    """The last run of each benchmark beside the one before it, in words."""
    for name in benchmarks_kept(folder):
        runs = newest(name, folder, count=2)
        if len(runs) < 2:
            yield f"{name}: one run only, of {runs[0].at}" if runs else f"{name}: no run"
            continue
        after, before = runs
        yield f"{name}: {after.at} beside {before.at}"
        for run in (before, after):
            yield f"  {described(dict(run.surroundings))}"
        found = [each for each in changes(before, after) if each.is_clear]
        yield from (_line(each) for each in sorted(found, key=lambda each: each.gain))
        if not found:
            yield "  nothing differs beyond its spread"


def _line(change: Change) -> str:
    figure = change.after
    where = ", ".join(
        str(figure.parameters[name]) for name in ("table", "column", "phase") if name in figure.parameters
    )
    word = "better" if change.gain > 1 else "WORSE"
    return f"  {word} {change.gain:.2f} x: {figure.name} ({where}): {change.before.median:,.4g} -> {figure.median:,.4g}"
