"""What a durable actor owes: messages to itself at a time (reminders), and to others until handled (deliveries).

Plain data; when they are due, and that they are kept, is others' business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cuebook.choices import one_of
from cuebook.durable.owed.repeating import Missed, Repeated
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


def reminder(
    key: str,
    message: object,
    *,
    after: float | None = None,
    at: float | None = None,
    every: float | None = None,
    missed: str = "one",
) -> Duty:
    """As `Effect.remind`."""
    if (after is not None and at is not None) or (after is None and at is None and every is None):
        raise ValueError("a reminder has after= (seconds from now), at= (seconds since 1970) or every= (seconds)")
    _check_seconds(after=after, at=at, every=every)
    if after is not None and after < 0:
        raise ValueError(f"a reminder is due after 0 or more seconds, not {after!r}")
    chosen, frame = one_of(Missed, missed, "missed"), encode(message)
    if every is None and chosen is not Missed.ONE:
        raise ValueError("missed= of a reminder goes with every=")
    if every is not None:
        if not every > 0:
            raise ValueError(f"a reminder repeats every so many seconds, more than 0, not {every!r}")
        frame = encode(Repeated(float(every), str(chosen), frame))
        after = every if after is None and at is None else after
    return Duty(_key(key), float(at or 0.0), frame, after=after)


def _check_seconds(**given: float | None) -> None:
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise TypeError(f"{name}= of a reminder is a number of seconds, not {value!r}")
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{name}= of a reminder is a number of seconds, not {value!r}")


def forgotten(key: str) -> Duty:
    """As `Effect.forget`."""
    return Duty(_key(key))


def delivery(actor: Any, id: str, message: object) -> Duty:
    """As `Effect.deliver`. Its key is given when it is kept: deliveries are numbered by receiver."""
    address = getattr(actor, "address_of", None)
    if address is None:
        raise TypeError(f"deliver() sends to a class of durable actors (a PersistentActor), not to {actor!r}")
    frame = encode(message)
    if not isinstance(id, str) or not id:
        raise ValueError(f"the id of a {actor.__qualname__} is a string that is not empty, not {id!r}")
    if not actor.has_handler(type(message)):
        raise TypeError(f"{actor.__qualname__} has no handler for {type(message).__qualname__}: it is not delivered")
    return Duty("", 0.0, frame, address(id))


def _key(key: str) -> str:
    if not isinstance(key, str) or not key or key.startswith("\0"):
        raise ValueError(f"the key of a reminder is a string that is not empty, not {key!r}")
    return key
