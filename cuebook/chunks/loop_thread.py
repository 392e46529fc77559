"""A loop in a thread of its own, for the synchronous faces: it works where a loop is already running. Knows no run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

__all__ = ["LoopThread"]

T = TypeVar("T")


class LoopThread:
    """Starts with the first `submit`; ends with `close`, or with the program's main thread.

    Attributes:
        at_exit: called on the loop when the main thread ends before `close`; then the loop's tasks may end.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._serving: asyncio.Task[Any] | None = None
        self.at_exit: Callable[[], None] | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop; returns at once."""
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function on the loop, soon; does nothing once the loop is closed. Safe in a signal handler."""
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(function, *args)
            except RuntimeError:
                return

    def close(self) -> None:
        """Stop the loop and wait for its thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        assert self._stop is not None
        self.call(self._stop.set)
        if thread is not threading.current_thread():
            thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._thread is None:
            self._started.clear()
            self._thread = threading.Thread(target=self._run, name="cuebook-loop", daemon=True)
            self._thread.start()
            self._started.wait()
        assert self._loop is not None
        return self._loop

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._loop = None
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._serving = asyncio.current_task()
        threading.Thread(target=self._watch_main, args=(self._loop,), name="cuebook-watch", daemon=True).start()
        self._started.set()
        await self._stop.wait()

    def _watch_main(self, loop: asyncio.AbstractEventLoop) -> None:
        """When the main thread ends, what was left open closes itself, so that the interpreter's exit never hangs."""
        threading.main_thread().join()
        try:
            loop.call_soon_threadsafe(lambda: loop.create_task(self._leave()))
        except RuntimeError:
            return

    async def _leave(self) -> None:
        if self.at_exit is not None:
            self.at_exit()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            serving = {task for task in others if task is not self._serving}
            if serving:
                await asyncio.wait(serving, timeout=10.0)
        if self._stop is not None:
            self._stop.set()
