"""What the Supervisor does about each thing that a worker says or that befalls it. Decisions are in `verdicts`."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import copy_context
from hashlib import sha256
from time import time
from typing import Any, Protocol

from cuebook.actors.messages import ReadState, Release, Urge
from cuebook.actors.run import EventKind, Kept, Run, Slot
from cuebook.actors.verdicts import Loss, Verdict, after_failure, after_loss
from cuebook.actors.writing import Acknowledgement, Writing
from cuebook.engines.forwarding import emit_in_parent
from cuebook.engines.outcome import NOT_WRITTEN
from cuebook.engines.wire import (
    Failure,
    Logged,
    Ready,
    Results,
    Returned,
    SetupFailed,
    StateKeptAck,
    StateSaved,
    StateWanted,
)
from cuebook.persistence.heads import Failed, Reason, StateKept
from cuebook.persistence.record import Entry, Kind
from cuebook.persistence.values import ValueDecoder
from cuebook.runtime.codec import pack
from cuebook.runtime.errors import (
    CallFailed,
    CallTimedOut,
    FunctionNotShippable,
    InternalError,
    JournalError,
    RestartLimitReached,
    SupervisionError,
    WorkerDied,
)
from cuebook.runtime.message import encode

__all__ = ["final_failure", "host_said", "recycle", "state_saved", "worker_lost"]

LOSSES_MAX = 5
"""Workers lost one after another, none of which answered anything: then the run is given up."""
SETUP_FAILURES_MAX = 3


class Conductor(Protocol):
    """What these reactions ask of the Supervisor."""

    def write(self, run: Run, entries: Iterable[Entry]) -> None:
        """Commit entries with the next message to the Journal."""

    def writing(self, run: Run) -> Writing:
        """That next message."""

    def prepare(self, run: Run, slot: Slot) -> None:
        """Have a worker load the function."""

    def retry_later(self, run: Run, index: int, attempt: int) -> None:
        """Try a call again after its pause."""

    def break_run(self, run: Run, error: BaseException) -> None:
        """End a run that cannot go on."""

    def answer_state(self, slot: Slot, ticket: int, state: bytes | None) -> None:
        """Give a call the state that it asked for."""


def host_said(supervisor: Conductor, run: Run | None, slot: Slot, message: Any) -> None:
    """One message of a worker; what belongs to a run that is over is dropped."""
    if isinstance(message, Logged):
        context = copy_context() if run is None else run.context.copy()
        context.run(emit_in_parent, message)
        return
    if run is None or message.run != run.key:
        return
    match message:
        case Results():
            _results(supervisor, run, slot, message)
        case Ready():
            _ready(supervisor, run, slot, message)
        case Failure():
            _failure(supervisor, run, slot, message)
        case Returned():
            if slot.outstanding.answer(message.indexes) and run.stop is None:
                run.put_back(sorted(message.indexes))
        case StateSaved():
            state_saved(supervisor, run, slot, message)
        case StateWanted():
            _state_wanted(supervisor, run, slot, message)
        case SetupFailed():
            _setup_failed(supervisor, run, slot, message)
        case _:
            raise InternalError(f"a worker said {message!r}")


def _results(supervisor: Conductor, run: Run, slot: Slot, message: Results) -> None:
    count = message.count
    indexes = range(message.start, message.start + count) if message.indexes is None else message.indexes
    known = (
        slot.outstanding.answer_run(message.start, count)
        if message.indexes is None
        else slot.outstanding.answer(indexes)
    )
    if not known:
        return
    slot.served += count
    slot.losses = 0
    run.measure(count, message.seconds)
    supervisor.write(run, [Entry(Kind.COMPLETED, run.number, message.head, message.body)])
    supervisor.writing(run).outcomes.append(Kept(indexes, message.head, message.body))


def _ready(supervisor: Conductor, run: Run, slot: Slot, message: Ready) -> None:
    slot.awaited -= 1
    if slot.awaited > 0:
        return
    if message.differs is None:
        slot.is_ready = True
        if message.generators:
            run.on_generators(slot.number, message.generators)
        return
    try:
        is_sent_anew = run.reship(message.differs)
    except FunctionNotShippable as error:
        error.add_note(f"It is sent by value, since {message.differs} is not the same in a fresh worker as here")
        supervisor.break_run(run, error)
        return
    if is_sent_anew:
        for other in run.slots:
            supervisor.prepare(run, other)
    else:
        text = (
            f"{message.differs} is not the same in a fresh worker as here, and its module cannot be sent by value. "
            "Set it where the module is imported, or pass it as an argument."
        )
        supervisor.break_run(run, FunctionNotShippable(text))


def _failure(supervisor: Conductor, run: Run, slot: Slot, message: Failure) -> None:
    if not slot.outstanding.answer([message.index]):
        return
    slot.served += 1
    slot.losses = 0
    run.measure(1, message.seconds)
    if message.reason == NOT_WRITTEN:
        cause = _cause(message.exception)
        supervisor.break_run(run, cause if isinstance(cause, JournalError) else JournalError(message.error_text))
        return
    counted = message.attempt - run.deaths.get(message.index, 0)  # deaths are counted apart
    if after_failure(counted, run.policy.retries, run.stop is not None) is Verdict.RETRY:
        supervisor.retry_later(run, message.index, message.attempt + 1)
        return
    error = CallFailed(
        message.index,
        run.source.argument(message.index),
        error_type=message.error_type,
        error_text=message.error_text,
        traceback_text=message.traceback,
        attempts=message.attempt,
    )
    error.__cause__ = _cause(message.exception)
    final_failure(supervisor, run, error, reason=message.reason, exception=message.exception)


def _cause(encoded: bytes | None) -> BaseException | None:
    if encoded is None:
        return None
    try:
        value = ValueDecoder().decode(encoded)
    except Exception:
        return None
    return value if isinstance(value, BaseException) else None


def final_failure(
    supervisor: Conductor,
    run: Run,
    error: CallFailed,
    *,
    reason: str = "not kept",
    exception: bytes | None = None,
) -> None:
    """A call has failed for good: on record first, then told."""
    head = Failed(
        index=error.index,
        attempts=error.attempts,
        started=time(),
        seconds=0.0,
        reason=Reason(reason),
        error_type=error.error_type,
        error_text=error.error_text,
    )
    body = pack([error.traceback_text, exception])
    supervisor.write(run, [Entry(Kind.FAILED, run.number, head.encode(), body)])
    supervisor.writing(run).outcomes.append(error)
    run.heed_failure(error)


def worker_lost(supervisor: Conductor, run: Run, slot: Slot, message: Any) -> None:
    """A worker is gone: its running call is charged, what was behind it goes back, a fresh worker takes its place."""
    left = slot.forget()
    run.announce(EventKind.WORKER_LOST, message.index if message.index >= 0 else None, message.reason)
    if message.index in left:
        left.remove(message.index)
        _charge(supervisor, run, message)
    if run.stop is None:
        run.put_back(left)
    if run.ended.done():
        return
    if message.index < 0:
        slot.losses += 1
        if slot.losses >= LOSSES_MAX:
            text = f"{slot.losses} workers in a row ended before they answered anything; the last one {message.reason}"
            supervisor.break_run(run, RestartLimitReached(text))
            return
    if message.is_timeout and run.policy.abandons:
        run.abandoned += 1
        if run.abandoned > len(run.slots):
            text = f"{run.abandoned} calls were abandoned in their threads, which cannot be killed: use processes"
            supervisor.break_run(run, SupervisionError(text))
            return
    if run.stop is None or run.stop.grace_s is None:
        supervisor.prepare(run, slot)


def _charge(supervisor: Conductor, run: Run, message: Any) -> None:
    index = message.index
    attempt = run.attempts.get(index, 1)
    deaths = run.deaths.get(index, 0)
    loss = Loss(message.is_timeout, not run.policy.abandons, deaths, attempt - deaths)
    verdict = after_loss(loss, run.policy.retries, run.policy.deaths_max, run.stop is not None)
    if verdict is Verdict.RETRY:
        supervisor.retry_later(run, index, attempt + 1)
        return
    if not message.is_timeout:
        run.deaths[index] = deaths + 1
    if verdict is Verdict.REQUEUE:
        run.attempts[index] = attempt + 1
        run.put_back([index])
    elif verdict is Verdict.FAIL:
        cls = CallTimedOut if message.is_timeout else WorkerDied
        text = message.reason if message.is_timeout else f"its worker {message.reason}, {run.deaths[index]} times"
        arguments = run.source.argument(index)
        error = cls(index, arguments, error_type=cls.__name__, error_text=text, attempts=attempt)
        reason = "timed out" if message.is_timeout else "worker died"
        final_failure(supervisor, run, error, reason=reason)


def recycle(supervisor: Conductor, run: Run, slot: Slot) -> None:
    """Replace an idle worker that has served its number of calls."""
    slot.forget()
    slot.ref.tell_nowait(Release())
    supervisor.prepare(run, slot)


def _setup_failed(supervisor: Conductor, run: Run, slot: Slot, message: SetupFailed) -> None:
    slot.awaited -= 1
    if slot.awaited > 0:
        return
    run.setup_failures += 1
    cause = _cause(message.exception)
    if message.reason == "load":
        text = f"the function cannot be loaded in a worker: {message.error_type}: {message.error_text}"
        error: BaseException = FunctionNotShippable(f"{text}\n\n{message.traceback}")
        error.__cause__ = cause
        supervisor.break_run(run, error)
    elif run.setup_failures >= SETUP_FAILURES_MAX:
        final = cause or SupervisionError(f"setup failed: {message.error_type}: {message.error_text}")
        final.add_note(f"raised by setup() in a worker, {run.setup_failures} times:\n{message.traceback}")
        supervisor.break_run(run, final)
    else:
        recycle(supervisor, run, slot)


# -- checkpoints of calls -------------------------------------------------------------------------------------------


def state_saved(supervisor: Conductor, run: Run, slot: Slot, message: StateSaved) -> None:
    """Keep a checkpoint of a call that is out, and tell the call when it is on disk."""
    if message.index not in slot.outstanding.indexes():
        slot.ref.tell_nowait(Urge(encode(StateKeptAck(message.ticket, 0, "the call is over"))))
        return
    number = run.states.get(message.index, (0, 0))[0] + 1
    if run.journal is None:
        run.states[message.index] = (number, 0)
        run.states_in_memory[message.index] = message.state
        slot.ref.tell_nowait(Urge(encode(StateKeptAck(message.ticket, number, None))))
        return
    run.states[message.index] = (number, run.states.get(message.index, (0, 0))[1])
    key = run.call_key(run.source.argument(message.index)) if run.call_key is not None else b""
    head = StateKept(
        index=message.index,
        number=number,
        label=message.label,
        digest=sha256(message.state).digest(),
        length=len(message.state),
        call_key=key,
        at=time(),
    )
    writing = supervisor.writing(run)
    writing.states.append([len(writing.entries), message.state])
    supervisor.write(run, [Entry(Kind.STATE, run.number, head.encode(), None)])
    writing.size += len(message.state)
    place = len(writing.entries) - 1
    ack = Acknowledgement(slot, slot.host, message.ticket, index=message.index, number=number, place=place)
    writing.acks.append(ack)
    slot.saving[message.ticket] = (number, message)


def _state_wanted(supervisor: Conductor, run: Run, slot: Slot, message: StateWanted) -> None:
    if message.index not in slot.outstanding.indexes():
        supervisor.answer_state(slot, message.ticket, None)
        return
    if run.journal is None:
        supervisor.answer_state(slot, message.ticket, run.states_in_memory.get(message.index))
        return
    seq = run.states.get(message.index, (0, 0))[1]
    if not seq and run.earlier_states and run.call_key is not None:
        seq = run.earlier_states.get(run.call_key(run.source.argument(message.index)), 0)
    if seq:
        run.journal.tell_nowait(ReadState(seq, slot.number, slot.host, message.ticket))
    else:
        supervisor.answer_state(slot, message.ticket, None)
