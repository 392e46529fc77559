"""Which asks handlers in another process wait for, as edges of this process's graph of asks: so a circle through
processes is refused like any other. Knows no socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from cuebook.errors import AskCycle
from cuebook.runtime.refs.deadlines import EXPIRED
from cuebook.runtime.refs.waiting import Activation, Asker, Waiter, refuse_cycle

__all__ = ["RemoteWaits", "ended_unanswered"]


class HandlerElsewhere(Activation):
    """Stands for the handler of an actor in another process, while it waits for somebody here."""

    __slots__ = ()


class OpenAsk(NamedTuple):
    """An ask that came over the link: its answer, who owes it, and who waits for it, as often as that was said."""

    reply: Any
    target: Waiter
    actors: list[Asker]


class RemoteWaits:
    """The asks that came over one link and are waited for."""

    def __init__(self) -> None:
        self._open: dict[int, OpenAsk] = {}
        self._joined: dict[int, tuple[list[int], Sequence[Asker]]] = {}

    def begin(self, number: int, actors: Sequence[Asker], target: Waiter, reply: Any) -> None:
        """These actors wait for the answer to an ask. Raises AskCycle where the target waits for one of them."""
        for actor in actors:
            refuse_cycle(HandlerElsewhere(actor), target, "the message")
        for actor in actors:
            self._add(actor, reply, target)
        self._open[number] = OpenAsk(reply, target, list(actors))

    def join(self, question: int, numbers: list[int], actors: Sequence[Asker]) -> tuple[int, tuple[str, ...]] | None:
        """These actors are about to wait for somebody there who waits for the answers to these asks.

        Returns:
            the ask that would close a circle, and the names in it; None where they may: they wait then, until `leave`.
        """
        known = [number for number in numbers if number in self._open]
        for number in known:
            for actor in actors:
                try:
                    refuse_cycle(HandlerElsewhere(actor), self._open[number].target, "the message")
                except AskCycle as error:
                    return number, error.actors
        for number in known:
            asked = self._open[number]
            for actor in actors:
                self._add(actor, asked.reply, asked.target)
            asked.actors.extend(actors)
        self._joined[question] = (known, actors)
        return None

    def leave(self, question: int) -> None:
        """They wait no more."""
        numbers, actors = self._joined.pop(question, ((), ()))
        for number in numbers:
            asked = self._open.get(number)
            if asked is None:
                continue
            for actor in actors:
                asked.actors.remove(actor)
                if actor not in asked.actors:
                    self._remove(actor, asked.reply)

    def end(self, number: int) -> None:
        """The ask is answered, or nobody waits for that any more."""
        asked = self._open.pop(number, None)
        if asked is not None:
            for actor in asked.actors:
                self._remove(actor, asked.reply)

    def end_all(self) -> None:
        """The other process is gone."""
        for number in list(self._open):
            self.end(number)
        self._joined.clear()

    def _add(self, actor: Asker, reply: Any, target: Waiter) -> None:
        if actor.activation is None:
            actor.activation = HandlerElsewhere(actor)
        actor.activation.waits_for[reply] = target

    def _remove(self, actor: Asker, reply: Any) -> None:
        activation = actor.activation
        if activation is not None:
            activation.waits_for.pop(reply, None)
            if type(activation) is HandlerElsewhere and not activation.waits_for:
                actor.activation = None


def ended_unanswered(reply: asyncio.Future[Any]) -> bool:
    """Whether whoever asked has left, or its time is up."""
    return reply.cancelled() or reply.result() is EXPIRED
