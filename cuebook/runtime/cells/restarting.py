"""What follows the end of an incarnation: the next one, a pause, or the end for good. Knows no handler and no hook.

Whether to restart is decided in `supervision`.
"""

from __future__ import annotations

from cuebook.errors import ActorStopped, RestartLimitReached
from cuebook.logs import get_logger
from cuebook.runtime.cells.driver import Driver
from cuebook.runtime.cells.ending import Ending
from cuebook.runtime.cells.ports import Parent, SystemPort
from cuebook.runtime.cells.spec import ActorSpec
from cuebook.runtime.policy.directives import Directive
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.phases import ActorState, PhaseEvent
from cuebook.runtime.policy.restarts import History, RestartAfter, Terminate, decide
from cuebook.wording import repr_of

__all__ = ["Restarting"]

_CLEAN = History()
_FINAL = (Directive.STOP, Directive.ESCALATE)
_log = get_logger("runtime")


class Restarting(Ending):
    """An actor as something that begins again."""

    __slots__ = ("_cause", "_history", "restarts")

    _driver: Driver

    def __init__(self, system: SystemPort, spec: ActorSpec, parent: Parent | None) -> None:
        super().__init__(system, spec, parent)
        self.restarts = 0
        self._history = _CLEAN
        self._cause: BaseException | None = None

    # What others ask for

    def finish(self) -> bool:
        """End for good as the last incarnation did, where it waits to begin again; whether it did."""
        if self.state is not ActorState.RESTARTING:
            return False
        self._terminate(self._cause, Exit.NORMAL)
        return True

    def cause(self) -> BaseException | None:
        """What the last incarnation failed with."""
        return self._cause if self._cause is not None else self.ended[1]

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

    # What follows

    def _follow(self, reason: Exit, error: BaseException | None, directive: Directive, ran_s: float) -> None:
        """An incarnation is over, after so many seconds: begin the next one, or end."""
        self._cause = error
        self.mailbox.unstash()  # its next incarnation knows nothing of what this one waited for
        if not (reason is Exit.FAILURE and self._has_to_drain):
            reason = Exit.SHUTDOWN if self._is_stopping else reason
        if self._bonds is not None:
            self._bonds.release()
        if self.spec.on_ended is not None and not self._is_stopping and directive not in _FINAL:
            self._go(PhaseEvent.WAITS)
            self._settled()
            self.spec.on_ended(self.ref, reason, error)
            return
        decision, self._history = decide(
            self.spec.policy,
            reason,
            self._history,
            now=self.clock.monotonic(),
            ran_s=ran_s,
            draw=self._system.draw(),
            directive=directive,
        )
        if isinstance(decision, RestartAfter):
            self._restart_in(decision.delay_s, error)
        elif isinstance(decision, Terminate):
            self._give_up(decision, reason, error)
        elif self._is_stopping:
            self._give_up(Terminate(is_exhausted=True), reason, error)
        else:
            self._park(error)

    def _restart_in(self, delay_s: float, error: BaseException | None) -> None:
        self._restart_due = self.clock.monotonic() + delay_s
        if self._is_stopping and self._restart_due >= self._stop_due:
            self._terminate(error)
            return
        self._go(PhaseEvent.WAITS)
        self.restarts += 1
        self._restart_timer = self.clock.call_later(delay_s, self._restart)

    def _give_up(self, decision: Terminate, reason: Exit, error: BaseException | None) -> None:
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
        self._go(PhaseEvent.PARKED)
        _log.error("actor is parked", actor=self.name, error=repr_of(error))
        for envelope in self.mailbox.take_asks():
            parked = ActorStopped(f"{self.name} is parked after {repr_of(error)}")
            parked.__cause__ = error
            self.answers.refuse(envelope, parked, is_undelivered=True)
        self.mailbox.hold()
        self._settled()

    def _restart(self) -> None:
        # Through the loop and never within the failure: a stop gets in between two attempts.
        self._restart_timer = None
        self.mailbox.release()
        self._go(PhaseEvent.BEGINS_AGAIN)
        self._driver.wake()
