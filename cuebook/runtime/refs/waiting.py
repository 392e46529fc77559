"""Which actor's handler waits for which actor, so that a cycle of asks is refused and never waited for.

Knows no message and no mailbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from cuebook.errors import AskCycle

__all__ = [
    "Activation",
    "Asker",
    "Doubt",
    "Waiter",
    "circle",
    "doubted_by",
    "in_hand",
    "open_waits",
    "refuse_cycle",
    "waits_for",
    "way_to",
]


class Waiter(Protocol):
    """An actor as something that waits, and that others wait for."""

    name: str

    @property
    def activation(self) -> Activation | None:
        """The handler at work that waits, or may; None: none does."""

    def has_deferred(self, reply: asyncio.Future[Any]) -> bool:
        """Whether the answer is owed later, so that the handler at work does not keep it back."""

    def stands_for(self) -> Waiter:
        """The actor itself, where this one stands for an actor that is not always there."""


class Asker(Waiter, Protocol):
    """An actor whose handlers wait for others."""

    activation: Activation | None


class Activation:
    """One handler or hook at work, for as long as it awaits.

    It travels in a context variable, so the tasks that a handler starts ask in its name while it is open.

    Attributes:
        actor: whose handler it is.
        is_open: whether the handler has not ended.
        waits_for: pending answers (or room), and the actors that owe them.
    """

    __slots__ = ("actor", "is_open", "waits_for")

    def __init__(self, actor: Waiter) -> None:
        self.actor = actor
        self.is_open = True
        self.waits_for: dict[asyncio.Future[Any], Waiter] = {}


in_hand: ContextVar[Activation | None] = ContextVar("cuebook_in_hand", default=None)
"""The handler in whose name this code runs; None outside of handlers that await."""


Doubt = Callable[[asyncio.Future[Any], str], Awaitable[None]]
"""Settles whether an ask closes a circle that goes through other processes, before it is sent: awaited with its answer
and its kind. Raises AskCycle."""

_doubting: list[Callable[[Activation, Waiter], Doubt | None]] = []


def doubted_by(doubt: Callable[[Activation, Waiter], Doubt | None]) -> None:
    """From now on, in this process, asks of actors that wait for others are doubted by this, where it sees a reason."""
    _doubting[:] = [doubt]


def refuse_cycle(asker: Activation, target: Waiter, kind: str) -> Doubt | None:
    """Let an ask go where it can be answered.

    Parameters:
        kind: the message's type, for the text.

    Returns:
        what is to be awaited before it goes, where others have to be asked; nearly always None.

    Raises:
        AskCycle: the target is the asker, or waits for it, itself or through others. All are named.

    Cost: one look-up where the target waits for nobody.
    """
    activation = target.activation
    if target is not asker.actor and (activation is None or not activation.is_open or not activation.waits_for):
        return None
    path = way_to(target, asker.actor)
    if path is not None:
        raise circle((asker.actor.name, *path), kind)
    return _doubting[0](asker, target) if _doubting else None


def circle(names: Sequence[str], kind: str) -> AskCycle:
    """The error of an ask that the first would send to the second, and that comes back to it."""
    first, *others = names
    text = f"{first} would wait for {', which waits for '.join(others)}: none could go on, so {kind} was not sent"
    return AskCycle(text, (first, *others))


def open_waits(start: Waiter) -> list[tuple[asyncio.Future[Any], Waiter]]:
    """The answers that an actor's handler waits for, itself and through others, and who owes each of them."""
    found: dict[asyncio.Future[Any], Waiter] = {}
    ways = [start]
    while ways:
        activation = ways.pop().activation
        if activation is None or not activation.is_open:
            continue
        for reply, further in activation.waits_for.items():
            if reply not in found and not reply.done() and not further.has_deferred(reply):
                found[reply] = further
                ways.append(further.stands_for())
    return list(found.items())


def waits_for(actor: Waiter, other: Waiter) -> bool:
    """Whether an actor's handler waits for another actor, itself or through others, or is that one."""
    return way_to(actor, other) is not None


def way_to(start: Waiter, goal: Waiter) -> tuple[str, ...] | None:
    """The names from one actor to another along who waits for whom; None where there is no way."""
    seen: set[int] = set()
    ways: list[tuple[Waiter, tuple[str, ...]]] = [(start, (start.name,))]
    while ways:
        actor, names = ways.pop()
        if actor is goal:
            return names
        activation = actor.activation
        if id(actor) in seen or activation is None or not activation.is_open:
            continue
        seen.add(id(actor))
        for reply, further in activation.waits_for.items():
            if not reply.done() and not further.has_deferred(reply):
                ways.append((further.stands_for(), (*names, further.name)))
    return None
