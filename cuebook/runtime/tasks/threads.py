"""Threads beside the loop: blocking work in one that ends with the loop, and the end of one. Knows no actor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """What the function gives, which is called in a thread of the loop's own.

    Whoever is cancelled while he waits waits to its end all the same, so that nothing goes on behind his back.
    """
    working = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        while not working.done():
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.shield(working)
        raise
