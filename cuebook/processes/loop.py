"""The event loop of a process of actors: one socket, read and written by the loop's own step. Knows no frame.

What has gathered is written once a step, right before the loop waits; what has arrived is handled right after it,
within the same step, without a callback of its own. So a round trip is one step of the loop: half the cost of two.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import Callable

__all__ = ["new_loop"]


class _LinkSelector(selectors.DefaultSelector):
    """Waits as any selector does; of the link it tells this end of it, not the loop."""

    def __init__(self, link: socket.socket, flush: Callable[[], None], receive: Callable[[], None]) -> None:
        super().__init__()
        self._flush = flush
        self._receive = receive
        self._link = self.register(link, selectors.EVENT_READ)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._flush()
        events = super().select(timeout)
        for place, (key, _) in enumerate(events):
            if key is self._link or key.fd == self._link.fd:
                del events[place]
                self._receive()
                break
        return events


def new_loop(link: socket.socket, flush: Callable[[], None], receive: Callable[[], None]) -> asyncio.SelectorEventLoop:
    """A loop that calls `flush` before it waits, and `receive` when `link` can be read."""
    return asyncio.SelectorEventLoop(_LinkSelector(link, flush, receive))
