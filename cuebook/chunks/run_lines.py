"""What is said of a run, in lines: what will be done, where it stands, how it ended, what failed. Pure."""

from __future__ import annotations

from collections import Counter

from cuebook.actors.runs.progress import Progress
from cuebook.wording import duration

__all__ = ["closing_line", "failures_line", "opening_line", "pause_s", "standing_line"]

QUIET_S = 10.0
"""Where nobody looks at a terminal, a run that is over within so many seconds says nothing."""
_PAUSE_MAX_S = 600.0
_KINDS_MAX = 3


def pause_s(elapsed_s: float) -> float:
    """Seconds until the next line of a run: often at first, every ten minutes in the end.

    >>> [pause_s(elapsed) for elapsed in (0, 10, 60, 3600)]
    [10.0, 10.0, 15.0, 600.0]
    """
    return min(_PAUSE_MAX_S, max(QUIET_S, elapsed_s / 4))


def opening_line(name: str, progress: Progress) -> str | None:
    """What will be done; None where that is all of it, or nothing, or nobody knows how many calls there are."""
    if progress.total is None or progress.reused in (0, progress.total):
        return None
    return f"{name}: {progress.total:,} calls, {progress.reused:,} reused, {progress.total - progress.reused:,} to do"


def standing_line(name: str, progress: Progress, elapsed_s: float) -> str:
    """Where a run stands after so many seconds."""
    total = "" if progress.total is None else f" of {progress.total:,}"
    parts = [f"{name}: {progress.done:,}{total} done"]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    made = progress.done - progress.reused + progress.failed
    if made and elapsed_s > 0:
        rate = made / elapsed_s
        parts.append(f"{rate:,.3g} calls/s" if rate >= 1 else f"{duration(1 / rate)} a call")
        if progress.total is not None:
            left = progress.total - progress.done - progress.failed
            parts.append(f"{duration(left / rate)} left")
    return ", ".join(parts)


def closing_line(name: str, progress: Progress, elapsed_s: float) -> str:
    """How a run ended."""
    total = "" if progress.total in (None, progress.done) else f" of {progress.total:,}"
    parts = [f"{name}: {progress.done:,}{total} done in {duration(elapsed_s)}"]
    if progress.reused:
        parts.append(f"{progress.reused:,} of them reused")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    return ", ".join(parts)


def failures_line(name: str, progress: Progress, kinds: Counter[str], path: str | None) -> str:
    """What failed in a run that goes on past failures, and how to see it."""
    total = "" if progress.total is None else f" of {progress.total:,}"
    calls = "call" if progress.failed == 1 else "calls"
    shown = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(_KINDS_MAX))
    more = " ..." if len(kinds) > _KINDS_MAX else ""
    how = "their places hold the errors" if path is None else f"see: cuebook show --failures {path}"
    return f"{name}: {progress.failed:,}{total} {calls} failed ({shown}{more}); {how}"
