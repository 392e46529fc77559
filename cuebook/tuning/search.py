"""The search: stages, then rounds among what is left, until the order is stable or the budget is spent.

A generator: it asks for runs and is sent them. Knows no runtime, and asks for the time that is left.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from statistics import median

from cuebook.tuning.measured import Bounds, CallCost, CallSetting, Measurement
from cuebook.tuning.ranking import contenders, is_stable
from cuebook.tuning.space import SHORT_CALL_S, batches, calls_of_run, estimated_s, places, workers_ladder

__all__ = ["Findings", "Search", "search"]

RUN_S = 0.4
"""How long a run of short calls lasts, about."""
PILOT = 32
"""The part of a run of short calls that is made first, to see what they cost beside themselves; it does not count."""
SHARE = 0.9
"""Of the time that is left, so much may be planned for: the rest is for what takes longer than was thought."""

Search = Generator[tuple[CallSetting, int], Measurement | None, None]
"""Yields a setting and a number of calls, and is sent the run; None where the time was over before it ended."""


@dataclass(slots=True)
class Findings:
    """What a search has found so far; whole at any moment, as it may be interrupted.

    Attributes:
        runs: each run, in the order in which they were made.
        is_stable: whether more runs would change nothing.
        left_out: settings that there was no time for.
    """

    runs: list[Measurement] = field(default_factory=list)
    is_stable: bool = False
    left_out: list[CallSetting] = field(default_factory=list)

    @property
    def rates(self) -> dict[CallSetting, list[float]]:
        """Calls a second of each run, by setting."""
        found: dict[CallSetting, list[float]] = {}
        for run in self.runs:
            found.setdefault(run.setting, []).append(run.rate)
        return found

    @property
    def medians(self) -> dict[CallSetting, float]:
        """The median of these."""
        return {setting: median(values) for setting, values in self.rates.items()}


def search(cost: CallCost, bounds: Bounds, left_s: Callable[[], float], found: Findings) -> Search:
    """Ask for what may be the best, stage by stage; then for its contenders in turn.

    Args:
        left_s: seconds of the budget that are left.
        found: is filled.
    """
    run_s = min(RUN_S, left_s() / 12)
    lengths: dict[CallSetting, int] = {}  # all runs of a setting have as many calls, as what a run costs itself counts

    def measured(setting: CallSetting) -> Search:
        calls, takes_s = yield from planned(setting)
        run = (yield setting, calls) if takes_s <= SHARE * left_s() else None
        if run is not None:
            found.runs.append(run)
            lengths[setting] = calls
        elif setting not in found.rates and setting not in found.left_out:
            found.left_out.append(setting)

    def planned(setting: CallSetting) -> Generator[tuple[CallSetting, int], Measurement | None, tuple[int, float]]:
        if setting in lengths:
            return lengths[setting], lengths[setting] / found.medians[setting]
        calls = calls_of_run(cost, setting, bounds.cpus, run_s)
        takes_s = estimated_s(cost, setting, calls, bounds.cpus)
        if cost.seconds < SHORT_CALL_S and takes_s <= SHARE * left_s():
            start = yield setting, setting.workers
            pilot = yield setting, max(setting.workers, calls // PILOT)
            if start is not None and pilot is not None:
                call_s = max(0.0, pilot.seconds - start.seconds) / pilot.calls
                calls = max(setting.workers, min(calls, int(run_s / max(call_s, 1e-9))))
                takes_s = start.seconds + calls * call_s
        return calls, takes_s

    for setting in places(cost, bounds):
        yield from measured(setting)
    for setting in workers_ladder(found.medians, cost, bounds):
        yield from measured(setting)
    for setting in batches(found.medians, cost):
        yield from measured(setting)
    while found.runs and not is_stable(found.rates):
        before = len(found.runs)
        for setting in _behind(found):
            yield from measured(setting)
        if len(found.runs) == before:
            return
    found.is_stable = bool(found.runs)


def _behind(found: Findings) -> list[CallSetting]:
    """The contenders of the next round: those with the fewest runs, so that all have met the same times."""
    rates = found.rates
    close = contenders(rates)
    fewest = min(len(rates[setting]) for setting in close)
    return [setting for setting in close if len(rates[setting]) == fewest]
