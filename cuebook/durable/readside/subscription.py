"""Events of durable actors for whoever iterates: those that are kept, and then each one as it is committed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Self

from cuebook.durable.events.event_types import EventTypes
from cuebook.durable.ledger import LedgerSource
from cuebook.durable.readside.envelope import EventEnvelope
from cuebook.durable.readside.event_reader import EventReader
from cuebook.durable.readside.position import Offset
from cuebook.durable.readside.renumbering import Renumbering

__all__ = ["Subscription"]


class Subscription:
    """The events of some durable actors, in the order in which they were committed: `async for e in subscription`.

    Made by `Runtime.subscribe`. It holds one record's events in memory, so a slow reader loses none. It ends with its
    runtime, or where it does not follow, behind the last event.

    Args:
        types: how the events of each type are read, by the type's name. after: where to begin; None: with the first.
        follows: whether to wait for more at the end. may_miss: whether events that are read may have been dropped.
    """

    def __init__(
        self,
        source: LedgerSource,
        types: Mapping[str, EventTypes],
        after: Offset | None,
        *,
        follows: bool,
        may_miss: bool,
    ) -> None:
        self._source = source
        self._types = types
        self._after = after
        self._follows = follows
        self._may_miss = may_miss
        self._read: deque[EventEnvelope] = deque()
        self._reader: EventReader | None = None
        self._news = asyncio.Event()
        self._unwatch: Callable[[], None] | None = None
        self._is_over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventEnvelope:
        while not self._is_over:
            if self._read:
                return self._read.popleft()
            reader = self._reader or await self._begin()
            self._news.clear()
            read = reader.next()
            if read is not None:
                self._read.extend(envelope for envelope, _ in read)
                await asyncio.sleep(0)
            elif not self._follows:
                break
            else:
                await self._news.wait()
        self.close()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Read no more."""
        self.close()

    def close(self) -> None:
        """As `aclose`, for who cannot wait."""
        self._is_over = True
        self._read.clear()
        self._news.set()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    async def _begin(self) -> EventReader:
        ledger = await self._source()
        places = Renumbering(ledger.file)
        position = places.now(self._after or places.start, self._types, may_miss=self._may_miss)
        self._reader = EventReader(ledger, self._types, position)
        if self._follows and not self._is_over:
            loop = asyncio.get_running_loop()
            self._unwatch = ledger.file.watch(lambda: _tell(loop, self._news))
        return self._reader


def _tell(loop: asyncio.AbstractEventLoop, news: asyncio.Event) -> None:
    """Set an event of a loop, from any thread; a loop that is closed has nobody who waits."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(news.set)
