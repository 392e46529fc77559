"""A run in numbers: lengths of calls, which were far slower, how busy workers were, what was waited for. Pure.

Knows no journal: it is made of the times of calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, quantiles
from typing import Any

from cuebook.profiling.lanes import Lane, laid_out
from cuebook.profiling.run_times import RunTimes

__all__ = ["LengthSpread", "RecordWaits", "RunProfile", "Straggler", "profile_of"]

STRAGGLERS_MAX = 10
STRAGGLING = 3.0
"""A call is a straggler from so many medians on, if it also lies far outside of the others (Tukey: Q3 + 3 IQR)."""


@dataclass(frozen=True, slots=True)
class LengthSpread:
    """Lengths of time in seconds: the shortest, quantiles, the longest, the mean."""

    least: float
    p50: float
    p90: float
    p99: float
    most: float
    mean: float


@dataclass(frozen=True, slots=True)
class Straggler:
    """A call that took far longer than the others.

    Attributes:
        index: which. seconds: how long it took. times: how many medians that is.
    """

    index: int
    seconds: float
    times: float


@dataclass(frozen=True, slots=True)
class RecordWaits:
    """How results got into the journal.

    Attributes:
        records: how many records hold the results.
        waited: how long a result waited at least for the last one of its record, or of an earlier record. Then it was
            committed; how long that took the disk is in no journal.
        closing_s: from the end of the last call until the run was closed, its commits included; None where it was not.
    """

    records: int
    waited: LengthSpread
    closing_s: float | None


@dataclass(frozen=True, slots=True)
class RunProfile:
    """Where the time of a run went.

    Attributes:
        calls: how many it made itself. failed: how many of these failed for good.
        wall_s: seconds from its opening until its last call ended.
        startup_s: until its first call began: workers start, earlier results are looked for.
        busy_s: of all calls together.
        lengths: of calls.
        stragglers: the slowest ones, if they are far slower, the slowest first.
        lanes: calls as workers had them, the first lane first; places in `times`.
        idle_s: of all lanes together, between the first call's start and the last one's end.
        tail_s: from the moment when one lane had nothing more to do until the last one had not.
        waits: how results got into the journal; None where there are none.
        times: the calls themselves.
    """

    calls: int
    failed: int
    wall_s: float
    startup_s: float
    busy_s: float
    lengths: LengthSpread | None
    stragglers: tuple[Straggler, ...]
    lanes: tuple[Lane, ...]
    idle_s: float
    tail_s: float
    waits: RecordWaits | None
    times: RunTimes

    @property
    def efficiency(self) -> float:
        """The share of the time of all lanes, from the opening of the run on, in which calls were running."""
        whole = self.wall_s * len(self.lanes)
        return self.busy_s / whole if whole > 0 else 0.0

    @property
    def rate(self) -> float:
        """Calls a second, from the opening of the run until its last call ended."""
        return self.calls / self.wall_s if self.wall_s > 0 else 0.0

    def to_json(self) -> dict[str, Any]:
        """All but the calls themselves, as plain values."""
        return {
            "calls": self.calls,
            "failed": self.failed,
            "rate": self.rate,
            "efficiency": self.efficiency,
            "wall_s": self.wall_s,
            "startup_s": self.startup_s,
            "busy_s": self.busy_s,
            "idle_s": self.idle_s,
            "tail_s": self.tail_s,
            "lengths": None if self.lengths is None else asdict(self.lengths),
            "stragglers": [asdict(each) for each in self.stragglers],
            "lanes": [self._lane(lane) for lane in self.lanes],
            "waits": None if self.waits is None else asdict(self.waits),
        }

    def _lane(self, lane: Lane) -> dict[str, float]:
        starts, seconds = self.times.starts, self.times.seconds
        busy_s = sum(seconds[place] for place in lane)
        return {
            "calls": len(lane),
            "first_s": starts[lane[0]],
            "last_s": starts[lane[-1]] + seconds[lane[-1]],
            "busy_s": busy_s,
        }


def profile_of(times: RunTimes, closed_s: float | None) -> RunProfile:
    """The profile of a run.

    Args:
        times: its calls.
        closed_s: seconds from its opening until it was closed; None where nobody closed it.

    Cost: some microseconds a call.
    """
    starts, seconds = times.starts, times.seconds
    ends = [start + length for start, length in zip(starts, seconds, strict=True)]
    lanes = tuple(laid_out(starts, seconds))
    first, last = (starts[0], max(ends)) if ends else (0.0, 0.0)
    busy_s = sum(seconds)
    return RunProfile(
        calls=len(times),
        failed=len(times.failed),
        wall_s=max(0.0, last),
        startup_s=max(0.0, first),
        busy_s=busy_s,
        lengths=_spread(seconds),
        stragglers=tuple(_stragglers(times)),
        lanes=lanes,
        idle_s=max(0.0, len(lanes) * (last - first) - busy_s),
        tail_s=last - min((ends[lane[-1]] for lane in lanes), default=last),
        waits=_waits(times, ends, closed_s),
        times=times,
    )


def _spread(seconds: Sequence[float]) -> LengthSpread | None:
    if not seconds:
        return None
    if len(seconds) == 1:
        return LengthSpread(*[seconds[0]] * 6)
    cuts = quantiles(seconds, n=100, method="inclusive")
    return LengthSpread(min(seconds), cuts[49], cuts[89], cuts[98], max(seconds), fmean(seconds))


def _stragglers(times: RunTimes) -> list[Straggler]:
    if len(times) < 4:
        return []
    low, middle, high = quantiles(times.seconds, n=4, method="inclusive")
    bar = max(STRAGGLING * middle, high + 3 * (high - low))
    slow = [place for place, seconds in enumerate(times.seconds) if seconds > bar]
    slow.sort(key=lambda place: -times.seconds[place])
    return [
        Straggler(times.indexes[place], times.seconds[place], times.seconds[place] / max(middle, 1e-9))
        for place in slow[:STRAGGLERS_MAX]
    ]


def _waits(times: RunTimes, ends: Sequence[float], closed_s: float | None) -> RecordWaits | None:
    kept = [place for place, index in enumerate(times.indexes) if index not in times.failed]
    if not kept:
        return None
    full: dict[int, float] = {}
    for place in kept:
        record = times.records[place]
        full[record] = max(full.get(record, 0.0), ends[place])
    latest = 0.0
    for record in sorted(full):  # what comes later in the journal was not committed earlier
        latest = full[record] = max(latest, full[record])
    waited = _spread([full[times.records[place]] - ends[place] for place in kept])
    assert waited is not None
    return RecordWaits(len(full), waited, None if closed_s is None else max(0.0, closed_s - max(ends)))
