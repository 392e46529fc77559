"""Runs one test on a loop of its own: opens what it asked for, closes it, looks at what is left. Knows no pytest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from cuebook.testing.leftovers import actors_alive, child_processes, new_processes, tasks_alive
from cuebook.testing.virtual_time import VirtualTimeLoop

__all__ = ["LeftBehind", "Stage"]

_SETTLING_TURNS = 5


class LeftBehind(AssertionError):
    """A test passed, and left something behind that outlives it.

    Attributes:
        what: actors, tasks, child processes, and errors that nobody saw.
    """

    def __init__(self, what: list[str]) -> None:
        self.what = tuple(what)
        super().__init__("the test left behind:\n" + "\n".join(f"- {each}" for each in what))


class Stage:
    """Where one test runs.

    Attributes:
        is_virtual: whether time is virtual.
    """

    def __init__(self) -> None:
        self.is_virtual = False
        self._doors: list[AbstractAsyncContextManager[Any]] = []

    def add(self, door: AbstractAsyncContextManager[Any]) -> None:
        """Open this before the test, in order, and close it after, in reverse."""
        self._doors.append(door)

    def run(self, scene: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run the test.

        Raises:
            LeftBehind: it passed and left something behind.
            BaseException: what the test, or the end of what it was given, raised.
        """
        before = child_processes()
        with asyncio.Runner(loop_factory=VirtualTimeLoop if self.is_virtual else None) as runner:
            left = runner.run(self._play(scene))
        left += new_processes(before)
        if left:
            raise LeftBehind(left)

    async def _play(self, scene: Callable[[], Coroutine[Any, Any, Any]]) -> list[str]:
        loop = asyncio.get_running_loop()
        unseen: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: unseen.append(context))
        known = asyncio.all_tasks()
        async with AsyncExitStack() as doors:
            for door in self._doors:
                await doors.enter_async_context(door)
            await scene()
        for _ in range(_SETTLING_TURNS):
            await asyncio.sleep(0)
        errors = [f"an error that nobody saw: {each.get('exception') or each.get('message')!r}" for each in unseen]
        return [*actors_alive(loop), *tasks_alive(known), *errors]
