"""A current task for code that runs in none: libraries look for one, and find their loop by it. Knows no actor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["StandIn"]

_enter: Callable[..., Any] | None = getattr(asyncio.tasks, "_enter_task", None)
_leave: Callable[..., Any] | None = getattr(asyncio.tasks, "_leave_task", None)
"""Documented for those who write tasks of their own. Where they are gone, there is no current task, as elsewhere in
callbacks.
"""


class StandIn:
    """A task that has ended: it can be looked at, but not cancelled, awaited or found among the tasks of the loop.

    Parameters:
        loop: whose current task it is, between `enter` and `leave`.
    """

    __slots__ = ("_loop", "_task")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[None] | None = None

    def enter(self) -> None:
        """Be the current task. Only where there is none."""
        if _enter is not None and _leave is not None:
            _enter(self._loop, self._task or self._made())

    def leave(self) -> None:
        """Be it no more."""
        if _enter is not None and _leave is not None:
            _leave(self._loop, self._task)

    def _made(self) -> asyncio.Task[None]:
        self._task = asyncio.Task(_nothing(), loop=self._loop, name="cuebook")
        return self._task


async def _nothing() -> None:
    """Ends with its first step."""
