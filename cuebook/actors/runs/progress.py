"""What is told of a run to whoever listens, and the wish to stop one: plain data. Knows no actor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Event", "EventKind", "Progress", "Stop", "StopKind"]


class StopKind(Enum):
    """Why a run stops before its end."""

    FAILED = "failed"
    INTERRUPTED = "interrupted"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Stop:
    """A wish to stop: `grace_s` is how long running calls may go on (None: to their end)."""

    kind: StopKind
    reason: str
    grace_s: float | None = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A run at a moment: counts of calls.

    Attributes:
        run: its number.
        done: calls that have a result, reused ones too.
        total: all calls; None while the source has no known end.
        failed, reused, retried: as they say.
        is_over: whether it has ended.
    """

    run: int
    done: int
    total: int | None
    failed: int
    reused: int
    retried: int
    is_over: bool


class EventKind(Enum):
    """What happened to a run."""

    STARTED = "started"
    PROGRESS = "progress"
    CALL_FAILED = "call failed"
    CALL_RETRIED = "call retried"
    WORKER_LOST = "worker lost"
    NOTICE = "notice"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a run.

    Attributes:
        kind: what.
        function: name of the run's function.
        progress: the run's counts at that moment.
        index: the call concerned, None where none is.
        detail: in words, for a failure, a loss or a notice: what the user is told that is no error.
    """

    kind: EventKind
    function: str
    progress: Progress
    index: int | None = None
    detail: str = ""
