"""The life of one actor: its incarnations one after the other, their children, failures and kills.

Whether to restart is decided in `supervision`; running and awaiting is the driver's. Knows no message.
"""

from __future__ import annotations

import contextvars
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from cuebook.errors import ActorFailed, ActorStopped, CuebookError, RestartLimitReached, SupervisionError
from cuebook.logs import get_logger
from cuebook.runtime.cells.bonds import Watch
from cuebook.runtime.cells.context import Context
from cuebook.runtime.cells.driver import Driver, Work
from cuebook.runtime.cells.ending import GRACE_S, Ending
from cuebook.runtime.cells.envelope import Envelope
from cuebook.runtime.cells.incarnation import Incarnation
from cuebook.runtime.cells.spec import ActorSpec, Factory, SpawnOptions, make_spec
from cuebook.runtime.cells.system_port import Parent, SystemPort
from cuebook.runtime.cells.timers import Timer, Timers
from cuebook.runtime.policy.directives import Directive, directive_for
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import History, Park, RestartAfter, decide, is_restarted
from cuebook.runtime.refs.ref import ActorRef, as_actor
from cuebook.runtime.refs.reply import failure_of
from cuebook.runtime.refs.status import ActorState
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.hold import Hold
from cuebook.wording import repr_of

__all__ = ["Lifecycle"]

_BETWEEN = (ActorState.STOPPED, ActorState.RESTARTING, ActorState.PARKED)
_CLEAN = History()
_FINAL = (Directive.STOP, Directive.ESCALATE)
_log = get_logger("runtime")


class Lifecycle(Ending):
    """What an actor goes through, whatever it receives. Its steps are parts of the driver's work."""

    __slots__ = (
        "_awaits_children",
        "_cause",
        "_history",
        "_is_ending",
        "_is_retiring",
        "_killed",
        "_kind",
        "_life",
        "failures",
        "restarts",
    )

    def __init__(self, system: SystemPort, spec: ActorSpec, parent: Parent | None) -> None:
        super().__init__(system, spec, parent)
        self.restarts = 0
        self.failures = 0
        self._kind: type | None = None
        self._life: Incarnation | None = None
        self._history = _CLEAN
        self._is_retiring = False
        self._is_ending = False
        self._awaits_children = False
        self._killed: BaseException | None = None
        self._cause: BaseException | None = None

    def _set_up(self, ref: ActorRef) -> None:
        context = contextvars.copy_context()
        context.run(as_actor, ref)
        self.ref = ref
        self._driver = Driver(self, context)
        self._driver.wake()

    def work(self) -> Work:
        """Receive what waits."""
        raise NotImplementedError

    def doing(self) -> str:
        """What it works at."""
        raise NotImplementedError

    def post_timer(self, frame: Any, timer: Timer) -> None:
        raise NotImplementedError

    def _new_incarnation(self, timers: Timers) -> Incarnation:
        return Incarnation(self, timers)

    def _new_context(self, timers: Timers) -> Context:
        raise NotImplementedError

    # What others ask for

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure, in the middle of its handler; one that is about to begin, at once."""
        if self.state in _BETWEEN:
            return
        self._killed = error or ActorFailed(f"{self.name} was killed")
        self._is_steady = False
        if not self._awaits_children:
            self._driver.interrupt(self._killed)
        self._driver.wake()

    def stop_self(self) -> None:
        """End the incarnation as NORMAL after the message in hand."""
        if is_restarted(self.spec.policy.restart, Exit.NORMAL):
            self._is_retiring = True
            self._is_steady = False
            self._driver.wake()
        else:
            self._stops_itself = True
            self.request_stop(self.spec.shutdown_s, drain=True)

    async def retire(self, timeout_s: float) -> None:
        """End the incarnation in good order after the message in hand, within that time; the next one begins
        when it is told to.
        """
        if self.state in _BETWEEN:
            return
        timer = self.clock.call_later(timeout_s, self._force_retirement, self.restarts)
        self._is_retiring = True
        self._is_steady = False
        self._driver.wake()
        while self.state not in _BETWEEN:
            await self._next_settlement()
        timer.cancel()
        self._cancel_timers()

    def finish(self) -> bool:
        """End for good as the last incarnation did, where it waits to begin again; whether it did."""
        if self.state is not ActorState.RESTARTING:
            return False
        self._terminate(self._cause, Exit.NORMAL)
        return True

    @property
    def kind(self) -> str:
        """The name of its class; "" where it was never made, and its factory is no class."""
        made = None if self._life is None else self._life.kind
        kind = made or self._kind or self.spec.factory
        return kind.__name__ if isinstance(kind, type) else ""

    def cause(self) -> BaseException | None:
        """What the last incarnation failed with."""
        return self._cause if self._cause is not None else self.ended[1]

    def report(self, message: Any) -> None:
        """Receive what a child of this actor has to say, before all messages."""
        if self.state is not ActorState.STOPPED:
            self.mailbox.put_supervision(Envelope(message, at=self.now()))
            self._driver.wake()

    def _force_retirement(self, restarts: int) -> None:
        if self.restarts == restarts and self.state not in _BETWEEN:
            self.kill(ActorStopped(f"{self.name} was told to retire and did not within its time"))
            self._stop_timer = self.clock.call_later(GRACE_S, self._abandon)

    def begin_again(self) -> None:
        """Start the next incarnation, where it waits for that."""
        if self.state is ActorState.RESTARTING and self._restart_timer is None:
            self.restarts += 1
            self._restart()

    def unpark(self) -> bool:
        """Begin again with a clean record; whether it was parked."""
        if self.state is not ActorState.PARKED:
            return False
        self.restarts += 1
        self._restart()
        return True

    def spawn_child(self, factory: Factory[Any], name: str, options: SpawnOptions) -> ActorRef:
        """Start a child of this incarnation."""
        if self._is_ending or self.state is ActorState.STOPPED:
            raise ActorStopped(f"{self.name} is ending, so it starts no child {name!r}")
        return self._system.start(make_spec(factory, name, options), self)

    def start_task(self, work: Callable[[], Coroutine[Any, Any, None]], hold: Hold) -> None:
        """Run this beside the handlers."""
        self._system.tasks().hold(work, hold, name=self.name)

    @property
    def incarnation(self) -> Incarnation | None:
        """The one that there is now; None before the first and between two."""
        return self._life

    def become(self, handler: Callable[[Any], Any] | None) -> None:
        """Receive by another handler; None: by the class's own."""
        if self._life is not None:
            self._life.become(handler)

    # Steps of the work

    def _turn(self) -> Generator[Awaitable[Any] | None, Any, bool]:
        """Take the steps that the control lanes want, kill before stop; whether messages are received now."""
        while True:
            if self.state in _BETWEEN:
                return False
            if self._killed is not None and self._life is not None:
                yield from self._fail(self._killed)
            elif self.state is ActorState.STARTING and self._life is None:
                yield from self._start()
            elif self.state is ActorState.STARTING or self.state is ActorState.FAILING:
                # Its start, or the end of its failure, was cut off by cancellation.
                yield from self._fail(ActorStopped(f"{self.name} was cancelled"))
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
        timers = Timers(self.clock, self)
        self._is_ending = self._is_retiring = False
        self._life = life = self._new_incarnation(timers)
        if self._killed is not None:  # before its first step
            yield from self._fail(self._killed)
            return
        deadline = None
        if self.spec.start_s is not None:
            deadline = self.clock.call_later(self.spec.start_s, self._start_overdue, life)
        try:
            yield from life.start(self.spec.factory, self._new_context(timers))
        except (Exception, CancelledError) as error:
            yield from self._fail(error)
            return
        finally:
            if deadline is not None:
                deadline.cancel()
        self._deactivate()
        if self.state is ActorState.STARTING:
            life.ran_from = self.clock.monotonic()
            self.state = ActorState.RUNNING
            if self.restarts and self._bonds is not None:
                self._bonds.restarted(self.restarts, self._cause)
            self._settled()

    def _start_overdue(self, life: Incarnation) -> None:
        """`on_start` took too long: it is cancelled, and left behind where it does not obey."""
        if self._life is life and self.state is ActorState.STARTING:
            self.kill(SupervisionError(f"{self.name} did not start within {self.spec.start_s:g} s"))
            self.clock.call_later(GRACE_S, self._abandon_start, life)

    def _abandon_start(self, life: Incarnation) -> None:
        if self._life is life and self.state is ActorState.STARTING:
            self._abandon(self._killed)

    def _fail(self, error: BaseException) -> Work:
        """The incarnation failed: answer whoever waits for it, end what it made, and see what comes next."""
        life = self._life
        if self.state is ActorState.STOPPED or life is None:
            return  # it ended without its handler
        self.state = ActorState.FAILING
        self.failures += 1
        self._is_steady = False
        self._is_ending = True
        self._has_left_behind = self._has_left_behind or self._is_stopping
        _log.warning("actor failed", actor=self.name, error=repr_of(error), exc_info=error)
        self._deactivate()
        failure = failure_of(self.name, error)
        directive = directive_for(error, self.spec.policy.directives)
        self._quarantine(failure, error, directive)
        self.answers.fail_open(failure)
        life.timers.cancel_all()
        if self._bonds is not None:
            self._bonds.failed(error)
        yield from self._end_children()
        yield from life.fail(error)
        self._deactivate()
        self._conclude(Exit.FAILURE, error, directive)

    def _quarantine(self, failure: CuebookError, error: BaseException, directive: Directive) -> None:
        """The message in hand made the incarnation fail: it gets another try, or is a dead letter."""
        envelope = self._take_current()
        if envelope is None:
            return
        policy = self.spec.policy
        attempts = envelope.attempts + 1
        is_retried = attempts < policy.attempts and type(envelope.timer) is not Watch
        if is_retried and directive in (Directive.RESTART, Directive.RESUME) and not self._is_stopping:
            self.mailbox.put_back(envelope._replace(timer=None, attempts=attempts))
            return
        self.answers.refuse(envelope, failure)
        self._bury(envelope, DeadReason.POISON, error)

    def _end(self, reason: Exit) -> Work:
        """The orderly end of an incarnation."""
        self._is_ending = True
        yield from self._end_children()
        life = self._life
        if life is not None:
            life.timers.cancel_all()
            yield from life.stop()
            self._deactivate()
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
            child.request_stop(child.spec.shutdown_s, drain=self._drains and self.state is not ActorState.FAILING)
            await child.wait_until_ended()

    def _conclude(self, reason: Exit, error: BaseException | None, directive: Directive = Directive.RESTART) -> None:
        """The incarnation is over: the next one, or the end."""
        life, self._life, self._killed = self._life, None, None
        if life is not None:
            self._kind = life.kind
        if self.state is ActorState.STOPPED:
            return
        now = self.clock.monotonic()
        ran_s = now - life.ran_from if life is not None and life.ran_from is not None else 0.0
        reason = Exit.SHUTDOWN if self._is_stopping else reason
        self._cause = error
        self.mailbox.unstash()  # its next incarnation knows nothing of what this one waited for
        if self._bonds is not None:
            self._bonds.release()
        if self.spec.on_ended is not None and reason is not Exit.SHUTDOWN and directive not in _FINAL:
            self.state = ActorState.RESTARTING
            self._settled()
            self.spec.on_ended(self.ref, reason, error)
            return
        decision, self._history = decide(
            self.spec.policy,
            reason,
            self._history,
            now=now,
            ran_s=ran_s,
            draw=self._system.draw(),
            directive=directive,
        )
        if isinstance(decision, RestartAfter):
            self.state = ActorState.RESTARTING
            self.restarts += 1
            self._restart_timer = self.clock.call_later(decision.delay_s, self._restart)
            return
        if isinstance(decision, Park):
            self._park(error)
            return
        if decision.is_exhausted:
            limit = self.spec.policy.intensity
            reached = RestartLimitReached(
                f"{self.name} needed more than {limit.restarts_max} restarts within {limit.within_s:g} s, "
                f"the last one after {repr_of(error)}"
            )
            reached.__cause__ = error
            error = reached
        self._terminate(error, Exit.SHUTDOWN if reason is Exit.SHUTDOWN else Exit.NORMAL)
        if decision.is_escalated and error is not None and self._parent is not None:
            self._parent.kill(error)

    def _park(self, error: BaseException | None) -> None:
        self.state = ActorState.PARKED
        _log.error("actor is parked", actor=self.name, error=repr_of(error))
        for envelope in self.mailbox.take_asks():
            parked = ActorStopped(f"{self.name} is parked after {repr_of(error)}")
            parked.__cause__ = error
            self.answers.refuse(envelope, parked, is_undelivered=True)
        self._settled()

    def _restart(self) -> None:
        # Through the loop and never within the failure: a stop gets in between two attempts.
        self._restart_timer = None
        self.state = ActorState.STARTING
        self._driver.wake()
