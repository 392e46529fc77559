"""What follows the end of an incarnation: the next one, a pause, or the end for good. Knows no handler and no hook.

Whether to restart is decided in `policy`.
"""

from __future__ import annotations

from cuebook.clock import TimerHandle
from cuebook.errors import ActorStopped, RestartLimitReached
from cuebook.logs import get_logger
from cuebook.runtime.cells.ports import CellCore
from cuebook.runtime.policy.directives import Directive
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.phases import ActorState, PhaseEvent
from cuebook.runtime.policy.restarts import History, RestartAfter, Terminate, decide
from cuebook.wording import repr_of

__all__ = ["Restarting"]

_CLEAN = History()
_FINAL = (Directive.STOP, Directive.ESCALATE)
_log = get_logger("runtime")


class Restarting:
    """How one actor begins again. There is none as long as no incarnation has ended.

    Attributes:
        count: of restarts so far. cause: what the last incarnation failed with. kind: its class, where it was made.
        failures: incarnations that failed.
    """

    __slots__ = ("_cell", "_due", "_history", "_timer", "cause", "count", "failures", "kind")

    def __init__(self, cell: CellCore) -> None:
        self._cell = cell
        self._history = _CLEAN
        self._timer: TimerHandle | None = None
        self._due = 0.0
        self.count = 0
        self.failures = 0
        self.cause: BaseException | None = None
        self.kind: type | None = None

    # What others ask for

    def finish(self) -> bool:
        """End for good as the last incarnation did, where it waits to begin again; whether it did."""
        if self._cell.state is not ActorState.RESTARTING:
            return False
        self._cell.ending.terminate(self.cause, Exit.NORMAL)
        return True

    def begin_again(self) -> None:
        """Start the next incarnation, where it waits for that."""
        if self._cell.state is ActorState.RESTARTING and self._timer is None:
            self.count += 1
            self._restart()

    def unpark(self) -> bool:
        """Begin again with a clean record; whether it was parked."""
        if self._cell.state is not ActorState.PARKED:
            return False
        self.count += 1
        self._restart()
        return True

    def is_due_from(self, time: float) -> bool:
        """Whether the next incarnation begins by itself, at this time (monotonic seconds) or later."""
        return self._timer is not None and self._due >= time

    def cancel(self) -> None:
        """It does not begin by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # What follows

    def follow(self, reason: Exit, error: BaseException | None, directive: Directive, ran_s: float) -> None:
        """An incarnation is over, after so many seconds: begin the next one, or end."""
        cell = self._cell
        self.cause = error
        cell.mailbox.unstash()  # its next incarnation knows nothing of what this one waited for
        if not (reason is Exit.FAILURE and cell.ending.has_to_drain):
            reason = Exit.SHUTDOWN if cell.is_stopping else reason
        if cell.bonded is not None:
            cell.bonded.release()
        if cell.spec.on_ended is not None and not cell.is_stopping and directive not in _FINAL:
            cell.go(PhaseEvent.WAITS)
            cell.life.settled()
            cell.spec.on_ended(cell.ref, reason, error)
            return
        decision, self._history = decide(
            cell.spec.policy,
            reason,
            self._history,
            now=cell.clock.monotonic(),
            ran_s=ran_s,
            draw=cell.system.draw(),
            directive=directive,
        )
        if isinstance(decision, RestartAfter):
            self._restart_in(decision.delay_s, error)
        elif isinstance(decision, Terminate):
            self._give_up(decision, reason, error)
        elif cell.is_stopping:
            self._give_up(Terminate(is_exhausted=True), reason, error)
        else:
            self._park(error)

    def _restart_in(self, delay_s: float, error: BaseException | None) -> None:
        cell = self._cell
        self._due = cell.clock.monotonic() + delay_s
        if cell.is_stopping and self._due >= cell.ending.due:
            cell.ending.terminate(error)
            return
        cell.go(PhaseEvent.WAITS)
        self.count += 1
        self._timer = cell.clock.call_later(delay_s, self._restart)

    def _give_up(self, decision: Terminate, reason: Exit, error: BaseException | None) -> None:
        cell = self._cell
        if decision.is_exhausted:
            limit = cell.spec.policy.intensity
            reached = RestartLimitReached(
                f"{cell.name} needed more than {limit.restarts_max} restarts within {limit.within_s:g} s, "
                f"the last one after {repr_of(error)}"
            )
            reached.__cause__ = error
            error = reached
        cell.ending.terminate(error, Exit.SHUTDOWN if reason is Exit.SHUTDOWN else Exit.NORMAL)
        if decision.is_escalated and error is not None and cell.parent is not None:
            cell.parent.kill(error)

    def _park(self, error: BaseException | None) -> None:
        cell = self._cell
        cell.go(PhaseEvent.PARKED)
        _log.error("actor is parked", actor=cell.name, error=repr_of(error))
        for envelope in cell.mailbox.take_asks():
            parked = ActorStopped(f"{cell.name} is parked after {repr_of(error)}: unpark() begins anew")
            parked.__cause__ = error
            cell.receiving.answers.refuse(envelope, parked, is_undelivered=True)
        cell.mailbox.hold()
        cell.life.settled()

    def _restart(self) -> None:
        # Through the loop and never within the failure: a stop gets in between two attempts.
        cell = self._cell
        self._timer = None
        cell.mailbox.release()
        cell.go(PhaseEvent.BEGINS_AGAIN)
        cell.driver.wake()
        if cell.observer is not None:
            cell.observer.restarted()
