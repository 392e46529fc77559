"""Which settings are worth a measurement, stage by stage: the places, then numbers of workers, then batches. Pure.

Knows no clock: what a run will take is estimated from the cost of one call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from cuebook.tuning.measured import Bounds, CallCost, CallSetting

__all__ = [
    "SHORT_CALL_S",
    "batches",
    "calls_of_run",
    "estimated_s",
    "fitting_workers",
    "places",
    "spread",
    "workers_ladder",
]

SHORT_CALL_S = 1e-3
"""Calls shorter than this travel in batches that matter."""
OVERHEAD_S = 3e-6
"""What a call costs beside itself, about."""
RUN_CALLS_MAX = 100_000
PLACE_KEPT = 0.6
"""A place that reaches so much of the best one's rate is looked at further: more workers may change the order."""
WAITING_WORKERS = {"process": 4, "thread": 32, "async": 256}
"""Workers a processor that are tried at most where calls wait."""
BATCHES = (1, 16, 256, 2048)


def fitting_workers(cost: CallCost, bounds: Bounds, where: str) -> int:
    """The most workers that may be tried: by processors, by memory, by the number of calls; at least 1."""
    if cost.waits:
        most = WAITING_WORKERS[where] * bounds.cpus
    elif cost.cores > 1.5:  # threads of its own
        most = bounds.cpus
    else:
        most = 1 if where == "async" else bounds.cpus
    if where == "process" and cost.worker_bytes and bounds.memory_bytes:
        most = min(most, bounds.memory_bytes // cost.worker_bytes)
    if bounds.total is not None:
        most = min(most, bounds.total)
    return max(1, most)


def places(cost: CallCost, bounds: Bounds) -> list[CallSetting]:
    """The first stage: each place once, with the number of workers that it should do well with.

    Where calls wait, those come first whose workers start in no time: threads and coroutines.
    """
    settings = []
    for where in reversed(bounds.wheres) if cost.waits else bounds.wheres:
        most = fitting_workers(cost, bounds, where)
        settings.append(CallSetting(where, min(most, 8 * bounds.cpus) if cost.waits else most))
    return settings


def workers_ladder(rates: Mapping[CallSetting, float], cost: CallCost, bounds: Bounds) -> list[CallSetting]:
    """The second stage: numbers of workers, doubled from 1, the most first, in places that may still win.

    Args:
        rates: calls a second of what was measured.
    """
    best = max(rates.values(), default=0.0)
    kept = [where for where in bounds.wheres if _best_of(rates, where) >= PLACE_KEPT * best]
    ladder = []
    for where in kept:
        most = fitting_workers(cost, bounds, where)
        steps = {2**power for power in range(most.bit_length()) if 2**power <= most} | {most}
        ladder += [CallSetting(where, workers) for workers in sorted(steps, reverse=True)]
    return [setting for setting in ladder if setting not in rates]


def _best_of(rates: Mapping[CallSetting, float], where: str) -> float:
    return max((rate for setting, rate in rates.items() if setting.where == where), default=0.0)


def batches(rates: Mapping[CallSetting, float], cost: CallCost) -> list[CallSetting]:
    """The third stage: batches for the best setting so far; none where calls are so long that it does not matter."""
    if not rates or cost.seconds >= SHORT_CALL_S:
        return []
    best = max(rates, key=lambda setting: rates[setting])
    calls = calls_of_run(cost, best, 1, 0.3)
    return [
        CallSetting(best.where, best.workers, batch)
        for batch in BATCHES
        if batch * best.workers * 2 <= calls and CallSetting(best.where, best.workers, batch) not in rates
    ]


def _at_once(cost: CallCost, workers: int, cpus: int) -> float:
    """How many calls make progress at a time."""
    return min(workers, max(1.0, cpus / max(cost.cores, 1e-3)))


def estimated_s(cost: CallCost, setting: CallSetting, calls: int, cpus: int) -> float:
    """About how long a run takes: an even share for each worker, and what the calls cost beside themselves."""
    turns = math.ceil(calls / setting.workers) * setting.workers
    return turns * max(cost.seconds, 1e-7) / _at_once(cost, setting.workers, cpus) + calls * OVERHEAD_S


def calls_of_run(cost: CallCost, setting: CallSetting, cpus: int, target_s: float) -> int:
    """How many calls a run has so that it lasts about so long: the same number for each worker, at least one."""
    a_second = _at_once(cost, setting.workers, cpus) / (max(cost.seconds, 1e-7) + OVERHEAD_S)
    turns = max(1, round(target_s * a_second / setting.workers))
    return max(setting.workers, min(RUN_CALLS_MAX, turns * setting.workers))


def spread(items: Sequence[object], most: int) -> list[int]:
    """The places of at most so many items, evenly over all of them."""
    count = min(len(items), most)
    return [position * len(items) // count for position in range(count)]
