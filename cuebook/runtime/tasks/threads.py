"""Threads beside the loop: blocking work in one that ends with the loop, and the end of one. Knows no actor."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TypeVar

__all__ = ["in_thread"]

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """What the function gives, which is called in a thread of the loop's own.

    Whoever is cancelled while he waits waits to its end all the same, so that nothing goes on behind his back.
    """
    working = _started(partial(copy_context().run, function))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        while not working.done():
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.shield(working)
        raise


def _started(function: Callable[[], T]) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    try:
        return loop.run_in_executor(None, function)
    except RuntimeError:
        if loop.is_closed():
            raise
    # Executors take nothing more once the main thread is at its end, though the program goes on: in another thread, or
    # in a function that atexit calls. (It still counts as alive while they are shut down.)
    future: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        try:
            told = partial(_tell, future, function())
        except BaseException as error:
            told = partial(_fail, future, error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(told)

    threading.Thread(target=work, name="cuebook-beside", daemon=True).start()
    return future


def _tell(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
