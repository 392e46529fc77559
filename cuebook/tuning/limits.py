"""What limits a run: where the time of its workers went, from the times of its calls and the cost of one. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cuebook.tuning.measured import CallCost, TimedRun

__all__ = ["CAUSES", "TimeShares", "limit_of", "shares_of"]

CAUSES = {
    "cpu": "the processors: the calls compute all the time",
    "waiting": "waiting: the calls wait for something else (network, disk, sleep), and the processors are idle",
    "gil": "the GIL: the calls are Python code in threads, of which one runs at a time",
    "memory": "memory or caches: calls take longer beside each other than alone, though each has a processor",
    "serialization": "serialization: arguments and results are turned into bytes and back",
    "disk": "the disk: each result is committed to the journal before it counts",
    "dispatch": "dispatch: handing calls to workers and taking their results back",
}
"""What can limit a run, in words."""


@dataclass(frozen=True, slots=True)
class TimeShares:
    """Shares of the time of all workers, 0 to 1, one for each of `CAUSES`; together 1."""

    cpu: float
    waiting: float
    gil: float
    memory: float
    serialization: float
    disk: float
    dispatch: float


def shares_of(cost: CallCost, run: TimedRun, cpus: float) -> TimeShares:
    """Where the workers' time went.

    Args:
        cpus: processors that nobody else kept busy.

    What a call takes alone is its own, computing and waiting by its processor time. What it takes longer beside others
    is the GIL in threads, the processors where there are more workers than these, memory otherwise. What no call was
    running in is bytes, disk and dispatch: bytes as measured for one call, the disk as far as the run is faster
    without a journal, dispatch what is left.
    """
    whole = max(run.setting.workers * run.seconds, run.busy_s, 1e-12)
    alone = min(run.busy_s, run.calls * cost.seconds)
    longer = run.busy_s - alone
    computing = alone * min(1.0, cost.cores)
    idle = whole - run.busy_s
    disk = 0.0
    if run.unkept_seconds is not None:
        disk = min(idle, run.setting.workers * max(0.0, run.seconds - run.unkept_seconds))
    serialization = min(idle - disk, run.calls * cost.encode_s)
    contended = _contended(cost, run, cpus)
    amounts = {
        "cpu": computing,
        "waiting": alone - computing,
        "gil": 0.0,
        "memory": 0.0,
        "serialization": serialization,
        "disk": disk,
        "dispatch": idle - disk - serialization,
    }
    amounts[contended] += longer
    return TimeShares(**{cause: amount / whole for cause, amount in amounts.items()})


def _contended(cost: CallCost, run: TimedRun, cpus: float) -> str:
    """What calls wait for that take longer beside others."""
    if cost.waits:
        return "waiting"
    if run.setting.where != "process" and run.setting.workers > 1:
        return "gil"
    return "cpu" if run.setting.workers * max(1.0, cost.cores) > cpus + 0.5 else "memory"


def limit_of(shares: TimeShares) -> str:
    """The cause with the largest share; a key of `CAUSES`."""
    return max(CAUSES, key=lambda cause: float(getattr(shares, cause)))
