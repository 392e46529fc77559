"""The life of one actor: its incarnations one after the other, their children, failures and kills.

What follows their ends is `restarting`; running and awaiting is the driver's. Knows no message.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

from cuebook.errors import (
    ActorFailed,
    ActorStopped,
    CuebookError,
    MessagingError,
    SupervisionError,
)
from cuebook.logs import get_logger
from cuebook.runtime.cells.bonds import Watch
from cuebook.runtime.cells.context import Context
from cuebook.runtime.cells.driver import Driver, Work
from cuebook.runtime.cells.ending import GRACE_S
from cuebook.runtime.cells.envelope import Envelope
from cuebook.runtime.cells.incarnation import Incarnation
from cuebook.runtime.cells.ports import Parent, SystemPort
from cuebook.runtime.cells.restarting import Restarting
from cuebook.runtime.cells.spec import ActorSpec, Factory, SpawnOptions, make_spec
from cuebook.runtime.policy.directives import Directive, directive_for, directive_for_start
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.phases import BETWEEN, ActorState, PhaseEvent
from cuebook.runtime.policy.restarts import is_restarted
from cuebook.runtime.refs.ref import ActorRef, as_actor
from cuebook.runtime.refs.reply import failure_of, told
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.exits import is_exit
from cuebook.runtime.tasks.hold import Hold
from cuebook.runtime.tasks.timers import Timer, Timers
from cuebook.wording import repr_of

__all__ = ["Lifecycle"]

_log = get_logger("runtime")


class Lifecycle(Restarting):
    """What an actor goes through, whatever it receives. Its steps are parts of the driver's work."""

    __slots__ = (
        "_is_ending",
        "_is_retiring",
        "_killed",
        "_kind",
        "_life",
        "failures",
    )

    def __init__(self, system: SystemPort, spec: ActorSpec, parent: Parent | None) -> None:
        super().__init__(system, spec, parent)
        self.failures = 0
        self._kind: type | None = None
        self._life: Incarnation | None = None
        self._is_retiring = False
        self._is_ending = False
        self._killed: BaseException | None = None

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
        if self.state in BETWEEN:
            return
        self._killed = error or ActorFailed(f"{self.name} was killed")
        self._is_steady = False
        hold = None if self._awaits_children else self._driver.interrupt(self._killed)
        if hold is not None:
            self.clock.call_later(GRACE_S, self._insist, hold)
        self._driver.wake()

    def _insist(self, hold: Hold) -> None:
        """What was interrupted by a kill goes on all the same: it is left behind, and the incarnation fails."""
        if self._driver.holds(hold):
            self._driver.leave()
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
        if self.state in BETWEEN:
            return
        timer = self.clock.call_later(timeout_s, self._force_retirement, self.restarts)
        self._is_retiring = True
        self._is_steady = False
        self._driver.wake()
        while self.state not in BETWEEN:
            await self._next_settlement()
        timer.cancel()
        self._cancel_timers()

    @property
    def kind(self) -> str:
        """The name of its class; "" where it was never made, and its factory is no class."""
        made = None if self._life is None else self._life.kind
        kind = made or self._kind or self.spec.factory
        return kind.__name__ if isinstance(kind, type) else ""

    def report(self, message: Any) -> None:
        """Receive what a child of this actor has to say, before all messages."""
        if self.state is not ActorState.STOPPED:
            self.mailbox.put_supervision(Envelope(message, at=self.now()))
            self._driver.wake()

    def on_traced(self, *, on: bool) -> None:
        """It is traced from now on, or no more: what is looked at is here."""

    def _force_retirement(self, restarts: int) -> None:
        if self.restarts == restarts and self.state not in BETWEEN:
            self.kill(ActorStopped(f"{self.name} was told to retire and did not within its time"))
            self._stop_timer = self.clock.call_later(GRACE_S, self._abandon)

    def spawn_child(self, factory: Factory[Any], name: str, options: SpawnOptions) -> ActorRef:
        """Start a child of this incarnation."""
        if self._is_ending or self.state is ActorState.STOPPED:
            raise ActorStopped(f"{self.name} is ending, so it starts no child {name!r}")
        most = self.spec.children_max
        if len(self.children) >= most:
            raise SupervisionError(
                f"{self.name} has {most:,} children, so it starts no {name!r}: children_max= says how many it may have"
            )
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
            if self.state in BETWEEN:
                return False
            if self._killed is not None and self._life is not None:
                yield from self._fail(self._killed)
            elif self.state is ActorState.STARTING and self._life is None:
                yield from self._start()
            elif self.state is ActorState.STARTING or self.state is ActorState.FAILING:
                # Its start, or the end of its failure, was cut off by cancellation.
                self._killed = ActorStopped(f"{self.name} was cancelled")
                yield from self._fail(self._killed)
            elif self._is_stopping:
                self._go(PhaseEvent.ASKED_TO_STOP)
                if self._has_to_drain:
                    return True
                yield from self._end(Exit.SHUTDOWN)
            elif self._is_retiring:
                yield from self._end(Exit.NORMAL)
            else:
                self._is_steady = True
                return True

    def _start(self) -> Work:
        if self._is_stopping and not self._has_to_drain:
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
        except BaseException as error:
            if is_exit(error):
                raise
            directive = directive_for_start(self.name, error, self.spec.policy.directives)
            yield from self._fail(error, directive)
            return
        finally:
            if deadline is not None:
                deadline.cancel()
        self._deactivate()
        if self.state is ActorState.STARTING:
            life.ran_from = self.clock.monotonic()
            self._go(PhaseEvent.STARTED)
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

    def _fail(self, error: BaseException, directive: Directive | None = None) -> Work:
        """The incarnation failed: answer whoever waits for it, end what it made, and see what comes next."""
        life = self._life
        if self.state is ActorState.STOPPED or life is None:
            return  # it ended without its handler
        self._go(PhaseEvent.FAILED)
        self.failures += 1
        self._is_steady = False
        self._is_ending = True
        self._has_left_behind = self._has_left_behind or self._is_stopping
        _log.warning("actor failed", actor=self.name, error=repr_of(error), exc_info=error)
        self._deactivate()
        failure = self._failure(error)
        directive = directive or directive_for(error, self.spec.policy.directives)
        self._quarantine(failure, error, directive)
        self.answers.fail_open(failure)
        life.timers.cancel_all()
        if self._bonds is not None:
            self._bonds.failed(error)
        yield from self._end_children()
        yield from life.fail(error)
        self._deactivate()
        self._conclude(Exit.FAILURE, error, directive)

    def _failure(self, error: BaseException) -> MessagingError:
        """What whoever waits is told of a failure: what the runtime ended the incarnation with, as it is."""
        return told(self.name, error) if error is self._killed else failure_of(self.name, error)

    def _quarantine(self, failure: CuebookError, error: BaseException, directive: Directive) -> None:
        """The message in hand made the incarnation fail: it gets another try, or is a dead letter."""
        envelope = self._take_current()
        if envelope is None:
            return
        policy = self.spec.policy
        attempts = envelope.attempts + 1
        is_retried = attempts < policy.attempts and type(envelope.timer) is not Watch
        goes_on = self._drains or not self._is_stopping
        if is_retried and directive in (Directive.RESTART, Directive.RESUME) and goes_on:
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
        self._conclude(*self._outcome(reason))

    def _outcome(self, reason: Exit) -> tuple[Exit, BaseException | None]:
        """How an orderly end has gone."""
        return reason, None

    def _conclude(self, reason: Exit, error: BaseException | None, directive: Directive = Directive.RESTART) -> None:
        """The incarnation is over: the next one, or the end."""
        life, self._life, self._killed = self._life, None, None
        if life is not None:
            self._kind = life.kind
        if self.state is not ActorState.STOPPED:
            began = None if life is None else life.ran_from
            self._follow(reason, error, directive, 0.0 if began is None else self.clock.monotonic() - began)
