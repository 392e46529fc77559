"""What a failure of a kind calls for: directives by exception type, as data. Knows no actor."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from cuebook.errors import AskCycle

__all__ = [
    "Directive",
    "Directives",
    "Exhausted",
    "ExhaustedWord",
    "check_directives",
    "directive_for",
    "directive_for_start",
]


class Directive(StrEnum):
    """What follows a failure, before any restart policy is asked."""

    RESUME = "resume"
    """The incarnation goes on with its state; the message that failed is lost (where it is a message that did;
    a failure to start, and a kill, are restarts)."""
    RESTART = "restart"
    """The incarnation ends; the restart policy decides on a next one."""
    STOP = "stop"
    """The actor ends for good."""
    ESCALATE = "escalate"
    """The actor ends for good, and its parent's incarnation fails with the same error."""


class Exhausted(StrEnum):
    """What follows where the restart intensity allows no further restart."""

    STOP = "stop"
    """The actor ends for good, with RestartLimitReached."""
    ESCALATE = "escalate"
    """So it does, and its parent's incarnation fails with that error."""
    PARK = "park"
    """The actor keeps its mailbox and waits for `ref.unpark()`; asks are refused."""


ExhaustedWord = Exhausted | Literal["stop", "escalate", "park"]
Directives = Mapping[type[BaseException], Directive | Literal["resume", "restart", "stop", "escalate"]]
"""By exception type; the most specific type counts, others restart."""


def directive_for(error: BaseException, directives: Directives) -> Directive:
    """The directive of the nearest base of the error's type; RESTART where none has one."""
    for kind in type(error).__mro__:
        if kind in directives:
            return Directive(directives[kind])
    return Directive.RESTART


def directive_for_start(name: str, error: BaseException, directives: Directives) -> Directive:
    """The directive where an actor of this name could not start: STOP where it would wait for itself, as the next
    attempt would end in the same circle, unless a directive says more than to restart.
    """
    chosen = directive_for(error, directives)
    return Directive.STOP if chosen is Directive.RESTART and _is_circle(name, error) else chosen


def _is_circle(name: str, error: BaseException) -> bool:
    """Whether a circle of asks with this actor in it is the error, or the cause of it."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, AskCycle) and name in cause.actors:
            return True
        seen.add(id(cause))
        cause = cause.__cause__
    return False


def check_directives(name: str, directives: Directives) -> None:
    """Raises TypeError or ValueError, naming the actor, where these are no directives."""
    for kind, directive in directives.items():
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"the directives of {name!r} are by exception type, and {kind!r} is none")
        try:
            Directive(directive)
        except ValueError:
            known = ", ".join(Directive)
            raise ValueError(f"the directive of {name!r} for {kind.__name__} is {known}, not {directive!r}") from None
