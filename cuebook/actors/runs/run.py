"""A run's owner: all of a run that is in no journal, and that the next incarnation of the Supervisor needs.

The source's position, the function, arguments in flight, attempts and deaths are kept here, above the Supervisor.
Plain bookkeeping: nothing here sends a message or waits.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cuebook.actors.dispatch import Load
from cuebook.actors.runs.crew_size import CrewSize
from cuebook.actors.runs.pace import Pace
from cuebook.actors.runs.progress import Event, EventKind, Progress, Stop, StopKind
from cuebook.actors.runs.sink import CommittedResults, Sink
from cuebook.actors.runs.slot import Slot
from cuebook.actors.runs.sources import CallSource
from cuebook.engines.calls.protocol import Failure, Setup
from cuebook.engines.port import LocalWork
from cuebook.errors import CallFailed
from cuebook.persistence.records.record import Entry
from cuebook.runtime.refs.ref import ActorRef

__all__ = ["CallBatch", "Run", "RunPlan", "RunPolicy"]


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """How a run treats its calls.

    Attributes:
        batch: calls a message, None: adapted.
        retries: further attempts after an exception or time-out.
        covers: whether an exception of these classes (by name) is one after which a call is tried again.
        pause: seconds before attempt n (2, 3, ...), after that exception (None: not known).
        timeout: seconds an attempt may take.
        raises: whether the first failure ends the run.
        max_failures: failures that are too many once there is one more; None: there may be any number.
        pace: how often calls may begin; None: as often as there are workers for them.
        recycle_after: calls after which a worker is replaced; None: never.
        deaths_max: deaths of its worker after which a call fails.
        workers_max: up to so many workers are hired while it runs, as long as more of them pay; None: none are.
        abandons: whether a call over its time can only be left to itself (threads), not ended.
    """

    batch: int | None = None
    retries: int = 0
    covers: Callable[[Sequence[str]], bool] = lambda _: True
    pause: Callable[[int, BaseException | None], float] = lambda _, __: 0.0
    timeout: float | None = None
    raises: bool = True
    max_failures: int | None = None
    pace: Pace | None = None
    recycle_after: int | None = None
    deaths_max: int = 3
    abandons: bool = False
    workers_max: int | None = None


def _nothing(_: Any) -> None:
    """For what nobody wants to hear of."""


def _silent(_: int, __: list[Any]) -> None:
    """For what nobody looks at."""


def _nothing_beside(_: Sequence[int]) -> int:
    return 0


def _never(_: Any) -> bool:
    return False


def _as_it_is(failure: Failure, _: Any) -> Failure:
    return failure


@dataclass(frozen=True, slots=True)
class RunPlan:
    """All that a run is made of; it does not change while the run goes on.

    Attributes:
        number: the journal's number of this run (or a number of the process where nothing is kept).
        policy: how calls are treated.
        source, sink: where calls come from and outcomes go.
        work: the function as hosts in this process need it.
        setup: makes the Setup for a worker, by its number.
        encoder_for: chooses how calls become the bytes that a worker gets, by looking at them.
        key: what the run is known by in this process, where several journals may count alike; None: its number.
        journal: takes what is to be kept; None: nothing is kept.
        closing_entries: the last records of the run, made when it is over; None: it writes none.
        reship: sends the function in another way, as a part of it (the fields of a `difference.Seen`) was not the same
            in a worker. Raises FunctionNotShippable where there is no other way.
        reship_unloaded: the same, as it could not be loaded in a worker for an error of this class; False where there
            is no other way.
        on_shipped: hears of the calls that went out in one message; gives the bytes that lie beside it.
        on_over: hears of those that will not go out again.
        hide: a failure as it may be told and recorded, given the arguments of its call: without secrets.
        on_generators: hears what random generators a worker (by number) would draw from; gives what the user is to be
            told of it, or None.
        call_key: the bytes that a call is known by in later runs; None: checkpoints are not found again.
        earlier_states: newest checkpoint (number of its record) of calls that earlier runs left unfinished, by key.
        states_at_hand: states of those records that were read before the run began, by number.
        reused: calls whose results were there before the run began.
        listeners: hear what happens to the run.
    """

    number: int
    policy: RunPolicy
    source: CallSource
    sink: Sink
    work: LocalWork
    setup: Callable[[int], Setup]
    encoder_for: Callable[[Sequence[Any]], Callable[[Sequence[Any]], bytes]]
    key: int | None = None
    journal: ActorRef | None = None
    closing_entries: Callable[[Run], list[Entry]] | None = None
    reship: Callable[[list[Any]], None] = _nothing
    reship_unloaded: Callable[[str], bool] = _never
    on_shipped: Callable[[Sequence[int]], int] = _nothing_beside
    on_over: Callable[[Sequence[int]], None] = _nothing
    on_generators: Callable[[int, list[Any]], str | None] = _silent
    call_key: Callable[[Any], bytes] | None = None
    hide: Callable[[Failure, Any], Failure] = _as_it_is
    earlier_states: Mapping[bytes, int] = field(default_factory=dict)
    states_at_hand: Mapping[int, bytes] = field(default_factory=dict)
    reused: int = 0
    listeners: Sequence[Callable[[Event], None]] = ()


@dataclass(frozen=True, slots=True)
class CallBatch:
    """Calls taken to be sent as one message."""

    indexes: Sequence[int]
    attempts: list[int] | None

    def part(self, start: int, end: int) -> CallBatch:
        """Some of these calls, by their places in the batch."""
        return CallBatch(self.indexes[start:end], None if self.attempts is None else self.attempts[start:end])


class Run:
    """One run and its books.

    Args:
        plan: what it is made of.

    Attributes:
        slots: the workers that are leased to it.
        crew: how many of these it should use, where that is found while it runs; else None: all of them.
        retries: calls that go out before any other, with the number of their attempt; `retries_pausing` wait for it,
            with what their last attempt raised.
        attempts, deaths: of calls that were tried more than once: the attempt that is next or under way, and how many
            workers died of the call.
        states: of calls with checkpoints, the number of the newest and its record (0: not on disk yet).
        failing: calls whose failure is on its way to the journal, where the number of failures matters.
        delivered_seq: the last record whose outcomes have reached the sink.
        context: the context variables of whoever asked for the run, as they were then.
        ended: done when the run is over; its exception is the error that broke the run.
    """

    def __init__(self, plan: RunPlan) -> None:
        self.plan = plan
        self.number = plan.number
        self.key = plan.number if plan.key is None else plan.key
        self.policy = plan.policy
        self.source = plan.source
        self.sink = plan.sink
        self.work = plan.work
        self.journal = plan.journal
        self.slots: list[Slot] = []
        most = plan.policy.workers_max
        self.crew = None if most is None else CrewSize(most)
        self.retries: deque[tuple[int, int]] = deque()
        self.retries_pausing: dict[int, tuple[int, BaseException | None]] = {}
        self.deaths: dict[int, int] = {}
        self.attempts: dict[int, int] = {}
        self.states: dict[int, tuple[int, int]] = {}
        self.states_in_memory: dict[int, bytes] = {}
        self.mean_s: float | None = None
        self.argument_bytes = 16.0
        self.done = 0
        self.failed = 0
        self.failing: set[int] = set()
        self.reused = plan.reused
        self.retried = 0
        self.setup_failures = 0
        self.abandoned = 0
        self.delivered_seq = 0
        self.stop: Stop | None = None
        self.context = contextvars.copy_context()
        self.is_stop_applied = False
        self.is_closing = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.name = getattr(plan.work.func, "__qualname__", type(plan.work.func).__qualname__)

    def __repr__(self) -> str:
        """A status line."""
        state = "over" if self.ended.done() else self.stop.kind.value if self.stop else "running"
        out = sum(slot.outstanding.calls for slot in self.slots)
        return f"<Run {self.number}: {self.done}/{self.source.total} done, {self.failed} failed, {out} out, {state}>"

    # -- what to do next ------------------------------------------------------------------------------------------

    def load(self) -> Load:
        """The run as the dispatcher sees it."""
        remaining = self.source.remaining
        if remaining is not None:
            remaining += len(self.retries)
        workers = max(1, len(self.crew_slots))
        return Load(self.policy.batch, self.mean_s, remaining, workers, self.argument_bytes, len(self.retries))

    @property
    def crew_slots(self) -> Sequence[Slot]:
        """The workers that are given calls."""
        return self.slots if self.crew is None or not self.crew.workers else self.slots[: self.crew.workers]

    @property
    def is_dry(self) -> bool:
        """Whether no call can be taken now."""
        return not self.retries and not self.source.waiting

    def take(self, limit: int) -> CallBatch | None:
        """Up to `limit` calls, repeated ones first; None when there is none now."""
        if self.retries:
            picked = [self.retries.popleft() for _ in range(min(limit, len(self.retries)))]
            attempts = [attempt for _, attempt in picked]
            # What came back without having begun is as good as new: a worker sends nothing ahead of it.
            return CallBatch([index for index, _ in picked], attempts if max(attempts) > 1 else None)
        indexes = self.source.take(limit)
        return CallBatch(indexes, None) if len(indexes) else None

    def put_back(self, indexes: Sequence[int]) -> None:
        """Calls that were handed out and not begun go first the next time."""
        self.retries.extendleft((index, self.attempts.get(index, 1)) for index in reversed(indexes))

    def repeat(self, index: int, attempt: int) -> None:
        """This call goes first the next time, as this attempt."""
        self.attempts[index] = attempt
        self.put_back([index])

    def lost_calls(self) -> list[int]:
        """Calls that nobody has: taken, not done, with no worker and in no queue (a Supervisor failed with them)."""
        held = {index for slot in self.slots for index in slot.outstanding.indexes()}
        held.update(index for index, _ in self.retries)
        held.update(self.retries_pausing)
        return [index for index in self.source.undone() if index not in held]

    def take_up_again(self) -> None:
        """A new incarnation of the Supervisor has it: calls that nobody has go first, and its end is written anew."""
        self.put_back(self.lost_calls())
        self.is_closing = False

    def note_delivered(self, seq: int) -> None:
        """What record `seq` holds, and those before it, has reached the sink."""
        self.delivered_seq = max(self.delivered_seq, seq)

    @property
    def is_idle(self) -> bool:
        """Whether no call is out or pausing, and none will be started."""
        if any(slot.outstanding.calls for slot in self.slots):
            return False
        if self.stop is not None:
            return True
        return not self.retries and not self.retries_pausing and self.source.is_exhausted

    # -- what happened --------------------------------------------------------------------------------------------

    def measure(self, count: int, seconds: float) -> None:
        """Calls took so long in all; recent ones weigh more."""
        mean = seconds / count
        self.mean_s = mean if self.mean_s is None else 0.7 * self.mean_s + 0.3 * mean

    def measure_arguments(self, count: int, size_bytes: int) -> None:
        """Arguments of so many calls have so many bytes."""
        self.argument_bytes = 0.7 * self.argument_bytes + 0.3 * size_bytes / count

    def key_of(self, index: int) -> bytes:
        """What the call is known by in later runs; empty where it is known by nothing."""
        call_key = self.plan.call_key
        return b"" if call_key is None else call_key(self.source.argument(index))

    def deliver(self, results: CommittedResults) -> None:
        """Committed results reach their sink."""
        for error in self.sink.keep(results):
            self.heed_failure(error)
        self.done += len(results.indexes)
        self.source.done(results.indexes)
        self._forget(results.indexes)

    def heed_failure(self, error: CallFailed) -> None:
        """A call has failed for good: where that ends the run, no more calls are started."""
        if self.policy.raises and self.stop is None:
            self.stop = Stop(StopKind.FAILED, f"call {error.index} failed", None, error)

    def hear_failure(self, error: CallFailed) -> None:
        """A call has failed for good, which is not committed yet."""
        self.heed_failure(error)
        if self.policy.max_failures is not None:
            self.failing.add(error.index)
            self._heed_number(error)

    def _heed_number(self, error: CallFailed) -> None:
        """Too many failures end the run as the first one does where that is asked for."""
        most, count = self.policy.max_failures, self.failed + len(self.failing)
        if most is not None and count > most and self.stop is None:
            text = f"{count:,} call{'' if count == 1 else 's'} failed, more than max_failures={most:,}"
            error.add_note(text)
            self.stop = Stop(StopKind.FAILED, text, None, error)

    def deliver_failure(self, error: CallFailed) -> None:
        """A committed failure reaches its sink."""
        self.heed_failure(error)
        self.sink.fail(error)
        self.failed += 1
        self.failing.discard(error.index)
        self._heed_number(error)
        self.source.done([error.index])
        self._forget([error.index])
        self.announce(EventKind.CALL_FAILED, error.index, f"{error.error_type}: {error.error_text}")

    def _forget(self, indexes: Sequence[int]) -> None:
        """These calls are over: a run without an end must not grow with those that were tried more than once."""
        self.plan.on_over(indexes)
        for book in (self.attempts, self.deaths, self.states, self.states_in_memory):
            if book:
                for index in indexes:
                    book.pop(index, None)

    def progress(self) -> Progress:
        """The counts now."""
        return Progress(
            self.number,
            self.done + self.reused,
            self.source.total,
            self.failed,
            self.reused,
            self.retried,
            self.ended.done(),
        )

    def announce(self, kind: EventKind = EventKind.PROGRESS, index: int | None = None, detail: str = "") -> None:
        """Tell the listeners what happened and where the run stands."""
        listeners = self.plan.listeners
        if listeners:
            event = Event(kind, self.name, self.progress(), index, detail)
            for listener in listeners:
                listener(event)

    def end(self, error: BaseException | None = None) -> None:
        """The run is over: whoever waits for it goes on."""
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)
        self.announce(EventKind.ENDED, detail="" if error is None else str(error))
