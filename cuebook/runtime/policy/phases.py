"""The phases of an actor's life, and which follows which: one table. Pure; knows no actor."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cuebook.errors import InternalError

__all__ = ["BETWEEN", "SETTLED", "TABLE", "ActorState", "PhaseEvent", "after"]


class ActorState(StrEnum):
    """Where an actor is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILING = "failing"
    RESTARTING = "restarting"
    PARKED = "parked"
    STOPPED = "stopped"


class PhaseEvent(StrEnum):
    """What happens to an actor, so far as another phase follows from it."""

    STARTED = "on_start returned"
    FAILED = "it failed"
    ASKED_TO_STOP = "a stop is its turn"
    WAITS = "its incarnation is over, another will be"
    PARKED = "its restarts are used up, it is kept"
    BEGINS_AGAIN = "the next incarnation begins"
    ENDED = "it ended for good"


_ENDS = {PhaseEvent.ENDED: ActorState.STOPPED}
_FAILS = {PhaseEvent.FAILED: ActorState.FAILING}
_LEAVES = {PhaseEvent.WAITS: ActorState.RESTARTING}
_PARKS = {PhaseEvent.PARKED: ActorState.PARKED}
_STOPS = {PhaseEvent.ASKED_TO_STOP: ActorState.STOPPING}
_STARTS = {PhaseEvent.BEGINS_AGAIN: ActorState.STARTING}

TABLE: Mapping[ActorState, Mapping[PhaseEvent, ActorState]] = {
    ActorState.STARTING: {PhaseEvent.STARTED: ActorState.RUNNING} | _FAILS | _ENDS,
    ActorState.RUNNING: _FAILS | _STOPS | _LEAVES | _PARKS | _ENDS,
    ActorState.STOPPING: _FAILS | _STOPS | _LEAVES | _ENDS,  # a failure on the way restarts it, to go on with its queue
    ActorState.FAILING: _FAILS | _LEAVES | _PARKS | _ENDS,  # what its failure does may be cut off, and fail again
    ActorState.RESTARTING: _STARTS | _ENDS,
    ActorState.PARKED: _STARTS | _ENDS,
    ActorState.STOPPED: {},
}
"""What follows from what. What is not in it does not happen."""

BETWEEN = (ActorState.STOPPED, ActorState.RESTARTING, ActorState.PARKED)
"""There is no incarnation."""
SETTLED = (ActorState.RUNNING, *BETWEEN)
"""Nothing is under way that another phase follows from by itself."""


def after(phase: ActorState, event: PhaseEvent) -> ActorState:
    """The phase that follows.

    Raises:
        InternalError: this never happens in that phase.
    """
    following = TABLE[phase].get(event)
    if following is None:
        raise InternalError(f"an actor that is {phase.value}: {event.value}")
    return following
