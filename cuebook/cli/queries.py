"""What `show` and `watch` tell of a journal, as plain data for people and programs. Pure: no file, no printing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cuebook.cli.call_checkpoints import checkpoint_object, newest_checkpoints
from cuebook.cli.output import SCHEMA, count_of, duration, iso_time, local_time, rate
from cuebook.persistence.history.run import RunStatus
from cuebook.persistence.history.run_parts import parts_of
from cuebook.persistence.records.run_heads import DISK_FULL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.history.summary import Picture, RunSummary
    from cuebook.persistence.stores.port import Holder

__all__ = [
    "RUN_HEADERS",
    "details",
    "holder_object",
    "progress_line",
    "run_object",
    "run_row",
    "seconds_left",
]

RUN_HEADERS = ("run", "function", "started", "done", "failed", "reused", "calls/s", "state")


def run_row(run: RunSummary) -> tuple[str, ...]:
    """One line of the table of runs."""
    return (
        str(run.number),
        run.function,
        local_time(run.started),
        count_of(run.done, run.total),
        f"{run.failed:,}",
        f"{run.reused:,}",
        rate(run.rate),
        _state(run),
    )


def _state(run: RunSummary) -> str:
    return f"{run.status}, disk full" if run.reason == DISK_FULL else str(run.status)


def run_object(run: RunSummary) -> dict[str, Any]:
    """One run for programs."""
    return {
        "run": run.number,
        "function": run.function,
        "state": str(run.status),
        "started": iso_time(run.started),
        "ended": iso_time(run.ended),
        "done": run.done,
        "total": run.total,
        "failed": run.failed,
        "reused": run.reused,
        "rate": run.rate,
        "seconds": run.seconds,
    }


def holder_object(holder: Holder | None) -> dict[str, Any] | None:
    """Who writes to the journal, for programs."""
    return None if holder is None else {"host": holder.host, "pid": holder.pid, "since": holder.since}


def seconds_left(run: RunSummary, now: float) -> float | None:
    """Seconds until a run that goes on at its pace is done; None where nobody can know."""
    made = run.done - run.reused + run.failed
    if run.status is not RunStatus.RUNNING or run.total is None or made <= 0:
        return None
    return (run.total - run.done - run.failed) * (now - run.started) / made


def progress_line(run: RunSummary, now: float) -> str:
    """Where a run is, in one line."""
    share = f" ({run.done / run.total:.0%})" if run.total else ""
    parts = [f"run {run.number} {run.function}: {count_of(run.done, run.total)}{share}"]
    if run.failed:
        parts.append(f"{run.failed:,} failed")
    if run.reused:
        parts.append(f"{run.reused:,} reused")
    if run.rate is not None:
        parts.append(f"{rate(run.rate)} calls/s")
    left = seconds_left(run, now)
    if left is not None:
        parts.append(f"{duration(left)} left")
    return ", ".join([*parts, _state(run)])


def details(
    picture: Picture,
    run: RunState,
    options: Mapping[str, Any],
    metrics: Callable[[int], Mapping[str, Any]],
) -> dict[str, Any]:
    """What a run's records say beyond its summary; `options` are those to be shown, `metrics` reads a checkpoint's."""
    opened = run.opened
    source = parts_of(picture.state, run)
    return {
        "schema": SCHEMA,
        "command": opened.command,
        "host": opened.host,
        "pid": opened.pid,
        "python": opened.python,
        "source": str(opened.source),
        "reuse": str(opened.reuse),
        "options": dict(options),
        "fingerprint": opened.fingerprint.hex(),
        "algorithm": opened.algorithm,
        "parts": None if source is None else len(source.parts),
        "opaque": [] if source is None else list(source.opaque),
        "packages": {} if source is None else dict(source.packages),
        "reason": picture.reason(run),
        "forgotten": run.is_forgotten,
        "reused_from": _reused_from(run),
        "checkpoints": [checkpoint_object(kept) for kept in newest_checkpoints(run, metrics)],
    }


def _reused_from(run: RunState) -> dict[str, int]:
    """How many results were taken from which earlier run."""
    counts: dict[str, int] = {}
    for each in run.reused:
        counts[str(each.source_run)] = counts.get(str(each.source_run), 0) + each.count
    return counts
