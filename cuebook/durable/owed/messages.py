"""What durable actors say to themselves and to each other about what they owe."""

from __future__ import annotations

from cuebook.wire.message import message

__all__ = ["Delivered", "Due"]


@message(by_reference=True)
class Due:
    """A durable actor to itself: what it owes under this key is to be sent now, unless it is due at another time."""

    key: str
    due: float


@message(tag=70)
class Delivered:
    """A durable actor to another: delivery `number` of `sender`; an answer of any kind confirms it, but a failure."""

    sender: str
    number: int
    frame: bytes
