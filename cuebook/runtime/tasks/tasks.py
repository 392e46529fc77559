"""The tasks of one system: asyncio's own, started anywhere, ended together, left where they resist. Knows no actor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from anyio import CancelScope

from cuebook.runtime.tasks.hold import Hold
from cuebook.runtime.tasks.leaving import leave_behind

__all__ = ["Tasks"]

_EXITS = (KeyboardInterrupt, SystemExit)


class Owner(Protocol):
    """Whose task it is."""

    def cancel(self) -> None:
        """Make it end, also where it has not begun."""

    def leave(self) -> None:
        """It obeys no cancellation: go on without it."""


class Tasks:
    """What a system has under way. A task group could not start it: that is done in callbacks of the loop too.

    Parameters:
        on_error: called with what a task raised that nobody had foreseen.
    """

    __slots__ = ("_gone", "_loop", "_on_error", "_owners")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_error: Callable[[BaseException], None]) -> None:
        self._loop = loop
        self._on_error = on_error
        self._owners: dict[asyncio.Task[None], Owner] = {}
        self._gone: asyncio.Future[None] | None = None

    def start(self, work: Coroutine[Any, Any, None], owner: Owner, *, name: str) -> None:
        """Let this go on in a task of its own, soon."""
        try:
            task = self._loop.create_task(work, name=name)
        except BaseException:
            work.close()
            raise
        self._owners[task] = owner
        task.add_done_callback(self._ended)

    def hold(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        hold: Hold,
        *,
        name: str,
        on_left: Callable[[], object] = lambda: None,
    ) -> None:
        """Let this go on in a task of its own, soon, until it ends or `hold` is cancelled."""
        self.start(_run(work, hold), _Held(self, hold, on_left), name=name)

    def leave(self, owner: Owner) -> None:
        """Nobody waits for the task of this owner any more."""
        for task in [task for task, its in self._owners.items() if its is owner]:
            del self._owners[task]
            leave_behind(task)

    def cancel(self) -> None:
        """Make all of them end."""
        for owner in list(self._owners.values()):
            owner.cancel()

    async def end(self, grace_s: float) -> None:
        """Make all of them end, and leave behind those that have not after so many seconds. A cancellation that comes
        meanwhile is raised then.
        """
        cancelled: asyncio.CancelledError | None = None
        self.cancel()
        until = self._loop.time() + grace_s
        with CancelScope(shield=True):
            while self._owners and self._loop.time() < until:
                self._gone = gone = self._loop.create_future()
                timer = self._loop.call_at(until, _wake, gone)
                try:
                    await gone
                except asyncio.CancelledError as error:
                    cancelled = error
                finally:
                    timer.cancel()
        for owner in list(self._owners.values()):
            owner.leave()
        if cancelled is not None:
            raise cancelled

    def _ended(self, task: asyncio.Task[None]) -> None:
        is_left = self._owners.pop(task, None) is None
        if not self._owners and self._gone is not None:
            _wake(self._gone)
        error = None if task.cancelled() else task.exception()
        if error is not None and not is_left and not isinstance(error, _EXITS):  # those have left the loop already
            self._on_error(error)


class _Held:
    """Something that goes on beside the handlers."""

    __slots__ = ("_hold", "_on_left", "_tasks")

    def __init__(self, tasks: Tasks, hold: Hold, on_left: Callable[[], object]) -> None:
        self._tasks = tasks
        self._hold = hold
        self._on_left = on_left

    def cancel(self) -> None:
        self._hold.cancel()

    def leave(self) -> None:
        self._hold.let_go()
        self._tasks.leave(self)
        self._on_left()


async def _run(work: Callable[[], Coroutine[Any, Any, None]], hold: Hold) -> None:
    with hold:
        await work()


def _wake(gone: asyncio.Future[None]) -> None:
    if not gone.done():
        gone.set_result(None)
