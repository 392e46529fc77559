"""What an actor did while it had one message: plain data, in the order in which it happened. Knows no actor."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from cuebook.errors import Rejected

__all__ = [
    "Became",
    "Delivers",
    "DurableRan",
    "Effect",
    "Failed",
    "Forgot",
    "Linked",
    "Ran",
    "Reminded",
    "Replied",
    "Sent",
    "Spawned",
    "Stashed",
    "StoppedItself",
    "TimerCancelled",
    "TimerSet",
    "Unstashed",
    "Unwatched",
    "Watched",
]


@dataclass(frozen=True, slots=True)
class Effect:
    """Base of all effects."""


@dataclass(frozen=True, slots=True)
class Sent(Effect):
    """A message to another actor, or to itself, as its receiver gets it."""

    to: str
    message: Any
    is_ask: bool = False


@dataclass(frozen=True, slots=True)
class Replied(Effect):
    """A deferred message was answered: with a value, or with an error."""

    message: Any
    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Spawned(Effect):
    """A child, or an actor of the system, was started: not here, where others are stubs."""

    name: str
    factory: Any
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TimerSet(Effect):
    """`after(delay_s, message, key)`; with `every_s` seconds, `every(every_s, message, key)`."""

    delay_s: float
    message: Any
    key: Hashable
    every_s: float | None = None


@dataclass(frozen=True, slots=True)
class TimerCancelled(Effect):
    """`cancel_timer(key)`, of a timer that there was."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class Watched(Effect):
    """`watch(ref)`."""

    name: str


@dataclass(frozen=True, slots=True)
class Unwatched(Effect):
    """`unwatch(ref)`."""

    name: str


@dataclass(frozen=True, slots=True)
class Linked(Effect):
    """`link(ref)`."""

    name: str


@dataclass(frozen=True, slots=True)
class Stashed(Effect):
    """The message in hand was put aside."""


@dataclass(frozen=True, slots=True)
class Unstashed(Effect):
    """What was put aside is to be received next."""

    count: int


@dataclass(frozen=True, slots=True)
class Became(Effect):
    """Another handler receives from now on; None: the class's own."""

    handler: str | None


@dataclass(frozen=True, slots=True)
class StoppedItself(Effect):
    """`stop_self()`."""


@dataclass(frozen=True, slots=True)
class Failed(Effect):
    """Something beside the handlers failed, so the incarnation does."""

    error: BaseException | None


@dataclass(frozen=True, slots=True)
class Reminded(Effect):
    """A reminder was set: of this message, in so many seconds, and again every so many where it repeats."""

    key: str
    message: Any
    delay_s: float
    every_s: float | None = None


@dataclass(frozen=True, slots=True)
class Forgot(Effect):
    """The reminder of this key was taken back."""

    key: str


@dataclass(frozen=True, slots=True)
class Delivers(Effect):
    """A message is owed to another durable actor: its type, its id."""

    type: str
    id: str
    message: Any


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one message.

    Attributes:
        message: as the actor got it.
        reply: what its asker gets, after the way there and back; None while the answer is deferred, too.
        is_deferred: whether the answer comes later (a `Replied` of a later message), or never.
        effects: all that the actor did, in order.
    """

    message: Any
    reply: Any
    is_deferred: bool
    effects: tuple[Effect, ...]

    @property
    def sent(self) -> tuple[Sent, ...]:
        """The messages to others."""
        return tuple(effect for effect in self.effects if isinstance(effect, Sent))

    @property
    def spawned(self) -> tuple[Spawned, ...]:
        """The actors that were started."""
        return tuple(effect for effect in self.effects if isinstance(effect, Spawned))

    @property
    def timers(self) -> tuple[TimerSet, ...]:
        """The timers that were set."""
        return tuple(effect for effect in self.effects if isinstance(effect, TimerSet))


@dataclass(frozen=True, slots=True)
class DurableRan(Ran):
    """What became of one command.

    Attributes:
        events: what was kept, as it comes back from a journal. state: with them in it.
        rejection: why the command was refused; None where it was not.
    """

    events: tuple[Any, ...] = ()
    state: Any = None
    rejection: Rejected | None = None
