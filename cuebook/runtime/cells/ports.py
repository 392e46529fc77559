"""The parts of a cell as they see each other. Declarations alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Protocol

from cuebook.clock import Clock
from cuebook.errors import CodecError, CuebookError, MessagingError
from cuebook.runtime.cells.answers import Answers, Delivery
from cuebook.runtime.cells.bonds import Bonds
from cuebook.runtime.cells.context import Parent, SystemPort
from cuebook.runtime.cells.driver import Driver, Step, Work
from cuebook.runtime.cells.envelope import Entry, Envelope
from cuebook.runtime.cells.incarnation import HandlerObserver, Incarnation
from cuebook.runtime.cells.mailbox import Mailbox, MailboxSpec
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.policy.directives import Directive
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.phases import PhaseEvent
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.status import ActorState, ActorStatistics, TreeNode
from cuebook.runtime.refs.waiting import Asker
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.timers import Timer, Timers

__all__ = [
    "GRACE_S",
    "Body",
    "CellCore",
    "CellObserver",
    "EndPort",
    "Gate",
    "LifePort",
    "ReceivingPort",
    "RestartPort",
]

GRACE_S = 1.0
"""Seconds that a handler has to obey cancellation after a stop's deadline; then its actor ends without it."""


class Gate(Protocol):
    """What stands before a mailbox, where not every message goes the short way into it."""

    def offer(self, cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None) -> Any:
        """True: it has taken the message. False: the message is to be posted. Else the frame that goes on."""


class CellObserver(Gate, HandlerObserver, Protocol):
    """Someone who looks at what one actor receives and does."""

    def post(self, cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None, *, urgent: bool) -> None:
        """See a message on its way into the mailbox. Raises as `Body.post`."""

    def mark(self, entry: Entry) -> Entry:
        """What is put into the mailbox in place of this."""

    def restarted(self) -> None:
        """The next incarnation is about to begin."""


class ReceivingPort(Protocol):
    """An actor's work on its messages, as its other parts see it.

    Attributes:
        answers: those that it owes.
        current: the message in hand; None: there is none, or its answer comes later.
        is_steady: whether messages are received, and nothing comes before them.
        processed: messages received so far; refused: frames that were no message. busy_s: seconds at work.
    """

    answers: Answers
    current: Entry | None
    is_steady: bool
    processed: int
    refused: int
    busy_s: float

    def doing(self) -> str:
        """The type of the message in hand; "" where there is none."""

    def look_up(self) -> None:
        """Something comes before the next message."""

    def go_on(self) -> None:
        """Nothing does."""

    def take_current(self) -> Envelope | None:
        """The message in hand, which is nobody's duty then; None where there is none."""

    def take_in_hand(self, entry: Entry) -> None:
        """This is the message in hand."""

    def settle_current(self, error: CuebookError) -> None:
        """Whoever sent the message in hand is told that there will be no answer."""

    def receive_many(self, handler: Callable[[list[Delivery]], Any]) -> Step:
        """Hand over all that waits, within a slice."""


class LifePort(Protocol):
    """An actor's incarnations, as its other parts see them.

    Attributes:
        incarnation: the one that there is now; None before the first and between two.
        awaits_children: whether it waits for its children to end.
    """

    incarnation: Incarnation | None
    awaits_children: bool

    @property
    def kind(self) -> str:
        """The name of the actor's class; "" where it was never made, and its factory is no class."""

    def retire_soon(self) -> None:
        """End the incarnation in good order, after the message in hand."""

    def settled(self) -> None:
        """Nothing is under way: tell whoever waits for that."""


class RestartPort(Protocol):
    """What follows the ends of incarnations, as an actor's other parts see it.

    Attributes:
        count: of restarts so far. cause: what the last incarnation failed with. kind: its class, where it was made.
        failures: incarnations that failed.
    """

    count: int
    cause: BaseException | None
    kind: type | None
    failures: int

    def follow(self, reason: Exit, error: BaseException | None, directive: Directive, ran_s: float) -> None:
        """An incarnation is over, after so many seconds: begin the next one, or end."""

    def begin_again(self) -> None:
        """Start the next incarnation, where it waits for that."""

    def is_due_from(self, time: float) -> bool:
        """Whether the next incarnation begins by itself, at this time (monotonic seconds) or later."""

    def cancel(self) -> None:
        """It does not begin by itself."""


class EndPort(Protocol):
    """An actor's end for good, as its other parts see it.

    Attributes:
        drains: whether what is queued is still handled. due: when the stop has to be done (monotonic seconds).
        has_left_behind: whether something that was queued is not handled.
    """

    drains: bool
    due: float
    has_left_behind: bool

    @property
    def has_to_drain(self) -> bool:
        """Whether the actor stops, and has messages to handle before."""

    def begin(self, timeout_s: float, *, drain: bool) -> None:
        """Begin to stop for good; the shortest of several deadlines counts."""

    def begin_by_itself(self) -> None:
        """The same, as the actor itself wants it."""

    def seconds_left(self) -> float:
        """Until the stop has to be done; 0 where it has no deadline any more."""

    def leave_behind(self) -> None:
        """Something that was queued is not handled."""

    def abandon(self, error: BaseException | None = None) -> None:
        """End without what the handler awaits."""

    def abandon_later(self) -> None:
        """End without it where it obeys no cancellation within its time."""

    def cancel_timers(self) -> None:
        """Nothing begins or ends by itself any more."""

    def on_lost(self) -> None:
        """What was in hand was cut off by cancellation from outside."""

    def on_left(self, *, is_lost: bool) -> None:
        """What it awaited obeys no cancellation: it goes on without that; is_lost: it was cut off, too."""

    def terminate(self, error: BaseException | None, reason: Exit = Exit.SHUTDOWN) -> None:
        """The end for good. Whoever waits for anything of this actor is answered now."""


class Body(Protocol):
    """Where the incarnations of an actor are, and what is different because of that.

    What it is asked for a single actor, it is asked with that actor's cell: one body may serve many.

    Attributes:
        gate: stands before the mailbox; None: messages go the short way.
        grace_s: seconds that an incarnation has to end once a stop's deadline has passed.
    """

    @property
    def gate(self) -> Gate | None: ...
    @property
    def grace_s(self) -> float: ...

    def number(self, system: SystemPort) -> int:
        """What the actor is known by beside its name."""

    def home(self, system: SystemPort) -> bytes:
        """The id of the system that it is known in."""

    def new_mailbox(self, spec: MailboxSpec) -> Mailbox:
        """Its mailbox."""

    def settle_in(self, cell: CellCore) -> None:
        """The cell is there, and nothing has begun."""

    # Messages

    def post(self, cell: CellCore, frame: Any, reply: asyncio.Future[Any] | None, *, urgent: bool) -> None:
        """Queue a message. Raises MailboxFull or ActorStopped."""

    def report(self, cell: CellCore, message: Any) -> None:
        """Have it receive what the runtime has to say, before all messages. Raises TypeError where it cannot."""

    def lets_actors_wait(self, cell: CellCore, timeout: float | None) -> bool:
        """Whether actors too may wait for room, for so many seconds."""

    def has_deferred(self, cell: CellCore, reply: asyncio.Future[Any]) -> bool:
        """Whether the answer is owed later, so that the handler at work does not keep it back."""

    def deliver(self, cell: CellCore, handler: Callable[[list[Delivery]], Any]) -> Step:
        """Pass on all that waits."""

    def buries(self, envelope: Envelope) -> bool:
        """Whether a message that goes nowhere is this actor's to report."""

    def why_refused(self, envelope: Envelope, error: CodecError) -> CodecError:
        """Why a frame is no message."""

    # Incarnations

    def begin(self, cell: CellCore, incarnation: Incarnation, timers: Timers) -> Work:
        """Make the actor, and start it. Raises what that raises."""

    def started(self, cell: CellCore) -> None:
        """It receives from now on."""

    def retire(self, cell: CellCore, incarnation: Incarnation) -> Generator[Any, Any, BaseException | None]:
        """End it in good order. Returns what it was lost with on the way."""

    def fail(self, cell: CellCore, incarnation: Incarnation, error: BaseException) -> Work:
        """It has failed: let it clean up."""

    def failure(self, cell: CellCore, error: BaseException, killed: BaseException | None) -> MessagingError:
        """What whoever waits is told of a failure; `killed`: what the runtime ended the incarnation with."""

    def claims(self, cell: CellCore) -> bool:
        """Whether the message that was in hand when it failed is somebody else's to answer: it is let go of then."""

    # The end for good

    def stop(self, cell: CellCore, timeout_s: float, *, drain: bool) -> None:
        """Somebody wants it to stop."""

    def stop_itself(self, cell: CellCore) -> None:
        """It wants to."""

    def lost(self, cell: CellCore) -> None:
        """What it had in hand was cut off by cancellation from outside."""

    def ending(self, cell: CellCore, error: BaseException | None) -> None:
        """It is about to end for good."""

    def ended(self, cell: CellCore) -> None:
        """It has."""

    # What is seen of it

    def kind(self, cell: CellCore) -> str:
        """The name of its class."""

    def statistics(self, cell: CellCore) -> ActorStatistics:
        """Its counts now."""

    def below(self, cell: CellCore) -> tuple[TreeNode, ...]:
        """What lives below it in another process."""

    def traced(self, cell: CellCore, *, on: bool) -> None:
        """It is traced from now on, or no more."""


class CellCore(Asker, Protocol):
    """A cell as its parts, its body and its observer see it.

    Attributes:
        observer: who looks; None: nobody. bonded: its bonds, None as long as it has none.
    """

    spec: ActorSpec
    serial: int
    ref: ActorRef
    loop: asyncio.AbstractEventLoop
    now: Callable[[], float]
    ready: ReadyQueue
    system: SystemPort
    parent: Parent | None
    state: ActorState
    is_stopping: bool
    mailbox: Mailbox
    driver: Driver
    body: Body
    children: dict[str, Any]
    bonded: Bonds | None
    observer: CellObserver | None

    @property
    def receiving(self) -> ReceivingPort: ...
    @property
    def life(self) -> LifePort: ...
    @property
    def restarting(self) -> RestartPort: ...
    @property
    def ending(self) -> EndPort: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def kind(self) -> str: ...
    @property
    def ended(self) -> tuple[Exit, BaseException | None]: ...
    @property
    def past(self) -> RestartPort | None: ...
    @property
    def restarts(self) -> int: ...

    def cause(self) -> BaseException | None:
        """What the last incarnation failed with."""

    def statistics(self) -> ActorStatistics:
        """Its counts now."""

    def tree(self) -> TreeNode:
        """It and all below it."""

    def go(self, event: PhaseEvent) -> None:
        """Into the phase that follows."""

    def close(self) -> None:
        """Take no more messages."""

    def activate(self) -> None:
        """From here on code of this actor may wait for others."""

    def deactivate(self) -> None:
        """Until here."""

    def bury(self, envelope: Envelope, reason: DeadReason, error: BaseException | None = None) -> None:
        """A message of this actor went nowhere."""

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure."""

    def stop_self(self) -> None:
        """End the incarnation as NORMAL after the message in hand."""

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """Begin to stop for good."""

    def begin_again(self) -> None:
        """Start the next incarnation, where it waits for that."""

    def post_timer(self, frame: Any, timer: Timer) -> None:
        """Queue a message that is due."""

    def new_context(self, timers: Timers) -> Any:
        """What an incarnation may do."""
