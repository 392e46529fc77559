"""The end of an actor for good: who asks for it, how long it may take, and what is owed then.

Knows no handler and no restart.
"""

from __future__ import annotations

import asyncio
from typing import Any

from cuebook.clock import Clock, TimerHandle
from cuebook.errors import ActorStopped, CuebookError, InternalError, RestartLimitReached
from cuebook.logs import get_logger
from cuebook.runtime.cells.answers import Answers
from cuebook.runtime.cells.bonds import Bonds, Watch
from cuebook.runtime.cells.driver import Driver, Work
from cuebook.runtime.cells.envelope import Entry, Envelope
from cuebook.runtime.cells.mailbox import Mailbox
from cuebook.runtime.cells.ports import NO_CHILDREN, Parent, SystemPort
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.phases import SETTLED, ActorState, PhaseEvent, after
from cuebook.runtime.refs.ref import ActorRef, target_of
from cuebook.runtime.refs.status import TreeNode
from cuebook.runtime.refs.waiting import Activation, in_hand
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.exits import called, is_exit
from cuebook.runtime.tasks.tasks import Tasks
from cuebook.wording import repr_of, text_of

__all__ = ["GRACE_S", "Ending"]

GRACE_S = 1.0
"""Seconds that a handler has to obey cancellation after a stop's deadline; then its actor ends without it."""

_NOT_ENDED = (Exit.SHUTDOWN, None)
_log = get_logger("runtime")


class Ending:
    """An actor as something that is asked to stop, and stops."""

    __slots__ = (
        "_awaits_children",
        "_bonds",
        "_current",
        "_drains",
        "_driver",
        "_has_left_behind",
        "_is_steady",
        "_is_stopping",
        "_parent",
        "_restart_due",
        "_restart_timer",
        "_settlers",
        "_stop_due",
        "_stop_timer",
        "_stops_itself",
        "_system",
        "_waiting",
        "activation",
        "answers",
        "children",
        "deadlines",
        "ended",
        "loop",
        "mailbox",
        "name",
        "now",
        "ready",
        "ref",
        "serial",
        "spec",
        "state",
    )

    ref: ActorRef
    _driver: Driver

    def __init__(self, system: SystemPort, spec: ActorSpec, parent: Parent | None) -> None:
        self.name = spec.name
        self.spec = spec
        self.loop = system.loop
        self.now = system.now
        self.ready = system.ready
        self.serial = system.next_serial()
        self.deadlines = system.deadlines
        self.state = ActorState.STARTING
        self.mailbox = Mailbox(spec.mailbox)
        self.answers = Answers(spec.name, _log)
        self.children: dict[str, Any] = NO_CHILDREN
        self._system = system
        self._parent = parent
        self._bonds: Bonds | None = None
        self._current: Entry | None = None
        self._settlers: list[asyncio.Future[None]] | None = None
        self._is_steady = False
        self._is_stopping = False
        self._awaits_children = False
        self._drains = True
        self._has_left_behind = False
        self._stops_itself = False
        self.ended: tuple[Exit, BaseException | None] = _NOT_ENDED
        self._restart_timer: TimerHandle | None = None
        self._restart_due = 0.0
        self._stop_timer: TimerHandle | None = None
        self._stop_due = 0.0
        self._waiting: list[asyncio.Future[None]] | None = None
        self.activation: Activation | None = None

    def _go(self, event: PhaseEvent) -> None:
        """Into the phase that follows."""
        self.state = after(self.state, event)

    @property
    def is_alive(self) -> bool:
        """Whether it takes messages, or will again."""
        return self.state is not ActorState.STOPPED and not self._is_stopping

    @property
    def is_idle(self) -> bool:
        """Whether it runs and has nothing in hand, nothing waiting, no child, and owes no answer."""
        is_at_work = self._current is not None or self.activation is not None or bool(self.children)
        waits = len(self.mailbox) or self.mailbox.stashed or self.answers.are_owed
        return self.state is ActorState.RUNNING and not is_at_work and not waits

    @property
    def clock(self) -> Clock:
        """What it tells time by."""
        return self._system.clock

    @property
    def home(self) -> bytes:
        """The id of its system."""
        return self._system.id

    def tasks(self) -> Tasks:
        """What awaits for it."""
        return self._system.tasks()

    def has_deferred(self, reply: asyncio.Future[Any]) -> bool:
        """Whether the answer is owed later, so that the handler at work does not keep it back."""
        return self.answers.holds(reply)

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure."""
        raise NotImplementedError

    def tree(self) -> TreeNode:
        """This actor and all below it."""
        raise NotImplementedError

    def trace(self, on: bool) -> None:
        """Tell whoever reads along what it does."""
        if self.state is not ActorState.STOPPED:
            self._system.trace(self.name, on)

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """Begin to stop for good; the shortest of several deadlines counts."""
        if self.state is ActorState.STOPPED:
            return
        self._is_stopping = True
        self._is_steady = False
        self._drains = self._drains and drain
        due = self.clock.monotonic() + timeout_s
        is_too_late = not self._has_to_drain or (self._restart_timer is not None and self._restart_due >= due)
        if self.state is ActorState.PARKED or (self.state is ActorState.RESTARTING and is_too_late):
            self._terminate(None)
            return
        if self._stop_timer is None or due < self._stop_due:
            if self._stop_timer is not None:
                self._stop_timer.cancel()
            self._stop_due = due
            self._stop_timer = self.clock.call_later(timeout_s, self._overdue)
        self.begin_again()  # where it waits for someone else's decision
        self._driver.wake()

    def begin_again(self) -> None:
        """Start the next incarnation, where it waits for that."""
        raise NotImplementedError

    @property
    def _has_to_drain(self) -> bool:
        """Whether it stops, and has messages to handle before."""
        return self._is_stopping and self._drains and len(self.mailbox) > 0

    def give_up(self) -> None:
        """End at once, without hooks; whoever waits is answered."""
        self._terminate(None)

    async def wait_until_ended(self) -> bool:
        """Until it has stopped for good; whether everything queued had been handled."""
        if self.state is not ActorState.STOPPED:
            waiter: asyncio.Future[None] = self.loop.create_future()
            self._waiting = [*(self._waiting or ()), waiter]
            await waiter
        return not self._has_left_behind

    def _overdue(self) -> None:
        """The deadline of the stop has passed: no more draining, and the handler is cancelled."""
        self._drains = False
        self._system.shutdown.killed(self.name, "did not stop within its time")
        if self.state is ActorState.RESTARTING:
            self._terminate(None)
            return
        for child in list(self.children.values()):
            child.request_stop(0.0, drain=False)
        self._stop_timer = self.clock.call_later(GRACE_S, self._abandon)
        self.kill(ActorStopped(f"{self.name} was told to stop and did not within its time"))
        self._driver.wake()

    def _abandon(self, error: BaseException | None = None) -> None:
        if self._awaits_children:  # they end in a moment, each by a deadline like this one
            self._stop_timer = self.clock.call_later(GRACE_S, self._abandon, error)
            return
        self._driver.leave()
        self._has_left_behind = True
        self._terminate(error)

    def on_left(self, *, is_lost: bool) -> None:
        """What it awaited obeys no cancellation: it goes on without that, and with another driver."""
        self._driver = self._driver.successor()
        _log.error("actor does not obey cancellation; it goes on without its handler", actor=self.name)
        if is_lost:
            self.on_lost()
        self._has_left_behind = self._has_left_behind or self._is_stopping
        self._system.shutdown.killed(self.name, "obeyed no cancellation, and was left behind")

    async def wait_until_settled(self) -> None:
        """Until it receives, waits to begin again, or has stopped for good."""
        if self.state not in SETTLED:
            await self._next_settlement()

    async def _next_settlement(self) -> None:
        waiter: asyncio.Future[None] = self.loop.create_future()
        self._settlers = [*(self._settlers or ()), waiter]
        await waiter

    def _end_children(self) -> Work:
        while self.children:
            self._awaits_children = True
            try:
                yield self._stop_children()
            finally:
                self._awaits_children = False

    async def _stop_children(self) -> None:
        for child in reversed(list(self.children.values())):
            child.request_stop(child.spec.shutdown_s, drain=self._drains and self.state is not ActorState.FAILING)
            await child.wait_until_ended()

    def bonds(self) -> Bonds:
        """What it has to do with others."""
        if self._bonds is None:
            self._bonds = Bonds(self)
        return self._bonds

    def watch(self, ref: ActorRef, *, restarts: bool) -> None:
        """Be told of the end of another actor; at once, where it has ended."""
        target = target_of(ref)
        watch = self.bonds().watch(target, wants_restarts=restarts)
        if target.state is ActorState.STOPPED:
            self.inform(Down(ref, *target.ended), watch)

    def unwatch(self, ref: ActorRef) -> bool:
        """Be told no more; whether there was a watch."""
        return self.bonds().unwatch(target_of(ref))

    def link(self, ref: ActorRef) -> None:
        """Fail with another actor, and it with this one."""
        target = target_of(ref)
        if target.state is ActorState.STOPPED:
            raise ActorStopped(f"{ref.name} has stopped, so {self.name} cannot be linked to it")
        self.bonds().link(target)

    def inform(self, signal: Any, watch: Watch) -> None:
        """Receive a signal, if the watch still stands then."""
        if self.state is not ActorState.STOPPED:
            self.mailbox.put_supervision(Envelope(signal, watch.target.ref, timer=watch, at=self.now()))
            self._driver.wake()

    def _settled(self) -> None:
        settlers, self._settlers = self._settlers, None
        for waiter in settlers or ():
            if not waiter.done():
                waiter.set_result(None)

    def _bury(self, envelope: Envelope, reason: DeadReason, error: BaseException | None = None) -> None:
        """A message of this actor went nowhere."""
        if type(envelope.timer) is not Watch:
            sender = envelope.sender.name if envelope.sender is not None else None
            self._system.dead_letters.add(envelope.frame, self.name, sender, reason, error=error)

    def _terminate(self, error: BaseException | None, reason: Exit = Exit.SHUTDOWN) -> None:
        """The end for good. Whoever waits for anything of this actor is answered now."""
        if self.state is ActorState.STOPPED:
            return
        self._go(PhaseEvent.ENDED)
        self._is_stopping = True
        self._is_steady = False
        self._deactivate()
        self._cancel_timers()
        stopped = ActorStopped(f"{self.name} has stopped" + (f": {text_of(error)}" if error is not None else ""))
        stopped.__cause__ = error
        self._settle_current(stopped)
        self.answers.fail_open(stopped)
        left = [envelope for envelope in self.mailbox.close() if envelope.timer is None]
        self._has_left_behind = self._has_left_behind or bool(left)
        if left:
            self._system.shutdown.dropped(self.name, len(left))
        for envelope in left:
            refusal = ActorStopped(str(stopped))
            refusal.__cause__ = error
            self.answers.refuse(envelope, refusal, is_undelivered=True)
            self._bury(envelope, DeadReason.STOPPED)
        if self._parent is not None:
            self._parent.children.pop(self.name, None)
        self._system.forget(self.name)
        for waiter in self._waiting or ():
            if not waiter.done():
                waiter.set_result(None)
        reason = Exit.NORMAL if self._stops_itself else reason
        self.ended = (reason if error is None else Exit.FAILURE, error)
        if self._bonds is not None:
            self._bonds.release()
            self._bonds.down(*self.ended)
        self._settled()
        self._notify(error)

    def _notify(self, error: BaseException | None) -> None:
        if isinstance(error, RestartLimitReached):
            _log.error("actor is not restarted any more", actor=self.name, error=str(error))
        if self.spec.on_terminated is None:
            return
        try:
            called(self.spec.on_terminated, self.ref, error)
        except BaseException as raised:
            if is_exit(raised):
                raise
            _log.error("on_terminated failed", actor=self.name, exc_info=raised)

    def on_lost(self) -> None:
        """Cancelled from outside: what was in hand is answered; the system's own end does the rest."""
        self._deactivate()
        self._settle_current(ActorStopped(f"{self.name} was cancelled"))
        self._is_steady = False
        if self.state is ActorState.STOPPED:
            return
        self._system.shutdown.killed(self.name, "was cancelled")
        self._is_stopping = True
        self._drains = False
        if self._stop_timer is not None and self._waiting and self._system.is_cut_short:
            self._driver.wake()  # that end has begun already: what was lost was begun before it
        else:
            self._cancel_timers()  # that end has a deadline of its own

    def on_fatal(self, error: BaseException) -> None:
        """A handler raised what is no Exception: the block that the system lives in ends with it."""
        self.on_lost()
        self._system.fail(error)

    def on_broken(self, error: BaseException) -> None:
        """The work itself raised, which it never should."""
        self.on_lost()
        broken = InternalError(f"the actor {self.name} broke: {repr_of(error)}")
        broken.__cause__ = error
        self._system.fail(broken)

    def activate(self) -> None:
        """From here on code of this actor may wait for others."""
        self.activation = Activation(self)
        in_hand.set(self.activation)

    def _deactivate(self) -> None:
        if self.activation is not None:
            self.activation.is_open = False
            self.activation = None

    def _settle_current(self, error: CuebookError) -> None:
        envelope = self._take_current()
        if envelope is not None:
            self.answers.refuse(envelope, error)
            self._bury(envelope, DeadReason.STOPPED, error)

    def _take_current(self) -> Envelope | None:
        """The message in hand, which is nobody's duty then; None where there is none."""
        entry, self._current = self._current, None
        return None if entry is None else Envelope._make(entry)

    def _cancel_timers(self) -> None:
        for timer in (self._restart_timer, self._stop_timer):
            if timer is not None:
                timer.cancel()
        self._restart_timer = self._stop_timer = None
