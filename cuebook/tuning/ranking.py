"""Which setting is the best, how sure that is, and whether more runs would change it. Pure.

Rates are compared run by run, as runs of rivals alternate: what slows the machine down for a while slows both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median, stdev

from cuebook.tuning.measured import CallSetting

__all__ = ["ALIKE", "Rates", "contenders", "interval", "is_stable", "ranked"]

Rates = Mapping[CallSetting, Sequence[float]]
"""Calls a second of each run of each setting, in the order of the rounds."""
ALIKE = 0.03
"""Settings that differ by less are as good as each other: the one with fewer workers is named."""
ROUNDS_MAX = 12
CONTENDER = 0.8
"""What reaches so much of the best rate might still be the best."""
_T95 = (4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20)
"""Student's t for 95 %, by degrees of freedom from 2."""


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Where the mean lies, with 95 %, by Student's t over logarithms; None for fewer than three."""
    logs = [math.log(value) for value in values if value > 0]
    if len(logs) < 3:
        return None
    half = _T95[min(len(logs) - 3, len(_T95) - 1)] * stdev(logs) / math.sqrt(len(logs))
    middle = fmean(logs)
    return math.exp(middle - half), math.exp(middle + half)


def ranked(rates: Rates) -> list[CallSetting]:
    """Settings by their median rate, the best first; of those as good as the best, the one with the fewest workers."""
    medians = {setting: median(values) for setting, values in rates.items() if values}
    if not medians:
        return []
    bar = max(medians.values()) * (1 - ALIKE)

    def order(setting: CallSetting) -> tuple[bool, float, bool]:
        alike = medians[setting] >= bar
        return not alike, setting.workers if alike else -medians[setting], setting.batch is not None

    return sorted(medians, key=order)


def contenders(rates: Rates) -> list[CallSetting]:
    """Those that may be the best: what comes close to it."""
    order = ranked(rates)
    if not order:
        return []
    bar = CONTENDER * max(median(values) for values in rates.values() if values)
    return [setting for setting in order if median(rates[setting]) >= bar]


def is_stable(rates: Rates) -> bool:
    """Whether more runs would not change the answer: the best one is apart from each rival, or as good as the same.

    At least three runs of each contender, at most twelve.
    """
    close = contenders(rates)
    if not close:
        return False
    fewest = min(len(rates[setting]) for setting in close)
    if fewest < 3:
        return False
    return fewest >= ROUNDS_MAX or all(_is_decided(rates[close[0]], rates[rival]) for rival in close[1:])


def _is_decided(best: Sequence[float], rival: Sequence[float]) -> bool:
    ratios = [one / other for one, other in zip(best, rival, strict=False) if other > 0]
    bounds = interval(ratios)
    if bounds is None:
        return False
    low, high = bounds
    return low > 1 or high < 1 or (low > 1 - 2 * ALIKE and high < 1 + 2 * ALIKE)
