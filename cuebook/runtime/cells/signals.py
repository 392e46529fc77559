"""What the runtime says of other actors: messages by reference, in the supervision lane. Knows no cell."""

from __future__ import annotations

from typing import Any

from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.ref import ActorRef
from cuebook.wire.message import message

__all__ = ["Down", "Restarted"]


@message(by_reference=True)
class Down:
    """An actor that is watched has ended for good.

    Attributes:
        ref: the actor. reason: NORMAL (it stopped itself), SHUTDOWN (it was told to) or FAILURE.
        error: the failure, else None.
    """

    ref: ActorRef
    reason: Exit
    error: Any


@message(by_reference=True)
class Restarted:
    """An actor that is watched with `restarts=True` has a new incarnation.

    Attributes:
        ref: the actor. count: its restarts so far.
        cause: what the last incarnation failed with; None where it stopped itself.
    """

    ref: ActorRef
    count: int
    cause: Any
