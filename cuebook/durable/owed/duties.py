"""What a durable actor owes: messages to itself at a time (reminders), and to others until handled (deliveries).

Plain data; when they are due, and that they are kept, is others' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cuebook.wire.message import encode

__all__ = ["Address", "Duty", "delivery", "forgotten", "reminder"]


@dataclass(frozen=True, slots=True)
class Address:
    """A durable actor, wherever it lives: the name of its type in the journal, its id, and its class by name."""

    type: str
    id: str
    where: str

    @property
    def name(self) -> str:
        """The name of the entity."""
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Duty:
    """A message that is owed.

    Attributes:
        key: names it among those of its actor.
        due: seconds since 1970 from which on it is to be sent; counted from now where `after` has seconds.
        frame: the encoded message; None: it is owed no more.
        target: who gets it; None: the actor itself.
    """

    key: str
    due: float = 0.0
    frame: bytes | None = None
    target: Address | None = None
    after: float | None = None

    def due_from(self, now: float) -> float:
        """When it is due, where it is set at `now`."""
        return self.due if self.after is None else now + self.after


def reminder(key: str, message: object, *, after: float | None = None, at: float | None = None) -> Duty:
    """As `Effect.remind`."""
    if (after is None) == (at is None):
        raise ValueError("a reminder has either after= (seconds from now) or at= (seconds since 1970)")
    if after is not None and not after >= 0:
        raise ValueError(f"a reminder is due after 0 or more seconds, not {after!r}")
    return Duty(_key(key), float(at or 0.0), encode(message), after=after)


def forgotten(key: str) -> Duty:
    """As `Effect.forget`."""
    return Duty(_key(key))


def delivery(actor: Any, id: str, message: object) -> Duty:
    """As `Effect.deliver`. Its key is given when it is kept: deliveries are numbered by receiver."""
    address = getattr(actor, "address_of", None)
    if address is None:
        raise TypeError(f"deliver() sends to a class of durable actors (a PersistentActor), not to {actor!r}")
    return Duty("", 0.0, encode(message), address(id))


def _key(key: str) -> str:
    if not isinstance(key, str) or not key or key.startswith("\0"):
        raise ValueError(f"the key of a reminder is a string that is not empty, not {key!r}")
    return key
