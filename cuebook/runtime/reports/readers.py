"""Streams of what happens, for whoever reads along: bounded, and nobody waits for a slow reader. Knows no actor."""

from __future__ import annotations

import asyncio
from typing import Generic, Self, TypeVar
from weakref import WeakSet

__all__ = ["BEHIND_MAX", "Readers", "Stream"]

BEHIND_MAX = 1024
"""Items that a reader may be behind; then it loses the oldest."""

T = TypeVar("T")


class Stream(Generic[T]):
    """One reader's items, from when it was asked for: `async for item in stream`. It ends with what it is of.

    A reader that falls 1,024 items behind loses the oldest.
    """

    __slots__ = ("__weakref__", "_is_closed", "_queue")

    def __init__(self) -> None:
        self._queue: asyncio.Queue[T | None] = asyncio.Queue(BEHIND_MAX)
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        item = await self._queue.get()
        if item is None:
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Read no more."""
        self.put(None)
        self._is_closed = True

    def put(self, item: T | None) -> None:
        """The next item; None: there are no more."""
        if self._is_closed:
            return
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(item)


class Readers(Generic[T]):
    """Whoever reads one kind of items; a stream that nobody holds any more is none. True where there is anyone."""

    __slots__ = ("_is_closed", "_streams")

    def __init__(self) -> None:
        self._streams: WeakSet[Stream[T]] = WeakSet()
        self._is_closed = False

    def __bool__(self) -> bool:
        return bool(self._streams)

    def put(self, item: T) -> None:
        """To all of them."""
        for stream in self._streams:
            stream.put(item)

    def stream(self) -> Stream[T]:
        """Items from this call on, until `close`."""
        stream: Stream[T] = Stream()
        if self._is_closed:
            stream.put(None)
        else:
            self._streams.add(stream)
        return stream

    def close(self) -> None:
        """End every stream, also those that are asked for later."""
        self._is_closed = True
        for stream in self._streams:
            stream.put(None)
        self._streams.clear()
