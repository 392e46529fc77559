"""A profile as a trace file of Chrome's format, which Perfetto (ui.perfetto.dev) and chrome://tracing show. Pure.

Google, "Trace Event Format": complete events ("X") with times in microseconds, names of threads as metadata ("M").
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from cuebook.profiling.run_profile import RunProfile

__all__ = ["trace_lines"]

CALLS, JOURNAL = 1, 2
"""The "processes" of the trace."""


def trace_lines(profile: RunProfile, function: str) -> Iterator[str]:
    """The file, line by line: an event for each call, in the lane of its worker, and one for each record."""
    yield '{"displayTimeUnit": "ms", "traceEvents": ['
    yield from (json.dumps(each) + "," for each in _names(profile, function))
    for event in _records(profile):
        yield json.dumps(event) + ","
    times = profile.times
    for number, lane in enumerate(profile.lanes, 1):
        for place in lane:
            index = times.indexes[place]
            event = {
                "name": f"{function} (failed)" if index in times.failed else function,
                "ph": "X",
                "pid": CALLS,
                "tid": number,
                "ts": round(times.starts[place] * 1e6, 3),
                "dur": round(times.seconds[place] * 1e6, 3),
                "args": {"call": index, "record": times.records[place]},
            }
            yield json.dumps(event) + ","
    yield json.dumps({"name": "run", "ph": "X", "pid": CALLS, "tid": 0, "ts": 0, "dur": profile.wall_s * 1e6})
    yield "]}"


def _names(profile: RunProfile, function: str) -> Iterator[dict[str, object]]:
    yield {"name": "process_name", "ph": "M", "pid": CALLS, "args": {"name": f"calls of {function}"}}
    yield {"name": "process_name", "ph": "M", "pid": JOURNAL, "args": {"name": "journal"}}
    yield {"name": "thread_name", "ph": "M", "pid": CALLS, "tid": 0, "args": {"name": "run"}}
    yield {"name": "thread_name", "ph": "M", "pid": JOURNAL, "tid": 1, "args": {"name": "records, complete"}}
    for number in range(1, len(profile.lanes) + 1):
        yield {"name": "thread_name", "ph": "M", "pid": CALLS, "tid": number, "args": {"name": f"lane {number}"}}


def _records(profile: RunProfile) -> Iterator[dict[str, object]]:
    """When each record's last call had ended: it was committed soon after."""
    times = profile.times
    full: dict[int, tuple[float, int]] = {}
    for place, index in enumerate(times.indexes):
        if index not in times.failed:
            end, count = full.get(times.records[place], (0.0, 0))
            full[times.records[place]] = (max(end, times.starts[place] + times.seconds[place]), count + 1)
    for record, (end, count) in sorted(full.items()):
        yield {
            "name": f"record {record}",
            "ph": "i",
            "s": "t",
            "pid": JOURNAL,
            "tid": 1,
            "ts": round(end * 1e6, 3),
            "args": {"results": count},
        }
