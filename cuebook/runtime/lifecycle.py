"""The life of one actor: its incarnations, its children, kill and stop, and what is owed at the end.

Whether to restart is decided in `supervision`; running and awaiting is the driver's. Knows no message.
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio import CancelledError
from collections.abc import Awaitable, Generator
from typing import Any

from cuebook.runtime.answers import Answers
from cuebook.runtime.clock import TimerHandle
from cuebook.runtime.context import Context
from cuebook.runtime.driver import Driver, Work
from cuebook.runtime.errors import ActorFailed, ActorStopped, MessagingError, RestartLimitReached
from cuebook.runtime.incarnation import Incarnation
from cuebook.runtime.logs import get_logger
from cuebook.runtime.mailbox import Envelope, Mailbox
from cuebook.runtime.premises import Parent, Premises
from cuebook.runtime.ref import ActorRef, as_actor
from cuebook.runtime.reply import failure_of
from cuebook.runtime.spec import ActorSpec, Factory, SpawnOptions, make_spec
from cuebook.runtime.status import ActorState, TreeNode
from cuebook.runtime.supervision import Exit, History, RestartAfter, decide, is_restarted
from cuebook.runtime.timers import Timer, Timers

__all__ = ["GRACE_S", "Lifecycle"]

GRACE_S = 1.0
"""Seconds that a handler has to obey cancellation after a stop's deadline; then its actor ends without it."""

_log = get_logger("runtime")


class Lifecycle:
    """What an actor goes through, whatever it receives. Its steps are parts of the driver's work."""

    def __init__(self, premises: Premises, spec: ActorSpec, parent: Parent | None) -> None:
        self.name = spec.name
        self.spec = spec
        self.loop = premises.loop
        self.clock = premises.clock
        self.deadlines = premises.deadlines
        self.state = ActorState.STARTING
        self.mailbox = Mailbox(spec.mailbox)
        self.answers = Answers(spec.name, _log)
        self.children: dict[str, Lifecycle] = {}
        self.restarts = 0
        self._premises = premises
        self._parent = parent
        self._life: Incarnation | None = None
        self._current: Envelope | None = None
        self._history = History()
        self._is_steady = False
        self._is_stopping = False
        self._is_retiring = False
        self._is_ending = False
        self._drains = True
        self._has_left_behind = False
        self._killed: BaseException | None = None
        self._awaits_children = False
        self._restart_timer: TimerHandle | None = None
        self._stop_timer: TimerHandle | None = None
        self._stop_due = 0.0
        self._waiting: list[asyncio.Future[None]] = []

    def _set_up(self, ref: ActorRef) -> None:
        context = contextvars.copy_context()
        context.run(as_actor, ref)
        self.ref = ref
        self._driver = Driver(
            self.loop,
            self._premises.tasks,
            self._work,
            on_lost=self._on_lost,
            context=context,
            name=self.name,
        )
        self._driver.wake()

    def _work(self) -> Work:
        raise NotImplementedError

    def _post_timer(self, frame: bytes, timer: Timer) -> None:
        raise NotImplementedError

    def _new_context(self, timers: Timers) -> Context:
        raise NotImplementedError

    def tree(self) -> TreeNode:
        """This actor and all below it."""
        raise NotImplementedError

    # What others ask for

    @property
    def is_alive(self) -> bool:
        """Whether it takes messages, or will again."""
        return self.state is not ActorState.STOPPED and not self._is_stopping

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure, in the middle of its handler."""
        if self._life is None or self.state is ActorState.STOPPED:
            return
        self._killed = error or ActorFailed(f"{self.name} was killed")
        self._is_steady = False
        if not self._awaits_children:
            self._driver.interrupt(self._killed)
        self._driver.wake()

    def request_stop(self, timeout_s: float, *, drain: bool) -> None:
        """Begin to stop for good; the shortest of several deadlines counts."""
        if self.state is ActorState.STOPPED:
            return
        self._is_stopping = True
        self._is_steady = False
        self._drains = self._drains and drain
        if self.state is ActorState.RESTARTING:
            self._terminate(None)
            return
        due = self.clock.monotonic() + timeout_s
        if self._stop_timer is None or due < self._stop_due:
            self._cancel_timers()
            self._stop_due = due
            self._stop_timer = self.clock.call_later(timeout_s, self._overdue)
        self._driver.wake()

    def give_up(self) -> None:
        """End at once, without hooks; whoever waits is answered."""
        self._terminate(None)

    def stop_self(self) -> None:
        """End the incarnation as NORMAL after the message in hand."""
        if is_restarted(self.spec.policy.restart, Exit.NORMAL):
            self._is_retiring = True
            self._is_steady = False
        else:
            self.request_stop(self.spec.shutdown_s, drain=True)

    async def wait_until_ended(self) -> bool:
        """Until it has stopped for good; whether everything queued had been handled."""
        if self.state is not ActorState.STOPPED:
            waiter: asyncio.Future[None] = self.loop.create_future()
            self._waiting.append(waiter)
            await waiter
        return not self._has_left_behind

    def spawn_child(self, factory: Factory, name: str, options: SpawnOptions) -> ActorRef:
        """Start a child of this incarnation."""
        if self._is_ending or self.state is ActorState.STOPPED:
            raise ActorStopped(f"{self.name} is ending, so it starts no child {name!r}")
        return self._premises.start(make_spec(factory, name, options), self)

    # Steps of the work

    def _turn(self) -> Generator[Awaitable[Any] | None, Any, bool]:
        """Take the steps that the control lanes want, kill before stop; whether messages are received now."""
        while True:
            if self.state is ActorState.STOPPED or self.state is ActorState.RESTARTING:
                return False
            if self._killed is not None and self._life is not None:
                yield from self._fail(self._killed)
            elif self.state is ActorState.STARTING:
                yield from self._start()
            elif self.state is ActorState.FAILING:
                yield from self._end_children()  # the end of a failure was cut off by cancellation
                self._conclude(Exit.SHUTDOWN, None)
            elif self._is_stopping:
                self.state = ActorState.STOPPING
                if self._drains and len(self.mailbox):
                    return True
                yield from self._end(Exit.SHUTDOWN)
            elif self._is_retiring:
                yield from self._end(Exit.NORMAL)
            else:
                self._is_steady = True
                return True

    def _start(self) -> Work:
        if self._is_stopping and not (self._drains and len(self.mailbox)):
            self._terminate(None)
            return
        timers = Timers(self.clock, self._post_timer)
        self._is_ending = self._is_retiring = False
        self._life = life = Incarnation(self.name, timers)
        try:
            yield from life.start(self.spec.factory, self._new_context(timers))
        except (Exception, CancelledError) as error:
            yield from self._fail(error)
            return
        if self.state is ActorState.STARTING:
            life.ran_from = self.clock.monotonic()
            self.state = ActorState.RUNNING

    def _fail(self, error: BaseException) -> Work:
        """The incarnation failed: answer whoever waits for it, end what it made, and see what comes next."""
        life = self._life
        if self.state is ActorState.STOPPED or life is None:
            return  # it ended without its handler
        self.state = ActorState.FAILING
        self._is_steady = False
        self._is_ending = True
        self._has_left_behind = self._has_left_behind or self._is_stopping
        _log.warning("actor failed", actor=self.name, error=repr(error), exc_info=error)
        failure = failure_of(self.name, error)
        self._settle_current(failure)
        self.answers.fail_open(failure)
        life.timers.cancel_all()
        yield from self._end_children()
        yield from life.fail(error)
        self._conclude(Exit.FAILURE, error)

    def _end(self, reason: Exit) -> Work:
        """The orderly end of an incarnation."""
        self._is_ending = True
        yield from self._end_children()
        life = self._life
        if life is not None:
            life.timers.cancel_all()
            yield from life.stop()
        self.answers.fail_open(ActorStopped(f"{self.name} ended before it answered"))
        self._conclude(reason, None)

    def _end_children(self) -> Work:
        while self.children:
            self._awaits_children = True
            try:
                yield self._stop_children()
            finally:
                self._awaits_children = False

    async def _stop_children(self) -> None:
        for child in reversed(list(self.children.values())):
            child.request_stop(
                child.spec.shutdown_s, drain=self._drains and self.state is not ActorState.FAILING
            )
            await child.wait_until_ended()

    def _conclude(self, reason: Exit, error: BaseException | None) -> None:
        """The incarnation is over: the next one, or the end."""
        life, self._life, self._killed = self._life, None, None
        if self.state is ActorState.STOPPED:
            return
        now = self.clock.monotonic()
        ran_s = now - life.ran_from if life is not None and life.ran_from is not None else 0.0
        reason = Exit.SHUTDOWN if self._is_stopping else reason
        decision, self._history = decide(
            self.spec.policy, reason, self._history, now=now, ran_s=ran_s, draw=self._premises.draw()
        )
        if isinstance(decision, RestartAfter):
            self.state = ActorState.RESTARTING
            self.restarts += 1
            self._restart_timer = self.clock.call_later(decision.delay_s, self._restart)
            return
        if decision.is_exhausted:
            limit = self.spec.policy.intensity
            reached = RestartLimitReached(
                f"{self.name} needed more than {limit.restarts_max} restarts within {limit.within_s:g} s, "
                f"the last one after {error!r}"
            )
            reached.__cause__ = error
            error = reached
        self._terminate(error)

    def _restart(self) -> None:
        # Through the loop and never within the failure: a stop gets in between two attempts.
        self._restart_timer = None
        self.state = ActorState.STARTING
        self._driver.wake()

    def _overdue(self) -> None:
        """The deadline of the stop has passed: no more draining, and the handler is cancelled."""
        self._drains = False
        for child in list(self.children.values()):
            child.request_stop(0.0, drain=False)
        self._stop_timer = self.clock.call_later(GRACE_S, self._abandon)
        self.kill(ActorStopped(f"{self.name} was told to stop and did not within its time"))
        self._driver.wake()

    def _abandon(self) -> None:
        _log.error("actor does not obey cancellation; it ended without its handler", actor=self.name)
        self._has_left_behind = True
        self._terminate(None)

    def _terminate(self, error: BaseException | None) -> None:
        """The end for good. Whoever waits for anything of this actor is answered now."""
        if self.state is ActorState.STOPPED:
            return
        self.state = ActorState.STOPPED
        self._is_steady = False
        self._cancel_timers()
        stopped = ActorStopped(f"{self.name} has stopped" + (f": {error}" if error is not None else ""))
        stopped.__cause__ = error
        self._settle_current(stopped)
        self.answers.fail_open(stopped)
        left = [envelope for envelope in self.mailbox.close() if envelope.timer is None]
        self._has_left_behind = self._has_left_behind or bool(left)
        for envelope in left:
            self.answers.refuse(envelope, ActorStopped(str(stopped)), is_undelivered=True)
        if self._parent is not None:
            self._parent.children.pop(self.name, None)
        self._premises.forget(self.name)
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._notify(error)

    def _notify(self, error: BaseException | None) -> None:
        if isinstance(error, RestartLimitReached):
            _log.error("actor is not restarted any more", actor=self.name, error=str(error))
        if self.spec.on_terminated is None:
            return
        try:
            self.spec.on_terminated(self.ref, error)
        except Exception as raised:
            _log.error("on_terminated failed", actor=self.name, exc_info=raised)

    def _on_lost(self) -> None:
        """Cancelled from outside: what was in hand is answered; the system's own end does the rest."""
        self._settle_current(ActorStopped(f"{self.name} was cancelled"))
        self._is_steady = False
        if self.state is not ActorState.STOPPED:
            self._is_stopping = True
            self._drains = False

    def _settle_current(self, error: MessagingError) -> None:
        envelope, self._current = self._current, None
        if envelope is not None:
            self.answers.refuse(envelope, error)

    def _cancel_timers(self) -> None:
        for timer in (self._restart_timer, self._stop_timer):
            if timer is not None:
                timer.cancel()
        self._restart_timer = self._stop_timer = None
