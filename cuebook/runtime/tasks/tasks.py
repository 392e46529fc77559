"""The tasks of one system: asyncio's own, started from anywhere, cancelled together. Knows no actor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from anyio import CancelScope

from cuebook.runtime.tasks.hold import Hold

__all__ = ["Tasks"]

_AtEnd = (KeyboardInterrupt, SystemExit)


class Tasks:
    """What a system has under way. A task group could not start it: that is done in callbacks of the loop too.

    Parameters:
        on_error: called with what a task raised that nobody had foreseen.
    """

    __slots__ = ("_cancels", "_gone", "_loop", "_on_error")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_error: Callable[[BaseException], None]) -> None:
        self._loop = loop
        self._on_error = on_error
        self._cancels: dict[asyncio.Task[None], Callable[[], None]] = {}
        self._gone: asyncio.Future[None] | None = None

    def start(self, work: Coroutine[Any, Any, None], *, name: str, cancel: Callable[[], None]) -> None:
        """Let this go on in a task of its own, soon.

        Parameters:
            cancel: makes it end, also where it has not begun; it may call it off by itself.
        """
        try:
            task = self._loop.create_task(work, name=name)
        except BaseException:
            work.close()
            raise
        self._cancels[task] = cancel
        task.add_done_callback(self._ended)

    def hold(self, work: Callable[[], Coroutine[Any, Any, None]], hold: Hold, *, name: str) -> None:
        """Let this go on in a task of its own, soon, until it ends or `hold` is cancelled."""
        self.start(_held(work, hold), name=name, cancel=hold.cancel)

    def cancel(self) -> None:
        """Make all of them end."""
        for cancel in list(self._cancels.values()):
            cancel()

    async def until_none(self) -> None:
        """Return when all have ended. A cancellation that comes meanwhile is passed on to them, and then raised."""
        cancelled: asyncio.CancelledError | None = None
        with CancelScope(shield=True):
            while self._cancels:
                self._gone = self._loop.create_future()
                try:
                    await self._gone
                except asyncio.CancelledError as error:
                    cancelled = error
                    self.cancel()
        if cancelled is not None:
            raise cancelled

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._cancels[task]
        if not self._cancels and self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, _AtEnd):  # those have left the loop already
            self._on_error(error)


async def _held(work: Callable[[], Coroutine[Any, Any, None]], hold: Hold) -> None:
    with hold:
        await work()
