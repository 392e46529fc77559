"""What becomes of a call whose attempt failed or whose worker died. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["CallLoss", "CallVerdict", "after_failure", "after_loss", "pause_s"]


class CallVerdict(Enum):
    """What happens to the call now."""

    RETRY = "retry"
    REQUEUE = "requeue"
    FAIL = "fail"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class CallLoss:
    """A worker's end, for the call that it was running.

    Attributes:
        is_timeout: the worker was killed because the call was over its time.
        is_killable: the worker was ended with the call (a process, a task), as against abandoned (a thread).
        deaths: earlier deaths charged to this call.
        attempt: which attempt it was, from 1; those that ended with a death are not counted.
    """

    is_timeout: bool
    is_killable: bool
    deaths: int
    attempt: int


def after_failure(attempt: int, retries: int, is_stopping: bool) -> CallVerdict:
    """An attempt raised: another one while `retries` last, unless the run is stopping.

    >>> after_failure(1, 1, False), after_failure(2, 1, False)
    (<Verdict.RETRY: 'retry'>, <Verdict.FAIL: 'fail'>)
    """
    return CallVerdict.RETRY if attempt <= retries and not is_stopping else CallVerdict.FAIL


def after_loss(loss: CallLoss, retries: int, deaths_max: int, is_stopping: bool) -> CallVerdict:
    """A worker died or was killed while this call ran.

    Deaths are counted apart from attempts. A call abandoned in a thread still runs: it is not tried again. While the
    run stops, a call whose worker was killed is neither done nor failed.
    """
    if loss.is_timeout:
        if not loss.is_killable:
            return CallVerdict.FAIL
        return after_failure(loss.attempt, retries, is_stopping)
    if is_stopping:
        return CallVerdict.DROP
    return CallVerdict.FAIL if loss.deaths + 1 >= deaths_max else CallVerdict.REQUEUE


def pause_s(first_s: float, attempt: int, *, factor: float = 2.0, most_s: float = 60.0) -> float:
    """Seconds before attempt `attempt` (2, 3, ...): exponential from `first_s`, at most `most_s`.

    >>> [pause_s(0.1, n) for n in (2, 3, 4)]
    [0.1, 0.2, 0.4]
    """
    exponent = min(max(0, attempt - 2), 64)
    return float(min(most_s, first_s * factor**exponent))
