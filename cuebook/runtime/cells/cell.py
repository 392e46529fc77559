"""An actor at work: messages in, handlers run, answers out. No task while its mailbox is empty.

Its life beside that (start, failure, stop, children) is `lifecycle`'s. Knows no restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import CoroutineType
from typing import Any

from cuebook.errors import (
    ActorStopped,
    CodecError,
    MailboxFull,
    MalformedMessage,
    Rejected,
    UnhandledMessage,
    UnknownMessage,
)
from cuebook.logs import get_logger
from cuebook.runtime.cells.answers import Delivery
from cuebook.runtime.cells.bonds import Watch
from cuebook.runtime.cells.context import Context
from cuebook.runtime.cells.driver import Work
from cuebook.runtime.cells.envelope import REFERENCE_BYTES, Entry, Envelope
from cuebook.runtime.cells.lifecycle import Lifecycle
from cuebook.runtime.cells.mailbox import Overflow
from cuebook.runtime.cells.ports import Parent, SystemPort
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.policy.directives import Directive, directive_for
from cuebook.runtime.refs.ref import ActorRef, sender_now
from cuebook.runtime.refs.reply import IMMUTABLE, failure_of, seal
from cuebook.runtime.refs.status import ActorState, ActorStatistics, TreeNode
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.exits import is_exit, own
from cuebook.runtime.tasks.immediate import Begun, never_waits, outcome_of
from cuebook.runtime.tasks.timers import Timer, Timers
from cuebook.wire.message import decode
from cuebook.wording import repr_of, text_of

__all__ = ["SLICE_MESSAGES", "SLICE_S", "Cell"]

SLICE_MESSAGES = 256
"""Messages that an actor receives before others get their turn."""
SLICE_S = 0.005
"""Seconds after which it is others' turn, looked at after the first message and then after every fourth."""
UNSEEN = 3
"""Messages between two looks at the clock, which costs a fifth of a quick one; one less than a power of two."""

_log = get_logger("runtime")


_sender = sender_now
_PARKED = ActorState.PARKED  # a name of a module costs a tenth of a member of an enum
_KEEPS = (Overflow.RAISE, Overflow.WAIT)


class _Idle:
    """In place of a handler's awaitable: no message waits."""


_IDLE = _Idle()


class Cell(Lifecycle):
    """One actor: what its ref sends to, and what its context asks."""

    __slots__ = ("_busy_s", "_message", "_processed", "_refused", "_slice_end")

    def __init__(self, system: SystemPort, spec: ActorSpec, parent: Parent | None) -> None:
        super().__init__(system, spec, parent)
        self._processed = 0
        self._refused = 0
        self._slice_end = 0
        self._busy_s = 0.0
        self._message: Any = None
        self._set_up(ActorRef(self))

    # What refs ask for

    def offer(self, frame: Any, reply: asyncio.Future[Any] | None = None) -> bool:
        """`post` where nothing is special: there is room, nobody waits for it, the actor takes messages. Else False,
        and nothing was done.
        """
        if self._is_stopping:
            return False
        mailbox = self.mailbox
        user = mailbox.user
        if user is None:
            user = mailbox.open_lane()
        size = mailbox.size + (len(frame) if type(frame) is bytes else REFERENCE_BYTES)
        depth = len(user)
        is_full = depth and (depth >= mailbox.spec.capacity or size > mailbox.spec.bytes_max)
        if is_full or mailbox.waiters or self.state is _PARKED:
            return False
        user.append((frame, _sender(), reply, None, self.now(), 0))
        mailbox.size = size
        if depth >= mailbox.high_water:
            mailbox.high_water = depth + 1
        driver = self._driver
        if not driver.is_awake:
            driver.wake()
        return True

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Queue a message. Raises MailboxFull or ActorStopped."""
        if self._is_stopping:
            self._decline(frame, reply)
            return
        if reply is not None and self.state is _PARKED:
            raise ActorStopped(f"{self.name} is parked")
        entry = (frame, _sender(), reply, None, self.now(), 0)
        if urgent:
            self.mailbox.put_unbounded(entry, urgent=True)
        else:
            try:
                pushed_out = self.mailbox.put(entry)
            except MailboxFull as error:
                self._turn_away(entry, error)
                return
            if pushed_out:
                self._push_out(pushed_out)
        driver = self._driver
        if not driver.is_awake:
            driver.wake()

    def _decline(self, frame: Any, reply: asyncio.Future[Any] | None) -> None:
        sender = _sender()
        self._bury(Envelope(frame, sender), DeadReason.STOPPED)
        if sender is self.ref and reply is None:
            return  # an actor that drains need not mind what it tells itself
        how = "has stopped" if self.state is ActorState.STOPPED else "is stopping"
        error = self.ended[1] if self.state is ActorState.STOPPED else None
        raise ActorStopped(f"{self.name} {how}" + (f": {text_of(error)}" if error is not None else "")) from error

    def _turn_away(self, entry: Entry, error: MailboxFull) -> None:
        if self.mailbox.overflow is Overflow.DROP_NEW:
            envelope = Envelope._make(entry)
            self._bury(envelope, DeadReason.DROPPED)
            if envelope.reply is None:
                return
        raise MailboxFull(f"the mailbox of {self.name} is full: {error}") from None

    def _push_out(self, pushed_out: Sequence[Entry]) -> None:
        for oldest in map(Envelope._make, pushed_out):
            self.answers.refuse(oldest, MailboxFull(f"dropped from the full mailbox of {self.name}"))
            self._bury(oldest, DeadReason.DROPPED)

    def has_room(self, size: int) -> bool:
        """Whether `post` of so many bytes is not refused for want of room."""
        mailbox = self.mailbox
        return mailbox.has_room(size) or mailbox.overflow not in _KEEPS

    def lets_actors_wait(self, timeout: float | None) -> bool:
        """Whether actors too may wait for room; whoever waits here joins the graph of asks."""
        return self.mailbox.overflow in _KEEPS

    async def wait_for_room(self, size: int, *, is_question: bool = False) -> None:
        """Until `has_room`, or the actor has stopped, or is parked and would not answer."""
        await self.mailbox.wait_for_room(size, self.loop, is_question=is_question)

    @property
    def processed(self) -> int:
        """Messages received so far."""
        return self._processed

    def doing(self) -> str:
        """The type of the message in hand; "" where there is none."""
        return "" if self._current is None else type(self._message).__qualname__

    def statistics(self) -> ActorStatistics:
        """The counts now."""
        mailbox = self.mailbox
        oldest_at = mailbox.oldest_at()
        return ActorStatistics(
            state=self.state,
            depth=len(mailbox),
            depth_bytes=mailbox.size,
            capacity=mailbox.capacity,
            high_water=mailbox.high_water,
            processed=self._processed,
            refused=self._refused,
            dropped=mailbox.dropped,
            late_replies=self.answers.late,
            restarts=self.restarts,
            busy_s=self._busy_s,
            stashed=mailbox.stashed,
            oldest_s=0.0 if oldest_at is None else self.now() - oldest_at,
            kind=self.kind,
            in_hand=self.doing(),
            failures=self.failures,
            last_error=repr_of(cause)[:200] if (cause := self.cause()) is not None else "",
        )

    def tree(self) -> TreeNode:
        """This actor and all below it."""
        return TreeNode(self.name, self.statistics(), tuple(child.tree() for child in self.children.values()))

    # What its context asks for

    def defer(self) -> Delivery:
        """Take the message in hand out of the handler's duty."""
        envelope = self._take_current()
        if envelope is None:
            raise RuntimeError(f"{self.name} has no message in hand to defer")
        return self.answers.deliver(self._message, envelope)

    def stash(self) -> bool:
        """Put the message in hand aside; False where there is no room for it."""
        envelope = self._take_current()
        if envelope is None:
            raise RuntimeError(f"{self.name} has no message in hand to stash")
        envelope = envelope._replace(timer=None)  # it was due, and is received once more
        if self.mailbox.stash(envelope):
            return True
        self._bury(envelope, DeadReason.DROPPED)
        self.answers.refuse(envelope, MailboxFull(f"the stash of {self.name} is full: {self.mailbox.stashed} messages"))
        return False

    def unstash(self) -> int:
        """Receive next what was put aside."""
        count = self.mailbox.unstash()
        self._driver.wake()  # it may be called beside the handlers
        return count

    def sender(self) -> ActorRef | None:
        """Who sent the message in hand."""
        return Envelope._make(self._current).sender if self._current is not None else None

    def _new_context(self, timers: Timers) -> Context:
        return Context(self, self.ref, self._system, self.clock, timers=timers)

    def post_timer(self, frame: Any, timer: Timer) -> None:
        """Queue a message that is due."""
        if not self._is_stopping:
            self.mailbox.put_unbounded(Envelope(frame, timer=timer, at=self.now()), urgent=False)
            self._driver.wake()

    # The work

    def work(self) -> Work:
        """Receive what waits, a slice at a time; what the control lanes want comes first."""
        now = self.now
        began, self._slice_end = now(), self._processed + SLICE_MESSAGES
        while self._is_steady or (yield from self._turn()):
            try:
                try:
                    pending = self._receive(began + SLICE_S)
                except GeneratorExit as error:  # the handler's own; one at a yield closes this
                    raise own(error) from error
                if isinstance(pending, _Idle):
                    break
                if pending is not None:
                    self.mailbox.admit()  # whoever waits for room is not to wait for this handler
                    self.activate()
                    outcome = yield pending
                    self._deactivate()
                    self._answer(outcome)
            except BaseException as error:
                if is_exit(error):
                    raise
                if not self._goes_on(error):
                    yield from self._fail(error)
            if self._processed >= self._slice_end or now() - began >= SLICE_S:
                self._end_slice(now() - began)
                yield None
                began, self._slice_end = now(), self._processed + SLICE_MESSAGES
        self._end_slice(now() - began)
        self.mailbox.rest()

    def _goes_on(self, error: BaseException) -> bool:
        """Whether the incarnation outlives what its handler raised; whoever asked is answered then."""
        if self._killed is not None or self.state not in (ActorState.RUNNING, ActorState.STOPPING):
            return False
        is_no = isinstance(error, Rejected)
        is_unhandled = isinstance(error, UnhandledMessage) and error.target in (None, self.name)
        says_so = is_no or is_unhandled
        if not says_so and directive_for(error, self.spec.policy.directives) is not Directive.RESUME:
            return False
        self._deactivate()
        failure = failure_of(self.name, error)
        envelope = self._take_current()
        if envelope is None:
            self.answers.fail_open(failure)
        else:
            self.answers.refuse(envelope, failure)
            if not is_no:
                self._bury(envelope, DeadReason.UNHANDLED if is_unhandled else DeadReason.POISON, error)
        if not says_so:
            _log.warning("actor goes on after a failure", actor=self.name, error=repr_of(error), exc_info=error)
        return True

    def _end_slice(self, busy_s: float) -> None:
        self._busy_s += busy_s
        self.mailbox.admit()

    def _receive(self, until: float) -> Awaitable[Any] | _Idle | None:
        """Hand messages to the handler, and answer them, until none waits (_IDLE), one has to be awaited first (that
        awaitable), or the slice ends or something else comes first (None).
        """
        life, mailbox, now = self._life, self.mailbox, self.now
        left, unseen = self._slice_end - self._processed, 0
        assert life is not None
        if life.receive_many is not None:
            return self._receive_many(life.receive_many)
        while True:
            user = mailbox.user
            if mailbox.supervision or mailbox.urgent:
                entry = mailbox.take_early()
            elif user:
                entry = user.popleft()
                mailbox.size -= len(entry[0]) if type(entry[0]) is bytes else REFERENCE_BYTES
            else:
                return _IDLE
            frame, _, reply, timer, _, _ = entry
            if timer is not None and not self._is_due(timer, frame, life.timers):
                return None
            try:
                message = decode(frame) if type(frame) is bytes else frame
            except (UnknownMessage, MalformedMessage) as error:
                self._refuse(Envelope._make(entry), error)
                return None
            self._current = entry
            self._message = message
            self._processed += 1
            outcome = life.receive(message)
            if type(outcome) not in IMMUTABLE:
                if type(outcome) is CoroutineType and never_waits(outcome):
                    outcome = outcome_of(outcome)
                    if type(outcome) is Begun:
                        return outcome
                elif hasattr(outcome, "__await__"):
                    return outcome  # type: ignore[no-any-return]
                outcome = self._sealed(outcome)
            if reply is not None and self._current is not None:
                if reply.done():
                    self.answers.settle(reply, outcome, message)
                else:
                    reply.set_result(outcome)
            self._current = None
            left -= 1
            if left <= 0 or not self._is_steady:
                return None
            if not left & unseen:
                if now() >= until:
                    return None
                unseen = UNSEEN

    def _receive_many(self, handler: Callable[[list[Delivery]], Any]) -> Awaitable[Any] | _Idle | None:
        entries = self.mailbox.take_many(SLICE_MESSAGES)
        if not entries:
            return _IDLE
        deliveries = [delivery for delivery in map(self._delivery, entries) if delivery is not None]
        if not deliveries:
            return None
        self._processed += len(deliveries)
        outcome = handler(deliveries)
        return outcome if hasattr(outcome, "__await__") else None

    def _delivery(self, entry: Entry) -> Delivery | None:
        envelope = Envelope._make(entry)
        frame, timer = envelope.frame, envelope.timer
        if timer is not None and not (self._life and self._is_due(timer, frame, self._life.timers)):
            return None
        try:
            return self.answers.deliver(decode(frame) if type(frame) is bytes else frame, envelope)
        except (UnknownMessage, MalformedMessage) as error:
            self._refuse(envelope, error)
            return None

    def _is_due(self, ticket: Any, frame: Any, timers: Timers) -> bool:
        if type(ticket) is Watch:
            return self._bonds is not None and self._bonds.receives(ticket, frame)
        return timers.is_due(ticket)

    def _sealed(self, outcome: Any) -> Any:
        """An answer as it travels; whatever it is, where nobody waits for it."""
        entry = self._current
        return outcome if entry is None or Envelope._make(entry).reply is None else seal(outcome)

    def _answer(self, outcome: Any) -> None:
        """Settle the message in hand with what its handler gave; nothing where it was deferred, or one of many."""
        envelope = self._current
        if envelope is None:
            return
        reply = Envelope._make(envelope).reply
        if reply is not None:
            self.answers.settle(reply, self._sealed(outcome), self._message)
        self._current = None

    def _refuse(self, envelope: Envelope, error: CodecError) -> None:
        self._refused += 1
        _log.warning("frame refused", actor=self.name, error=str(error), size=len(envelope.frame))
        self.answers.refuse(envelope, error)
        self._bury(envelope, DeadReason.REFUSED)
