"""The end of an actor for good: who asks for it, how long it may take, and what is owed then.

Knows no handler and no restart.
"""

from __future__ import annotations

import asyncio

from cuebook.clock import TimerHandle
from cuebook.errors import ActorStopped, RestartLimitReached
from cuebook.logs import get_logger
from cuebook.runtime.cells.ports import GRACE_S, CellCore
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.phases import ActorState, PhaseEvent
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.tasks.exits import called, is_exit
from cuebook.wording import text_of

__all__ = ["NOT_ENDED", "Ending"]

NOT_ENDED = (Exit.SHUTDOWN, None)
"""How an actor has ended that has not."""
_log = get_logger("runtime")


class Ending:
    """How one actor comes to its end. There is none as long as nobody asks for it.

    Attributes:
        drains: whether what is queued is still handled. has_left_behind: whether something of it is not.
        due: when the stop has to be done (monotonic seconds).
        ended: why the actor ended, and with what; Exit.SHUTDOWN and None as long as it has not.
    """

    __slots__ = ("_cell", "_stops_itself", "_timer", "_waiting", "drains", "due", "ended", "has_left_behind")

    def __init__(self, cell: CellCore) -> None:
        self._cell = cell
        self._stops_itself = False
        self._timer: TimerHandle | None = None
        self._waiting: list[asyncio.Future[None]] | None = None
        self.drains = True
        self.due = 0.0
        self.has_left_behind = False
        self.ended: tuple[Exit, BaseException | None] = NOT_ENDED

    # Who asks for it

    def begin(self, timeout_s: float, *, drain: bool) -> None:
        """Begin to stop for good; the shortest of several deadlines counts."""
        cell = self._cell
        if cell.state is ActorState.STOPPED:
            return
        cell.close()
        self.drains = self.drains and drain
        due = cell.clock.monotonic() + timeout_s
        is_too_late = not self.has_to_drain or cell.restarting.is_due_from(due)
        if cell.state is ActorState.PARKED or (cell.state is ActorState.RESTARTING and is_too_late):
            self.terminate(None)
            return
        if self._timer is None or due < self.due:
            if self._timer is not None:
                self._timer.cancel()
            self.due = due
            self._timer = cell.clock.call_later(timeout_s, self._overdue)
        cell.begin_again()  # where it waits for someone else's decision
        cell.driver.wake()

    def begin_by_itself(self) -> None:
        """The same, as the actor itself wants it."""
        self._stops_itself = True
        self._cell.request_stop(self._cell.spec.shutdown_s, drain=True)

    async def wait(self) -> bool:
        """Until it has stopped for good; whether everything queued had been handled."""
        if self._cell.state is not ActorState.STOPPED:
            waiter: asyncio.Future[None] = self._cell.loop.create_future()
            self._waiting = [*(self._waiting or ()), waiter]
            await waiter
        return not self.has_left_behind

    # What is left to do

    @property
    def has_to_drain(self) -> bool:
        """Whether it stops, and has messages to handle before."""
        return self._cell.is_stopping and self.drains and len(self._cell.mailbox) > 0

    def seconds_left(self) -> float:
        """Until the stop has to be done; 0 where it has no deadline any more."""
        return 0.0 if self._timer is None else max(self.due - self._cell.clock.monotonic(), 0.0)

    def leave_behind(self) -> None:
        """Something that was queued is not handled."""
        self.has_left_behind = True

    # What does not end in time

    def _overdue(self) -> None:
        """The deadline of the stop has passed: no more draining, and the handler is cancelled."""
        cell = self._cell
        self.drains = False
        cell.system.shutdown.killed(cell.name, "did not stop within its time")
        if cell.state is ActorState.RESTARTING:
            self.terminate(None)
            return
        for child in list(cell.children.values()):
            child.request_stop(0.0, drain=False)
        self._timer = cell.clock.call_later(cell.body.grace_s, self.abandon)
        cell.kill(ActorStopped(f"{cell.name} was told to stop and did not within its time"))
        cell.driver.wake()

    def abandon_later(self) -> None:
        """End without what the handler awaits where it obeys no cancellation within its time."""
        self._timer = self._cell.clock.call_later(GRACE_S, self.abandon)

    def abandon(self, error: BaseException | None = None) -> None:
        """End without what the handler awaits."""
        cell = self._cell
        if cell.life.awaits_children:  # they end in a moment, each by a deadline like this one
            self._timer = cell.clock.call_later(GRACE_S, self.abandon, error)
            return
        cell.driver.leave()
        self.has_left_behind = True
        self.terminate(error)

    def on_left(self, *, is_lost: bool) -> None:
        """What it awaited obeys no cancellation: it goes on without that."""
        cell = self._cell
        _log.error("actor does not obey cancellation; it goes on without its handler", actor=cell.name)
        if is_lost:
            cell.body.lost(cell)
        self.has_left_behind = self.has_left_behind or cell.is_stopping
        cell.system.shutdown.killed(cell.name, "obeyed no cancellation, and was left behind")

    def on_lost(self) -> None:
        """Cancelled from outside: what was in hand is answered; the system's own end does the rest."""
        cell = self._cell
        cell.deactivate()
        cell.receiving.settle_current(ActorStopped(f"{cell.name} was cancelled"))
        cell.receiving.look_up()
        if cell.state is ActorState.STOPPED:
            return
        cell.system.shutdown.killed(cell.name, "was cancelled")
        cell.close()
        self.drains = False
        if self._timer is not None and self._waiting and cell.system.is_cut_short:
            cell.driver.wake()  # that end has begun already: what was lost was begun before it
        else:
            self.cancel_timers()  # that end has a deadline of its own

    def cancel_timers(self) -> None:
        """Nothing begins or ends by itself any more."""
        self._cell.restarting.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # The end

    def terminate(self, error: BaseException | None, reason: Exit = Exit.SHUTDOWN) -> None:
        """The end for good. Whoever waits for anything of this actor is answered now."""
        cell = self._cell
        if cell.state is ActorState.STOPPED:
            return
        cell.body.ending(cell, error)
        cell.go(PhaseEvent.ENDED)
        cell.close()
        cell.deactivate()
        self.cancel_timers()
        self._answer_all(error)
        if cell.parent is not None:
            cell.parent.children.pop(cell.name, None)
        cell.system.forget(cell.name)
        for waiter in self._waiting or ():
            if not waiter.done():
                waiter.set_result(None)
        reason = Exit.NORMAL if self._stops_itself else reason
        self.ended = (reason if error is None else Exit.FAILURE, error)
        if cell.bonded is not None:
            cell.bonded.release()
            cell.bonded.down(*self.ended)
        cell.life.settled()
        self._notify(error)
        cell.body.ended(cell)

    def _answer_all(self, error: BaseException | None) -> None:
        cell = self._cell
        stopped = ActorStopped(f"{cell.name} has stopped" + (f": {text_of(error)}" if error is not None else ""))
        stopped.__cause__ = error
        cell.receiving.settle_current(stopped)
        cell.receiving.answers.fail_open(stopped)
        left = [envelope for envelope in cell.mailbox.close() if envelope.timer is None]
        self.has_left_behind = self.has_left_behind or bool(left)
        if left:
            cell.system.shutdown.dropped(cell.name, len(left))
        for envelope in left:
            refusal = ActorStopped(str(stopped))
            refusal.__cause__ = error
            cell.receiving.answers.refuse(envelope, refusal, is_undelivered=True)
            cell.bury(envelope, DeadReason.STOPPED)

    def _notify(self, error: BaseException | None) -> None:
        cell = self._cell
        if isinstance(error, RestartLimitReached):
            _log.error("actor is not restarted any more", actor=cell.name, error=str(error))
        if cell.spec.on_terminated is None:
            return
        try:
            called(cell.spec.on_terminated, cell.ref, error)
        except BaseException as raised:
            if is_exit(raised):
                raise
            _log.error("on_terminated failed", actor=cell.name, exc_info=raised)
