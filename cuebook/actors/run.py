"""A run's owner: all of a run that is in no journal, and that the next incarnation of the Supervisor needs.

The source's position, the function, arguments in flight, attempts and deaths are kept here, above the Supervisor.
Plain bookkeeping: nothing here sends a message or waits.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from cuebook.actors.dispatch import Load
from cuebook.actors.outstanding import Outstanding
from cuebook.actors.sources import Source
from cuebook.engines.host import LocalWork
from cuebook.engines.wire import Setup, StateSaved
from cuebook.persistence.record import Entry
from cuebook.runtime.errors import CallFailed
from cuebook.runtime.ref import ActorRef

__all__ = [
    "Batch",
    "Event",
    "EventKind",
    "Kept",
    "Progress",
    "Run",
    "RunPolicy",
    "Sink",
    "Slot",
    "Stop",
    "StopKind",
]


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """How a run treats its calls.

    Attributes:
        batch: calls a message, None: adapted.
        retries: further attempts after an exception or time-out.
        pause: seconds before attempt n (2, 3, ...).
        timeout: seconds an attempt may take.
        raises: whether the first failure ends the run.
        recycle_after: calls after which a worker is replaced; None: never.
        deaths_max: deaths of its worker after which a call fails.
        abandons: whether a call over its time can only be left to itself (threads), not ended.
    """

    batch: int | None = None
    retries: int = 0
    pause: Callable[[int], float] = lambda _: 0.0
    timeout: float | None = None
    raises: bool = True
    recycle_after: int | None = None
    deaths_max: int = 3
    abandons: bool = False


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
class Kept:
    """Finished calls on their way to the sink: the journal's bytes, unopened."""

    indexes: Sequence[int]
    head: bytes
    body: bytes


class Sink(Protocol):
    """Where committed outcomes go, in the order of their commits."""

    @property
    def has_room(self) -> bool:
        """Whether more calls may be started for it."""

    def keep(self, kept: Kept) -> None:
        """Finished calls."""

    def fail(self, error: CallFailed) -> None:
        """One failed call."""


@dataclass(slots=True, eq=False)
class Slot:
    """A worker on a run's roster; survives the Supervisor and every host of the worker.

    Attributes:
        place: its number among the workers of its kind, which is what calls see of it: which device is its own.
        awaited: answers to Prepare that are still to come; only the last one counts.
        host: counts the worker's hosts; an answer to a question of an earlier one is dropped.
        life: the worker's incarnation that is to be spoken to.
        losses: hosts lost one after another without a single answer.
        saving: of each checkpoint that is not on disk yet, its number and what the worker said, by ticket.
        served: calls answered since the host was started.
    """

    number: int
    ref: ActorRef
    place: int = 0
    run: int = 0
    is_ready: bool = False
    awaited: int = 0
    host: int = 0
    life: int = 1
    losses: int = 0
    served: int = 0
    saving: dict[int, tuple[int, StateSaved]] = field(default_factory=dict)
    outstanding: Outstanding = field(default_factory=Outstanding)

    def forget(self) -> list[int]:
        """Its host is gone or free: what it was handed and what it asked has no answer. Returns those calls."""
        self.is_ready = False
        self.host += 1
        self.awaited = self.served = 0
        self.saving.clear()
        return self.outstanding.clear()


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
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a run.

    Attributes:
        kind: what.
        function: name of the run's function.
        progress: the run's counts at that moment.
        index: the call concerned, None where none is.
        detail: in words, for a failure or a loss.
    """

    kind: EventKind
    function: str
    progress: Progress
    index: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls taken to be sent as one message."""

    indexes: Sequence[int]
    attempts: list[int] | None

    def part(self, start: int, end: int) -> Batch:
        """Some of these calls, by their places in the batch."""
        return Batch(self.indexes[start:end], None if self.attempts is None else self.attempts[start:end])


class Run:
    """One run and its books.

    Args:
        number: the journal's number of this run (or a number of the process where nothing is kept).
        policy: how calls are treated.
        source, sink: where calls come from and outcomes go.
        work: the function as hosts in this process need it.
        setup: makes the Setup for a worker, by its number.
        key: what the run is known by in this process, where several journals may count alike; None: its number.
        encoder_for: chooses how calls become the bytes that a worker gets, by looking at them.

    Attributes:
        context: the context variables of whoever asked for the run, as they were then.
    """

    def __init__(
        self,
        number: int,
        policy: RunPolicy,
        source: Source,
        sink: Sink,
        *,
        work: LocalWork,
        setup: Callable[[int], Setup],
        encoder_for: Callable[[Sequence[Any]], Callable[[Sequence[Any]], bytes]],
        key: int | None = None,
    ) -> None:
        self.number = number
        self.key = number if key is None else key
        self.policy = policy
        self.source = source
        self.sink = sink
        self.work = work
        self.setup = setup
        self.encoder_for = encoder_for
        self.journal: ActorRef | None = None
        self.closing_entries: Callable[[Run], list[Entry]] | None = None
        self.reship: Callable[[str], bool] = lambda _: False
        self.on_shipped: Callable[[Sequence[int]], None] = lambda _: None
        self.on_over: Callable[[Sequence[int]], None] = lambda _: None
        self.on_generators: Callable[[int, list[Any]], None] = lambda _, __: None
        self.call_key: Callable[[Any], bytes] | None = None
        self.slots: list[Slot] = []
        self.retries: deque[tuple[int, int]] = deque()
        self.retries_pausing: dict[int, int] = {}
        self.deaths: dict[int, int] = {}
        self.attempts: dict[int, int] = {}
        self.states: dict[int, tuple[int, int]] = {}
        self.states_in_memory: dict[int, bytes] = {}
        self.earlier_states: dict[bytes, int] = {}
        self.mean_s: float | None = None
        self.argument_bytes = 16.0
        self.done = 0
        self.failed = 0
        self.reused = 0
        self.retried = 0
        self.setup_failures = 0
        self.abandoned = 0
        self.delivered_seq = 0
        self.stop: Stop | None = None
        self.is_stop_applied = False
        self.is_closing = False
        self.first_failure: CallFailed | None = None
        self.context = contextvars.copy_context()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.listeners: list[Callable[[Event], None]] = []
        self.name = getattr(work.func, "__qualname__", type(work.func).__qualname__)

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
        return Load(self.policy.batch, self.mean_s, remaining, max(1, len(self.slots)), self.argument_bytes)

    @property
    def has_calls(self) -> bool:
        """Whether a call might be taken now."""
        return bool(self.retries) or not self.source.is_exhausted

    def take(self, limit: int) -> Batch | None:
        """Up to `limit` calls, repeated ones first; None when there is none now."""
        if self.retries:
            picked = [self.retries.popleft() for _ in range(min(limit, len(self.retries)))]
            return Batch([index for index, _ in picked], [attempt for _, attempt in picked])
        indexes = self.source.take(limit)
        return Batch(indexes, None) if len(indexes) else None

    def put_back(self, indexes: Sequence[int]) -> None:
        """Calls that were handed out and not begun go first the next time."""
        self.retries.extendleft((index, self.attempts.get(index, 1)) for index in reversed(indexes))

    def lost_calls(self) -> list[int]:
        """Calls that nobody has: taken, not done, with no worker and in no queue (a Supervisor failed with them)."""
        held = {index for slot in self.slots for index in slot.outstanding.indexes()}
        held.update(index for index, _ in self.retries)
        held.update(self.retries_pausing)
        return [index for index in self.source.undone() if index not in held]

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

    def deliver(self, kept: Kept) -> None:
        """Committed results reach their sink."""
        self.sink.keep(kept)
        self.done += len(kept.indexes)
        self.source.done(kept.indexes)
        self._forget(kept.indexes)

    def heed_failure(self, error: CallFailed) -> None:
        """A call has failed for good: where the first failure ends the run, no more calls are started."""
        if self.policy.raises and self.stop is None:
            self.stop = Stop(StopKind.FAILED, f"call {error.index} failed", None, error)

    def deliver_failure(self, error: CallFailed) -> None:
        """A committed failure reaches its sink."""
        self.heed_failure(error)
        self.sink.fail(error)
        self.failed += 1
        self.source.done([error.index])
        self._forget([error.index])
        if self.first_failure is None:
            self.first_failure = error
        self.announce(EventKind.CALL_FAILED, error.index, f"{error.error_type}: {error.error_text}")

    def _forget(self, indexes: Sequence[int]) -> None:
        """These calls are over: a run without an end must not grow with those that were tried more than once."""
        self.on_over(indexes)
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
        if self.listeners:
            event = Event(kind, self.name, self.progress(), index, detail)
            for listener in self.listeners:
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
