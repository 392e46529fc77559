"""A durable actor that follows the events of others: each is handled like a command, and kept with what follows is up
to where it has come. Knows no mailbox.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cuebook.durable.events.event_types import EventTypes
from cuebook.durable.ledger import Ledger
from cuebook.durable.readside.envelope import EventEnvelope
from cuebook.durable.readside.event_reader import EventReader
from cuebook.durable.readside.position import Offset, Position
from cuebook.durable.readside.renumbering import Renumbering
from cuebook.persistence.records.stream_heads import FOLLOWED
from cuebook.runtime.cells.actor import Context
from cuebook.wire.message import message

__all__ = ["Follow", "Follower"]

_KEY = "cuebook.follow"


@message(by_reference=True)
class Follow:
    """A durable actor to itself: handle the next event of those that it follows."""


class FollowingActor(Protocol):
    """The keeper."""

    def follow(self, envelope: EventEnvelope, handled: tuple[str, int]) -> Any:
        """Handle an event, and keep with its effect that it was handled."""


class Follower:
    """Feeds one incarnation: one event at a time waits in its mailbox, behind whatever else came.

    Args:
        types: how the events of each type are read, by the type's name.
        seen: what the actor has kept of whom it has heard; among them up to where it has followed.
    """

    def __init__(
        self,
        actor: FollowingActor,
        context: Context,
        ledger: Ledger,
        types: Mapping[str, EventTypes],
        *,
        seen: Mapping[str, int],
    ) -> None:
        self._actor = actor
        self._context = context
        self._file = ledger.file
        self._key = FOLLOWED + ledger.file.journal_id.hex()
        self._reader = EventReader(ledger, types, _position(Renumbering(ledger.file), types, seen))
        self._read: deque[tuple[EventEnvelope, Position]] = deque()
        self._loop = asyncio.get_running_loop()
        self._unwatch: Callable[[], None] | None = None
        self._is_at_work = False
        self._is_told = False

    def begin(self) -> None:
        """Follow from now on."""
        self._unwatch = self._file.watch(self._tell)
        self._wake()

    def end(self) -> None:
        """Follow no more."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def step(self) -> Any:
        """Handle one event, if there is one more; an awaitable where that takes more than a moment."""
        if not self._read:
            read = self._reader.next()
            if read is None:
                self._is_at_work = False
                return None
            self._read.extend(read)
        self._context.after(0.0, Follow(), key=_KEY)
        if not self._read:
            return None
        envelope, position = self._read.popleft()
        return self._actor.follow(envelope, (self._key, position.packed()))

    def _tell(self) -> None:
        """More was committed, by whatever thread."""
        if not self._is_told and not self._loop.is_closed():
            self._is_told = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._is_told = False
        if self._unwatch is not None and not self._is_at_work:
            self._is_at_work = True
            self._context.after(0.0, Follow(), key=_KEY)


def _position(places: Renumbering, types: Mapping[str, EventTypes], seen: Mapping[str, int]) -> Position:
    """Up to where an actor has followed, in the journal of today."""
    for journal_id in places.ids:
        number = seen.get(FOLLOWED + journal_id.hex())
        if number is not None:
            return places.now(Offset(journal_id, Position.unpacked(number)), types, may_miss=False)
    return places.now(places.start, types, may_miss=False)
