"""Which actor's handler waits for which actor, so that a cycle of asks is refused and never waited for.

Knows no message and no mailbox.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any, Protocol

from cuebook.errors import AskCycle

__all__ = ["Activation", "Asker", "Waiter", "in_hand", "refuse_cycle", "waits_for"]


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


def refuse_cycle(asker: Activation, target: Waiter, kind: str) -> None:
    """Let an ask go where it can be answered.

    Parameters:
        kind: the message's type, for the text.

    Raises:
        AskCycle: the target is the asker, or waits for it, itself or through others. All are named.

    Cost: one look-up where the target waits for nobody.
    """
    activation = target.activation
    if target is not asker.actor and (activation is None or not activation.is_open or not activation.waits_for):
        return
    path = _path(target, asker.actor)
    if path is not None:
        first, *others = (asker.actor.name, *path)
        text = f"{first} would wait for {', which waits for '.join(others)}: none could go on, so {kind} was not sent"
        raise AskCycle(text, (first, *others))


def waits_for(actor: Waiter, other: Waiter) -> bool:
    """Whether an actor's handler waits for another actor, itself or through others, or is that one."""
    return _path(actor, other) is not None


def _path(start: Waiter, goal: Waiter) -> tuple[str, ...] | None:
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
