"""A message on its way, and all that is known of it there. Knows no mailbox."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from cuebook.runtime.refs.ref import ActorRef

__all__ = ["REFERENCE_BYTES", "Entry", "Envelope", "size_of"]

REFERENCE_BYTES = 64
"""What a message that goes by reference counts as."""

Entry = tuple[Any, ActorRef | None, "asyncio.Future[Any] | None", Any, float, int]
"""An envelope, or a bare tuple of the same. Most messages are never more than that: it costs a fifth."""


class Envelope(NamedTuple):
    """A message on its way.

    Attributes:
        frame: its bytes, or the message itself where it goes by reference.
        sender: None from outside of actors. reply: where the answer goes. timer: the timer or watch that
            it comes from, which may be gone when it is received.
        at: monotonic seconds when it was put into the mailbox.
        attempts: how often it was received before, and failed.
    """

    frame: Any
    sender: ActorRef | None = None
    reply: asyncio.Future[Any] | None = None
    timer: Any = None
    at: float = 0.0
    attempts: int = 0


def size_of(content: Any) -> int:
    """What a frame, or a message that goes by reference, counts as, in bytes."""
    return len(content) if type(content) is bytes else REFERENCE_BYTES
