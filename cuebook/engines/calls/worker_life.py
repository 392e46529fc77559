"""The user's Worker from `setup` to `teardown`, and the initializer before it, plain or in coroutines. Knows no call.

Light: imported by worker processes at start. An event loop loads with the first coroutine function.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from cuebook.children.failure_text import traceback_text

if TYPE_CHECKING:
    import asyncio

__all__ = ["OwnWorker", "WorkerLife", "is_coroutine_function", "report"]

CO_COROUTINE = 0x80
"""`inspect.CO_COROUTINE`, without the import."""


class WorkerLife:
    """One instance of the user's Worker class, for which `live` is all that is done beside its calls.

    `setup` and `teardown` run in one task, so that what the one enters (a task group, a time-out) the other may leave.

    Args:
        worker_class: the user's; None: there is only the initializer.
        initializer: called before the instance is made; None: nothing is.
        loop: where `live` will run.

    Attributes:
        begun: done when the instance is set up; raises what kept it from that.
        context: the context variables as `setup` has left them; calls go on from there.
    """

    def __init__(
        self, worker_class: type | None, initializer: Callable[[], Any] | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        import asyncio

        self.instance: Any = None
        self.begun: asyncio.Future[None] = loop.create_future()
        self._worker_class = worker_class
        self._initializer = initializer
        self.context = copy_context()
        self._over = asyncio.Event()

    @property
    def has_failed(self) -> bool:
        """Whether it never began: something raised."""
        return self.begun.done() and (self.begun.cancelled() or self.begun.exception() is not None)

    def end(self) -> None:
        """Let `live` come to its end."""
        self._over.set()

    async def live(self) -> None:
        """Set up, wait for `end`, tear down. What `setup` raises is for `begun`; `teardown` is awaited in any case."""
        try:
            await self._begin()
        except BaseException as error:
            if not self.begun.done():
                self.begun.set_exception(error)
                self.begun.exception()  # it may be that nobody asks any more
            return
        self.context = copy_context()
        self.begun.set_result(None)
        try:
            await self._over.wait()
        finally:
            try:
                await _awaited(getattr(self.instance, "teardown", None))
            except (Exception, SystemExit) as error:
                report(error)

    async def _begin(self) -> None:
        await _awaited(self._initializer)
        if self._worker_class is not None:
            self.instance = self._worker_class()
            await _awaited(getattr(self.instance, "setup", None))


async def _awaited(function: Callable[[], Any] | None) -> None:
    value: Any = None if function is None else function()
    if hasattr(value, "__await__"):
        await value


class OwnWorker:
    """The Worker that one process or thread has to itself; its coroutines run on a loop of its own, as calls do.

    Args:
        func: the function that it will run.
        worker_class, initializer: as for WorkerLife.

    Attributes:
        instance: the user's Worker, None where there is none.
        runner: the loop; None where nothing here is a coroutine function.
    """

    def __init__(
        self, func: Callable[..., Any], worker_class: type | None, initializer: Callable[[], Any] | None
    ) -> None:
        self.instance: Any = None
        self.runner: asyncio.Runner | None = None
        self._worker_class = worker_class
        self._initializer = initializer
        self._life: WorkerLife | None = None
        self._task: asyncio.Task[None] | None = None
        methods = [getattr(worker_class, name, None) for name in ("setup", "run", "teardown")]
        if any(map(is_coroutine_function, (func, initializer, *methods))):
            import asyncio

            self.runner = asyncio.Runner()

    def call_context(self) -> Context:
        """A context for one call that is a coroutine: as `setup` has left it."""
        return copy_context() if self._life is None else self._life.context.copy()

    def begin(self) -> None:
        """Set up; raises what the user's code raises, and then there is nothing to end."""
        if self.runner is not None:
            self._begin_on(self.runner.get_loop())
            return
        if self._initializer is not None:
            self._initializer()
        if self._worker_class is not None:
            self.instance = self._worker_class()
            self.instance.setup()

    def _begin_on(self, loop: asyncio.AbstractEventLoop) -> None:
        self._life = life = WorkerLife(self._worker_class, self._initializer, loop)
        self._task = loop.create_task(life.live(), name="cuebook-worker-life")
        try:
            loop.run_until_complete(life.begun)
        except BaseException:
            self._close()
            raise
        self.instance = life.instance

    def end(self) -> None:
        """Tear down; what that raises (SystemExit too) is printed, not passed on."""
        if self._life is None and self.instance is not None:
            try:
                self.instance.teardown()
            except (Exception, SystemExit) as error:
                report(error)
        elif self._life is not None and self._task is not None and self.runner is not None:
            self._life.end()
            with suppress(Exception, SystemExit):  # reported where it was raised
                self.runner.get_loop().run_until_complete(self._task)
        self._close()

    def _close(self) -> None:
        if self.runner is not None:
            try:
                self.runner.close()
            except (Exception, SystemExit) as error:
                report(error)


def report(error: BaseException) -> None:
    """What the user's `teardown` raised is printed: no call is there that could fail."""
    with suppress(Exception):  # a call may have closed it
        sys.stderr.write(traceback_text(error))


def is_coroutine_function(func: Any) -> bool:
    """Whether calling `func` gives a coroutine: also for partials, methods and objects with an async `__call__`.

    An object that has every attribute (a mock) is none.
    """
    while isinstance(func, partial):
        func = func.func
    for candidate in (func, getattr(type(func), "__call__", None)):  # noqa: B004 - the class's, not the object's
        plain = candidate.__func__ if isinstance(candidate, MethodType) else candidate
        if isinstance(plain, FunctionType) and plain.__code__.co_flags & CO_COROUTINE:
            return True
    return False
