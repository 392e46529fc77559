"""What follows from what a worker said, or from its end: decisions, which the Supervisor carries out. Pure.

A message has been struck off the worker's books (`Slot.settle`) before it is asked what follows of it. To answer a new
kind of message, add a case to `decide`, and a row to the table in its tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from cuebook.actors.messages import WorkerLost
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.sink import CommittedResults
from cuebook.actors.runs.slot import Slot
from cuebook.actors.verdicts import CallLoss, CallVerdict, after_failure, after_loss
from cuebook.children.page import NONSENSE
from cuebook.engines.calls.outcome import NOT_WRITTEN, kinds_of
from cuebook.engines.calls.protocol import Failure, Ready, Results, Returned, SetupFailed
from cuebook.errors import (
    CallFailed,
    CallTimedOut,
    ClusterGone,
    FunctionNotShippable,
    InternalError,
    JournalError,
    RestartLimitReached,
    SupervisionError,
    WorkerDied,
)
from cuebook.persistence.records.run_heads import Reason
from cuebook.persistence.values import ValueDecoder

__all__ = [
    "BreakRun",
    "ChargeDeath",
    "CompareGenerators",
    "Decision",
    "DeliverResults",
    "FailCall",
    "MarkReady",
    "PrepareWorker",
    "RecycleWorker",
    "RepeatCall",
    "RequeueCalls",
    "RetryCall",
    "ShipAnew",
    "ShipUnloaded",
    "decide",
    "decide_loss",
]

LOSSES_MAX = 5
"""Workers lost one after another, none of which answered anything: then the run is given up."""
SETUP_FAILURES_MAX = 3
_TIMED_OUT = [*kinds_of(TimeoutError), *kinds_of(CallTimedOut)]


@dataclass(frozen=True, slots=True)
class DeliverResults:
    """Put these results on record, then deliver them."""

    results: CommittedResults


@dataclass(frozen=True, slots=True)
class RetryCall:
    """Try the call again after its pause; `cause` is what the last attempt raised, None where nobody knows."""

    index: int
    attempt: int
    cause: BaseException | None = None


@dataclass(frozen=True, slots=True)
class RepeatCall:
    """Hand the call out again at once: its worker died of something, not surely of the call."""

    index: int
    attempt: int


@dataclass(frozen=True, slots=True)
class RequeueCalls:
    """Hand these out again, which had not begun."""

    indexes: list[int]


@dataclass(frozen=True, slots=True)
class ChargeDeath:
    """Count a worker's death against the call that it ran."""

    index: int


@dataclass(frozen=True, slots=True)
class FailCall:
    """The call has failed for good: put that on record, then tell it.

    Attributes:
        error: what whoever called is told.
        reason: for the record.
        started: of its last attempt, seconds since the epoch; `seconds` is how long that ran.
        exception: what it raised, encoded; None where it raised nothing, or nothing that survives the way.
    """

    error: CallFailed
    reason: Reason
    started: float
    seconds: float
    exception: bytes | None = None


@dataclass(frozen=True, slots=True)
class MarkReady:
    """The worker may be given calls."""


@dataclass(frozen=True, slots=True)
class CompareGenerators:
    """See whether the worker would draw the same random numbers as another: place and state of each generator."""

    generators: list[Any]


@dataclass(frozen=True, slots=True)
class ShipAnew:
    """Send the function in another way.

    Attributes:
        differs: what was not the same in the worker, the fields of a `difference.Seen`.
    """

    differs: list[Any]


@dataclass(frozen=True, slots=True)
class ShipUnloaded:
    """Send the function in another way, as a worker could not load it; where there is none, the run ends.

    Attributes:
        error_type: the class of what loading it raised.
        error: what the run ends with.
    """

    error_type: str
    error: FunctionNotShippable


@dataclass(frozen=True, slots=True)
class PrepareWorker:
    """Have the worker load the function, in a fresh host where it has none."""


@dataclass(frozen=True, slots=True)
class RecycleWorker:
    """Replace the worker's host by a fresh one."""


@dataclass(frozen=True, slots=True)
class BreakRun:
    """End the run, which cannot go on."""

    error: BaseException


Decision: TypeAlias = (
    DeliverResults
    | RetryCall
    | RepeatCall
    | RequeueCalls
    | ChargeDeath
    | FailCall
    | MarkReady
    | CompareGenerators
    | ShipAnew
    | ShipUnloaded
    | PrepareWorker
    | RecycleWorker
    | BreakRun
)


def decide(said: Any, run: Run) -> list[Decision]:
    """What follows from what a worker of the run said, in order.

    Raises:
        InternalError: it is nothing that workers say.
    """
    match said:
        case Results():
            indexes = range(said.start, said.start + said.count) if said.indexes is None else said.indexes
            return [DeliverResults(CommittedResults(indexes, said.head, said.body))]
        case Failure():
            return _after_failure(said, run)
        case Returned():
            return [RequeueCalls(sorted(said.indexes))] if said.indexes and run.stop is None else []
        case Ready():
            return _after_ready(said)
        case SetupFailed():
            return _after_setup(said, run)
    raise InternalError(f"a worker said {said!r}")


def _after_ready(said: Ready) -> list[Decision]:
    if said.differs is not None:
        return [ShipAnew(said.differs) if said.is_fresh else RecycleWorker()]
    return [MarkReady(), *([CompareGenerators(said.generators)] if said.generators else [])]


def _after_failure(said: Failure, run: Run) -> list[Decision]:
    if said.reason == NOT_WRITTEN:
        cause = _rebuilt(said.exception)
        return [BreakRun(cause if isinstance(cause, JournalError) else JournalError(said.error_text))]
    counted = said.attempt - run.deaths.get(said.index, 0)  # deaths are counted apart
    left = run.policy.retries if run.policy.covers(said.kinds) else 0
    if after_failure(counted, left, run.stop is not None) is CallVerdict.RETRY:
        return [RetryCall(said.index, said.attempt + 1, _rebuilt(said.exception))]
    arguments = run.source.argument(said.index)
    said = run.plan.hide(said, arguments)
    error = CallFailed(
        said.index,
        arguments,
        error_type=said.error_type,
        error_text=said.error_text,
        traceback_text=said.traceback,
        attempts=said.attempt,
    )
    error.__cause__ = _rebuilt(said.exception)
    return [FailCall(error, Reason(said.reason), said.started, said.seconds, said.exception)]


def _after_setup(said: SetupFailed, run: Run) -> list[Decision]:
    cause = _rebuilt(said.exception)
    if said.reason == "load":
        text = f"the function cannot be loaded in a worker: {said.error_type}: {said.error_text}"
        error = FunctionNotShippable(f"{text}\n\n{said.traceback}")
        error.__cause__ = cause
        return [ShipUnloaded(said.error_type, error)]
    if run.setup_failures < SETUP_FAILURES_MAX:
        return [RecycleWorker()]
    final = cause or SupervisionError(f"setup failed: {said.error_type}: {said.error_text}")
    final.add_note(f"raised by setup() in a worker, {run.setup_failures} times:\n{said.traceback}")
    return [BreakRun(final)]


def decide_loss(lost: WorkerLost, left: Sequence[int], run: Run, slot: Slot, *, now: float) -> list[Decision]:
    """What follows from a worker's end: its running call is charged, what was behind it goes back, a fresh one comes.

    Args:
        left: the calls that it had been given and had not answered.
        now: seconds since the epoch.
    """
    if lost.is_final:
        return [BreakRun(ClusterGone(lost.reason))]
    decisions: list[Decision] = []
    if lost.index == NONSENSE and left:  # it ran the first of those that it had not answered, whatever it has left
        lost = replace(lost, index=left[0])
    behind = [index for index in left if index != lost.index]
    if len(behind) < len(left):
        decisions += _charged(lost, run, now)
    if behind and run.stop is None:
        decisions.append(RequeueCalls(behind))
    if slot.losses >= LOSSES_MAX:
        text = f"{slot.losses} workers in a row ended before they answered anything; the last one {lost.reason}"
        return [*decisions, BreakRun(RestartLimitReached(text))]
    if run.abandoned > len(run.slots):
        text = f"{run.abandoned} calls were abandoned in their threads, which cannot be killed: use processes"
        return [*decisions, BreakRun(SupervisionError(text))]
    if run.stop is None or run.stop.grace_s is None:
        decisions.append(PrepareWorker())
    return decisions


def _charged(lost: WorkerLost, run: Run, now: float) -> list[Decision]:
    """Of the call that ran as its worker ended."""
    index, policy = lost.index, run.policy
    attempt = run.attempts.get(index, 1)
    deaths = run.deaths.get(index, 0)
    loss = CallLoss(lost.is_timeout, not policy.abandons, deaths, attempt - deaths)
    left = policy.retries if policy.covers(_TIMED_OUT) else 0
    verdict = after_loss(loss, left, policy.deaths_max, run.stop is not None)
    if verdict is CallVerdict.RETRY:
        return [RetryCall(index, attempt + 1, TimeoutError(lost.reason))]
    charge: list[Decision] = [] if lost.is_timeout else [ChargeDeath(index)]
    if verdict is CallVerdict.REQUEUE:
        return [*charge, RepeatCall(index, attempt + 1)]
    if verdict is CallVerdict.DROP:
        return charge
    cls = CallTimedOut if lost.is_timeout else WorkerDied
    text = lost.reason if lost.is_timeout else f"its worker {lost.reason}, {deaths + 1} times"
    error = cls(index, run.source.argument(index), error_type=cls.__name__, error_text=text, attempts=attempt)
    reason = Reason.TIMED_OUT if lost.is_timeout else Reason.WORKER_DIED
    return [*charge, FailCall(error, reason, now - lost.seconds, lost.seconds)]


def _rebuilt(encoded: bytes | None) -> BaseException | None:
    """The exception itself, where it can be rebuilt here."""
    if encoded is None:
        return None
    try:
        value = ValueDecoder().decode(encoded)
    except Exception:
        return None
    return value if isinstance(value, BaseException) else None
