"""Asks within a process of actors that may close a circle through other processes: its owner is asked before they go.

An actor here that waits for somebody elsewhere may be waited for from there, which only the owner knows. Knows no
socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

from cuebook.processes.protocol import MayWait, Order, WaitsNoMore, WaitVerdict
from cuebook.processes.remote_target import RemoteTarget
from cuebook.runtime.refs.waiting import Activation, Doubt, Waiter, circle, open_waits, way_to

__all__ = ["Doubts"]

PATIENCE_S = 5.0
"""Seconds that the owner has to answer; then the ask goes, and a circle ends by its deadline."""
_ASKER_AND_TARGET = 2


class DoubtLink(Protocol):
    """The link to the owner."""

    loop: asyncio.AbstractEventLoop

    def order(self, order: Order) -> None:
        """Send an order."""

    def waiting_for(self, asker: Activation) -> list[Any]:
        """Who waits for a handler, as the owner knows them."""

    def numbers_of(self, replies: Iterable[Any]) -> dict[Any, int]:
        """The numbers of asks that went over the link, by where their answers go."""


class Doubtful(NamedTuple):
    """An ask: whose, of whom, and whom that one waits for elsewhere, by the numbers of those asks."""

    asker: Activation
    target: Waiter
    leaves: Mapping[int, Waiter]


class Doubts:
    """Asks that wait for the owner's verdict."""

    def __init__(self, link: DoubtLink) -> None:
        self._link = link
        self._count = 0
        self._open: dict[int, asyncio.Future[WaitVerdict | None]] = {}

    def doubt(self, asker: Activation, target: Waiter) -> Doubt | None:
        """What is to be awaited before this ask goes, where its target waits for actors in other processes."""
        beyond = {reply: actor for reply, actor in open_waits(target) if type(actor) is RemoteTarget}
        numbers = self._link.numbers_of(beyond) if beyond else {}
        if not numbers:
            return None
        leaves = {number: beyond[reply] for reply, number in numbers.items()}
        return partial(self._settle, Doubtful(asker, target, leaves))

    def on_verdict(self, verdict: WaitVerdict) -> None:
        """The owner has answered."""
        found = self._open.get(verdict.question)
        if found is not None and not found.done():
            found.set_result(verdict)

    async def _settle(self, ask: Doubtful, answer: asyncio.Future[Any], kind: str) -> None:
        self._count = question = self._count + 1
        self._open[question] = verdict = self._link.loop.create_future()
        late = self._link.loop.call_later(PATIENCE_S, _give_up, verdict)
        self._link.order(MayWait(question, list(ask.leaves), self._link.waiting_for(ask.asker)))
        left = partial(self._left, question)
        try:
            said: WaitVerdict | None = await verdict
        except BaseException:
            left()
            raise
        finally:
            late.cancel()
            del self._open[question]
        if said is not None and said.names and said.ask in ask.leaves:
            leaf = ask.leaves[said.ask]
            way = way_to(ask.target, leaf) or (ask.target.name, leaf.name)
            raise circle((ask.asker.actor.name, *way, *said.names[_ASKER_AND_TARGET:]), kind)
        answer.add_done_callback(left)

    def _left(self, question: int, _answer: Any = None) -> None:
        self._link.order(WaitsNoMore(question))


def _give_up(verdict: asyncio.Future[Any]) -> None:
    if not verdict.done():
        verdict.set_result(None)
