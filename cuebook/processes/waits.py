"""Which asks handlers in another process wait for, as edges of this process's graph of asks: so a circle through
processes is refused like any other. Knows no socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from cuebook.runtime.refs.deadlines import EXPIRED
from cuebook.runtime.refs.waiting import Activation, Asker, Waiter, refuse_cycle

__all__ = ["RemoteWaits", "ended_unanswered"]


class HandlerElsewhere(Activation):
    """Stands for the handler of an actor in another process, while it waits for somebody here."""

    __slots__ = ()


class RemoteWaits:
    """The asks that came over one link and are waited for."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Any, Sequence[Asker]]] = {}

    def begin(self, number: int, actors: Sequence[Asker], target: Waiter, reply: Any) -> None:
        """These actors wait for the answer to an ask. Raises AskCycle where the target waits for one of them."""
        for actor in actors:
            refuse_cycle(HandlerElsewhere(actor), target, "the message")
        for actor in actors:
            if actor.activation is None:
                actor.activation = HandlerElsewhere(actor)
            actor.activation.waits_for[reply] = target
        self._open[number] = (reply, actors)

    def end(self, number: int) -> None:
        """The ask is answered, or nobody waits for that any more."""
        found = self._open.pop(number, None)
        if found is None:
            return
        reply, actors = found
        for actor in actors:
            activation = actor.activation
            if activation is not None:
                activation.waits_for.pop(reply, None)
                if type(activation) is HandlerElsewhere and not activation.waits_for:
                    actor.activation = None

    def end_all(self) -> None:
        """The other process is gone."""
        for number in list(self._open):
            self.end(number)


def ended_unanswered(reply: asyncio.Future[Any]) -> bool:
    """Whether whoever asked has left, or its time is up."""
    return reply.cancelled() or reply.result() is EXPIRED
