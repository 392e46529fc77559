"""The life of one actor: its incarnations one after the other, their children, failures and kills.

What follows their ends is `restarting`; running and awaiting is the driver's. Knows no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any

from cuebook.errors import ActorFailed, ActorStopped, CuebookError, SupervisionError
from cuebook.logs import get_logger
from cuebook.runtime.cells.bonds import Watch
from cuebook.runtime.cells.driver import Work
from cuebook.runtime.cells.incarnation import Incarnation
from cuebook.runtime.cells.ports import GRACE_S, CellCore
from cuebook.runtime.cells.spec import Factory, SpawnOptions, make_spec
from cuebook.runtime.policy.directives import Directive, directive_for, directive_for_start
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.phases import BETWEEN, SETTLED, ActorState, PhaseEvent
from cuebook.runtime.policy.restarts import is_restarted
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.exits import is_exit
from cuebook.runtime.tasks.hold import Hold
from cuebook.runtime.tasks.timers import Timers
from cuebook.wording import repr_of

__all__ = ["Lifecycle"]

_log = get_logger("runtime")


class Lifecycle:
    """What an actor goes through, whatever it receives. Its steps are parts of the driver's work.

    Attributes:
        incarnation: the one that there is now; None before the first and between two.
        awaits_children: whether it waits for its children to end.
        killed: what the incarnation is to fail with; None: nothing.
    """

    __slots__ = (
        "_cell",
        "_is_ending",
        "_is_retiring",
        "_settlers",
        "awaits_children",
        "incarnation",
        "killed",
    )

    def __init__(self, cell: CellCore) -> None:
        self._cell = cell
        self._settlers: list[asyncio.Future[None]] | None = None
        self._is_retiring = False
        self._is_ending = False
        self.awaits_children = False
        self.incarnation: Incarnation | None = None
        self.killed: BaseException | None = None

    # What others ask for

    def kill(self, error: BaseException | None = None) -> None:
        """End the incarnation as a failure, in the middle of its handler; one that is about to begin, at once."""
        cell = self._cell
        if cell.state in BETWEEN:
            return
        self.killed = error or ActorFailed(f"{cell.name} was killed")
        cell.receiving.look_up()
        hold = None if self.awaits_children else cell.driver.interrupt(self.killed)
        if hold is not None:
            cell.clock.call_later(GRACE_S, self._insist, hold)
        cell.driver.wake()

    def _insist(self, hold: Hold) -> None:
        """What was interrupted by a kill goes on all the same: it is left behind, and the incarnation fails."""
        if self._cell.driver.holds(hold):
            self._cell.driver.leave()
            self._cell.driver.wake()

    def stop_itself(self) -> None:
        """End the incarnation as NORMAL after the message in hand."""
        if is_restarted(self._cell.spec.policy.restart, Exit.NORMAL):
            self.retire_soon()
        else:
            self._cell.body.stop_itself(self._cell)

    def retire_soon(self) -> None:
        """End the incarnation in good order, after the message in hand."""
        self._is_retiring = True
        self._cell.receiving.look_up()
        self._cell.driver.wake()

    async def retire(self, timeout_s: float) -> None:
        """End the incarnation in good order after the message in hand, within that time; the next one begins
        when it is told to.
        """
        cell = self._cell
        if cell.state in BETWEEN:
            return
        timer = cell.clock.call_later(timeout_s, self._force_retirement, cell.restarting.count)
        self.retire_soon()
        while cell.state not in BETWEEN:
            await self._next_settlement()
        timer.cancel()
        cell.ending.cancel_timers()

    def _force_retirement(self, restarts: int) -> None:
        cell = self._cell
        if cell.restarting.count == restarts and cell.state not in BETWEEN:
            self.kill(ActorStopped(f"{cell.name} was told to retire and did not within its time"))
            cell.ending.abandon_later()

    async def wait_until_settled(self) -> None:
        """Until it receives, waits to begin again, or has stopped for good."""
        if self._cell.state not in SETTLED:
            await self._next_settlement()

    async def _next_settlement(self) -> None:
        waiter: asyncio.Future[None] = self._cell.loop.create_future()
        self._settlers = [*(self._settlers or ()), waiter]
        await waiter

    def settled(self) -> None:
        """Nothing is under way: tell whoever waits for that."""
        settlers, self._settlers = self._settlers, None
        for waiter in settlers or ():
            if not waiter.done():
                waiter.set_result(None)

    @property
    def kind(self) -> str:
        """The name of the actor's class; "" where it was never made, and its factory is no class."""
        made = None if self.incarnation is None else self.incarnation.kind
        past = self._cell.past
        kind = made or (past and past.kind) or self._cell.spec.factory
        return kind.__name__ if isinstance(kind, type) else ""

    # Children

    def spawn_child(self, factory: Factory[Any], name: str, options: SpawnOptions) -> ActorRef:
        """Start a child of this incarnation."""
        cell = self._cell
        if self._is_ending or cell.state is ActorState.STOPPED:
            raise ActorStopped(f"{cell.name} is ending, so it starts no child {name!r}")
        most = cell.spec.children_max
        if len(cell.children) >= most:
            raise SupervisionError(
                f"{cell.name} has {most:,} children, so it starts no {name!r}: children_max= says how many it may have"
            )
        return cell.system.start(make_spec(factory, name, options), cell)

    def _end_children(self) -> Work:
        while self._cell.children:
            self.awaits_children = True
            try:
                yield self._stop_children()
            finally:
                self.awaits_children = False

    async def _stop_children(self) -> None:
        cell = self._cell
        for child in reversed(list(cell.children.values())):
            child.request_stop(child.spec.shutdown_s, drain=cell.ending.drains and cell.state is not ActorState.FAILING)
            await child.wait_until_ended()

    # Steps of the work

    def turn(self) -> Generator[Awaitable[Any] | None, Any, bool]:
        """Take the steps that the control lanes want, kill before stop; whether messages are received now."""
        cell = self._cell
        while True:
            if cell.state in BETWEEN:
                return False
            if self.killed is not None and self.incarnation is not None:
                yield from self.fail(self.killed)
            elif cell.state is ActorState.STARTING and self.incarnation is None:
                yield from self._start()
            elif cell.state is ActorState.STARTING or cell.state is ActorState.FAILING:
                # Its start, or the end of its failure, was cut off by cancellation.
                self.killed = ActorStopped(f"{cell.name} was cancelled")
                yield from self.fail(self.killed)
            elif cell.is_stopping:
                cell.go(PhaseEvent.ASKED_TO_STOP)
                if cell.ending.has_to_drain:
                    return True
                yield from self._end(Exit.SHUTDOWN)
            elif self._is_retiring:
                yield from self._end(Exit.NORMAL)
            else:
                cell.receiving.go_on()
                return True

    def _start(self) -> Work:
        cell = self._cell
        if cell.is_stopping and not cell.ending.has_to_drain:
            cell.ending.terminate(None)
            return
        timers = Timers(cell)
        self._is_ending = self._is_retiring = False
        self.incarnation = incarnation = Incarnation(cell, timers)
        if self.killed is not None:  # before its first step
            yield from self.fail(self.killed)
            return
        deadline = None
        if cell.spec.start_s is not None:
            deadline = cell.clock.call_later(cell.spec.start_s, self._start_overdue, incarnation)
        try:
            yield from cell.body.begin(cell, incarnation, timers)
        except BaseException as error:
            if is_exit(error):
                raise
            directive = directive_for_start(cell.name, error, cell.spec.policy.directives)
            yield from self.fail(error, directive)
            return
        finally:
            if deadline is not None:
                deadline.cancel()
        cell.deactivate()
        if cell.state is ActorState.STARTING:
            self._started(incarnation)

    def _started(self, incarnation: Incarnation) -> None:
        cell = self._cell
        incarnation.ran_from = cell.clock.monotonic()
        cell.go(PhaseEvent.STARTED)
        if cell.bonded is not None and cell.restarting.count:
            cell.bonded.restarted(cell.restarting.count, cell.restarting.cause)
        self.settled()
        cell.body.started(cell)

    def _start_overdue(self, incarnation: Incarnation) -> None:
        """`on_start` took too long: it is cancelled, and left behind where it does not obey."""
        cell = self._cell
        if self.incarnation is incarnation and cell.state is ActorState.STARTING:
            self.kill(SupervisionError(f"{cell.name} did not start within {cell.spec.start_s:g} s"))
            cell.clock.call_later(GRACE_S, self._abandon_start, incarnation)

    def _abandon_start(self, incarnation: Incarnation) -> None:
        if self.incarnation is incarnation and self._cell.state is ActorState.STARTING:
            self._cell.ending.abandon(self.killed)

    def fail(self, error: BaseException, directive: Directive | None = None) -> Work:
        """The incarnation failed: answer whoever waits for it, end what it made, and see what comes next."""
        cell, incarnation = self._cell, self.incarnation
        if cell.state is ActorState.STOPPED or incarnation is None:
            return  # it ended without its handler
        cell.go(PhaseEvent.FAILED)
        cell.restarting.failures += 1
        cell.receiving.look_up()
        self._is_ending = True
        if cell.is_stopping:
            cell.ending.leave_behind()
        _log.warning("actor failed", actor=cell.name, error=repr_of(error), exc_info=error)
        cell.deactivate()
        failure = cell.body.failure(cell, error, self.killed)
        directive = directive or directive_for(error, cell.spec.policy.directives)
        if not cell.body.claims(cell):
            self._quarantine(failure, error, directive)
        cell.receiving.answers.fail_open(failure)
        incarnation.timers.cancel_all()
        if cell.bonded is not None:
            cell.bonded.failed(error)
        yield from self._end_children()
        yield from cell.body.fail(cell, incarnation, error)
        cell.deactivate()
        self._conclude(Exit.FAILURE, error, directive)

    def _quarantine(self, failure: CuebookError, error: BaseException, directive: Directive) -> None:
        """The message in hand made the incarnation fail: it gets another try, or is a dead letter."""
        cell = self._cell
        envelope = cell.receiving.take_current()
        if envelope is None:
            return
        attempts = envelope.attempts + 1
        is_retried = attempts < cell.spec.policy.attempts and type(envelope.timer) is not Watch
        goes_on = not cell.is_stopping or cell.ending.drains
        if is_retried and directive in (Directive.RESTART, Directive.RESUME) and goes_on:
            cell.mailbox.put_back(envelope._replace(timer=None, attempts=attempts))
            return
        cell.receiving.answers.refuse(envelope, failure)
        cell.bury(envelope, DeadReason.POISON, error)

    def _end(self, reason: Exit) -> Work:
        """The orderly end of an incarnation."""
        cell = self._cell
        self._is_ending = True
        yield from self._end_children()
        incarnation, lost = self.incarnation, None
        if incarnation is not None:
            incarnation.timers.cancel_all()
            lost = yield from cell.body.retire(cell, incarnation)
            cell.deactivate()
        cell.receiving.answers.fail_open(ActorStopped(f"{cell.name} ended before it answered"))
        if lost is not None and cell.ending.has_to_drain:
            self._conclude(Exit.FAILURE, lost)  # in the middle of the drain: what had not begun waits again
        else:
            self._conclude(reason, None)

    def _conclude(self, reason: Exit, error: BaseException | None, directive: Directive = Directive.RESTART) -> None:
        """The incarnation is over: the next one, or the end."""
        cell = self._cell
        incarnation, self.incarnation, self.killed = self.incarnation, None, None
        if incarnation is not None:
            cell.restarting.kind = incarnation.kind
        if cell.state is not ActorState.STOPPED:
            began = None if incarnation is None else incarnation.ran_from
            cell.restarting.follow(reason, error, directive, 0.0 if began is None else cell.clock.monotonic() - began)
