"""An actor at work: messages in, handlers run, answers out. No task while its mailbox is empty. Knows no restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from types import CoroutineType
from typing import Any, Protocol

from cuebook.errors import (
    CodecError,
    CuebookError,
    InternalError,
    MailboxFull,
    MalformedMessage,
    Rejected,
    UnhandledMessage,
    UnknownMessage,
)
from cuebook.logs import get_logger
from cuebook.runtime.cells.answers import Answers, Delivery
from cuebook.runtime.cells.bonds import Watch
from cuebook.runtime.cells.driver import IDLE, Idle, Step, Work
from cuebook.runtime.cells.envelope import REFERENCE_BYTES, Entry, Envelope
from cuebook.runtime.cells.incarnation import Incarnation
from cuebook.runtime.cells.ports import CellCore
from cuebook.runtime.policy.directives import Directive, directive_for
from cuebook.runtime.policy.phases import ActorState
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.reply import IMMUTABLE, failure_of, seal
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.exits import is_exit, own
from cuebook.runtime.tasks.immediate import Begun, never_waits, outcome_of
from cuebook.runtime.tasks.tasks import Tasks
from cuebook.runtime.tasks.timers import Timers
from cuebook.wire.message import decode
from cuebook.wording import repr_of

__all__ = ["SLICE_MESSAGES", "SLICE_S", "Receiving"]

SLICE_MESSAGES = 256
"""Messages that an actor receives before others get their turn."""
SLICE_S = 0.005
"""Seconds after which it is others' turn, looked at after the first message and then after every fourth."""
UNSEEN = 3
"""Messages between two looks at the clock, which costs a fifth of a quick one; one less than a power of two."""

_log = get_logger("runtime")


class Incarnations(Protocol):
    """The incarnations of the actor whose messages these are."""

    incarnation: Incarnation | None
    killed: BaseException | None

    def turn(self) -> Generator[Awaitable[Any] | None, Any, bool]:
        """Take the steps that come before messages; whether any are received now."""

    def fail(self, error: BaseException, directive: Directive | None = None) -> Work:
        """The incarnation failed."""


class Receiving:
    """One actor's work on its messages.

    Attributes:
        current: the message in hand; None: there is none, or its answer comes later.
        is_steady: whether messages are received, and nothing comes before them.
        answers: those that it owes. busy_s: seconds at work.
        processed: messages received so far; refused: frames that were no message.
    """

    __slots__ = (
        "_cell",
        "_life",
        "_message",
        "_slice_end",
        "answers",
        "busy_s",
        "current",
        "is_steady",
        "processed",
        "ready",
        "refused",
    )

    def __init__(self, cell: CellCore, life: Incarnations) -> None:
        self._cell = cell
        self._life = life
        self.answers = Answers(cell.name)
        self.ready = cell.ready
        self.is_steady = False
        self.processed = 0
        self.refused = 0
        self.busy_s = 0.0
        self.current: Entry | None = None
        self._message: Any = None
        self._slice_end = 0

    # What its driver asks for

    @property
    def name(self) -> str:
        """The actor's."""
        return self._cell.name

    def tasks(self) -> Tasks:
        """What awaits for it."""
        return self._cell.system.tasks()

    def on_left(self, *, is_lost: bool) -> None:
        """What it awaited obeys no cancellation: it goes on without that, and with another driver."""
        self._cell.driver = self._cell.driver.successor()
        self._cell.ending.on_left(is_lost=is_lost)

    def on_lost(self) -> None:
        """What was in hand was cut off by cancellation from outside."""
        self._cell.body.lost(self._cell)

    def on_fatal(self, error: BaseException) -> None:
        """A handler raised what is no Exception: the block that the system lives in ends with it."""
        self.on_lost()
        self._cell.system.fail(error)

    def on_broken(self, error: BaseException) -> None:
        """The work itself raised, which it never should."""
        self.on_lost()
        broken = InternalError(f"the actor {self.name} broke: {repr_of(error)}")
        broken.__cause__ = error
        self._cell.system.fail(broken)

    # The message in hand

    def sender(self) -> ActorRef | None:
        """Who sent it."""
        return None if self.current is None else Envelope._make(self.current).sender

    def doing(self) -> str:
        """The type of the message in hand; "" where there is none."""
        return "" if self.current is None else type(self._message).__qualname__

    def take_current(self) -> Envelope | None:
        """The message in hand, which is nobody's duty then; None where there is none."""
        entry, self.current = self.current, None
        return None if entry is None else Envelope._make(entry)

    def take_in_hand(self, entry: Entry) -> None:
        """This is the message in hand."""
        self.current = entry

    def settle_current(self, error: CuebookError) -> None:
        """Whoever sent the message in hand is told that there will be no answer."""
        envelope = self.take_current()
        if envelope is not None:
            self.answers.refuse(envelope, error)
            self._cell.bury(envelope, DeadReason.STOPPED, error)

    def defer(self) -> Delivery:
        """Take the message in hand out of the handler's duty."""
        envelope = self.take_current()
        if envelope is None:
            raise RuntimeError(f"{self._cell.name} has no message in hand to defer")
        return self.answers.deliver(self._message, envelope)

    def stash(self) -> bool:
        """Put the message in hand aside; False where there is no room for it."""
        envelope = self.take_current()
        name, mailbox = self._cell.name, self._cell.mailbox
        if envelope is None:
            raise RuntimeError(f"{name} has no message in hand to stash")
        envelope = envelope._replace(timer=None)  # it was due, and is received once more
        if mailbox.stash(envelope):
            return True
        self._cell.bury(envelope, DeadReason.DROPPED)
        self.answers.refuse(envelope, MailboxFull(f"the stash of {name} is full: {mailbox.stashed} messages"))
        return False

    # The work

    def look_up(self) -> None:
        """Something comes before the next message."""
        self.is_steady = False

    def go_on(self) -> None:
        """Nothing does."""
        self.is_steady = True

    def work(self) -> Work:
        """Receive what waits, a slice at a time; what the control lanes want comes first."""
        now, mailbox = self._cell.now, self._cell.mailbox
        began, self._slice_end = now(), self.processed + SLICE_MESSAGES
        while self.is_steady or (yield from self._life.turn()):
            try:
                try:
                    pending = self._receive(began + SLICE_S)
                except GeneratorExit as error:  # the handler's own; one at a yield closes this
                    raise own(error) from error
                if isinstance(pending, Idle):
                    break
                if pending is not None:
                    mailbox.admit()  # whoever waits for room is not to wait for this handler
                    self._cell.activate()
                    outcome = yield pending
                    self._cell.deactivate()
                    self._answer(outcome)
            except BaseException as error:
                if is_exit(error):
                    raise
                if not self._goes_on(error):
                    yield from self._life.fail(error)
            if self.processed >= self._slice_end or now() - began >= SLICE_S:
                self._end_slice(now() - began)
                yield None
                began, self._slice_end = now(), self.processed + SLICE_MESSAGES
        self._end_slice(now() - began)
        mailbox.rest()

    def _goes_on(self, error: BaseException) -> bool:
        """Whether the incarnation outlives what its handler raised; whoever asked is answered then."""
        cell = self._cell
        if self._life.killed is not None or cell.state not in (ActorState.RUNNING, ActorState.STOPPING):
            return False
        is_no = isinstance(error, Rejected)
        is_unhandled = isinstance(error, UnhandledMessage) and error.target in (None, cell.name)
        says_so = is_no or is_unhandled
        if not says_so and directive_for(error, cell.spec.policy.directives) is not Directive.RESUME:
            return False
        cell.deactivate()
        failure = failure_of(cell.name, error)
        envelope = self.take_current()
        if envelope is None:
            self.answers.fail_open(failure)
        else:
            self.answers.refuse(envelope, failure)
            if not is_no:
                cell.bury(envelope, DeadReason.UNHANDLED if is_unhandled else DeadReason.POISON, error)
        if not says_so:
            _log.warning("actor goes on after a failure", actor=cell.name, error=repr_of(error), exc_info=error)
        return True

    def _end_slice(self, busy_s: float) -> None:
        self.busy_s += busy_s
        self._cell.mailbox.admit()

    def _receive(self, until: float) -> Step:
        """Hand messages to the handler, and answer them, until none waits (IDLE), one has to be awaited first (that
        awaitable), or the slice ends or something else comes first (None).
        """
        life, mailbox, now = self._life.incarnation, self._cell.mailbox, self._cell.now
        left, unseen = self._slice_end - self.processed, 0
        assert life is not None
        if life.receive_many is not None:
            return self._cell.body.deliver(self._cell, life.receive_many)
        while True:
            user = mailbox.user
            if mailbox.supervision or mailbox.urgent:
                entry = mailbox.take_early()
            elif user:
                entry = user.popleft()
                mailbox.size -= len(entry[0]) if type(entry[0]) is bytes else REFERENCE_BYTES
            else:
                return IDLE
            frame, _, reply, timer, _, _ = entry
            if timer is not None and not self._is_due(timer, frame, life.timers):
                return None
            try:
                message = decode(frame) if type(frame) is bytes else frame
            except (UnknownMessage, MalformedMessage) as error:
                self._refuse(Envelope._make(entry), error)
                return None
            self.current = entry
            self._message = message
            self.processed += 1
            outcome = life.receive(message)
            if type(outcome) not in IMMUTABLE:
                if type(outcome) is CoroutineType and never_waits(outcome):
                    outcome = outcome_of(outcome)
                    if type(outcome) is Begun:
                        return outcome
                elif hasattr(outcome, "__await__"):
                    return outcome  # type: ignore[no-any-return]
                outcome = self._sealed(outcome)
            if reply is not None and self.current is not None:
                if reply.done():
                    self.answers.settle(reply, outcome, message)
                else:
                    reply.set_result(outcome)
            self.current = None
            left -= 1
            if left <= 0 or not self.is_steady:
                return None
            if not left & unseen:
                if now() >= until:
                    return None
                unseen = UNSEEN

    def receive_many(self, handler: Callable[[list[Delivery]], Any]) -> Step:
        """Hand over all that waits, within a slice."""
        entries = self._cell.mailbox.take_many(SLICE_MESSAGES)
        if not entries:
            return IDLE
        deliveries = [delivery for delivery in map(self._delivery, entries) if delivery is not None]
        if not deliveries:
            return None
        self.processed += len(deliveries)
        outcome = handler(deliveries)
        return outcome if hasattr(outcome, "__await__") else None

    def _delivery(self, entry: Entry) -> Delivery | None:
        envelope = Envelope._make(entry)
        frame, timer = envelope.frame, envelope.timer
        life = self._life.incarnation
        if timer is not None and not (life and self._is_due(timer, frame, life.timers)):
            return None
        try:
            return self.answers.deliver(decode(frame) if type(frame) is bytes else frame, envelope)
        except (UnknownMessage, MalformedMessage) as error:
            self._refuse(envelope, error)
            return None

    def _is_due(self, ticket: Any, frame: Any, timers: Timers) -> bool:
        if type(ticket) is Watch:
            bonds = self._cell.bonded
            return bonds is not None and bonds.receives(ticket, frame)
        return timers.is_due(ticket)

    def _sealed(self, outcome: Any) -> Any:
        """An answer as it travels; whatever it is, where nobody waits for it."""
        entry = self.current
        return outcome if entry is None or Envelope._make(entry).reply is None else seal(outcome)

    def _answer(self, outcome: Any) -> None:
        """Settle the message in hand with what its handler gave; nothing where it was deferred, or one of many."""
        envelope = self.current
        if envelope is None:
            return
        reply: asyncio.Future[Any] | None = Envelope._make(envelope).reply
        if reply is not None:
            self.answers.settle(reply, self._sealed(outcome), self._message)
        self.current = None

    def _refuse(self, envelope: Envelope, error: CodecError) -> None:
        why = self._cell.body.why_refused(envelope, error)
        self.refused += 1
        _log.warning("frame refused", actor=self._cell.name, error=str(why), size=len(envelope.frame))
        self.answers.refuse(envelope, why)
        self._cell.bury(envelope, DeadReason.REFUSED)
