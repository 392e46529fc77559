"""An event of a durable actor with what is known of it. Plain data."""

from __future__ import annotations

from typing import Any

from cuebook.wire.message import message

__all__ = ["EventEnvelope"]


@message(by_reference=True)
class EventEnvelope:
    """An event that was kept, as whoever reads along gets it.

    Attributes:
        event: the event, as its class is today.
        type, id: `type_name` and id of the durable actor that kept it.
        number: which of that actor's events it is, from 1. Where an upcaster makes several of one they share it.
        at: when it was kept, seconds since 1970.
        offset: the place behind it: a text, to be kept beside what is made of the event. `subscribe(after=offset)` goes
            on from there.
    """

    event: Any
    type: str
    id: str
    number: int
    at: float
    offset: str
