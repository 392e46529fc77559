"""A loop in a thread of its own, for the synchronous faces: it works where a loop is already running. Knows no run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from cuebook.children.threads import join, until_gone
from cuebook.runtime.tasks.leaving import leave_behind

__all__ = ["LoopThread"]

T = TypeVar("T")
_NOTE = "cuebook could not start the thread of its event loop: see the limits of threads, memory and open files"
ABANDON_S = 1.0
"""How long the loop's last tasks may take to end, in seconds."""


class LoopThread:
    """Starts with the first `submit`; ends with `close`, or with the program's main thread.

    Attributes:
        is_brief: the main thread waits until it has closed it, so its end need not be watched for.
        at_exit: called on the loop when the main thread ends before `close`; then the loop's tasks may end.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._stop: asyncio.Event | None = None
        self._serving: asyncio.Task[Any] | None = None
        self._error: BaseException | None = None
        self.is_brief = self._ends_with_main = False
        self._beside: list[int] = []
        self.at_exit: Callable[[], None] | None = None

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the loop; returns at once.

        Raises:
            RuntimeError, OSError, MemoryError: the thread or its loop cannot be started: too few threads, descriptors
                or too little memory. The next `submit` tries again.
        """
        try:
            return asyncio.run_coroutine_threadsafe(work, self._running())
        except BaseException:
            work.close()
            raise

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function on the loop, soon; does nothing once the loop is closed. Safe in a signal handler."""
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(function, *args)
            except RuntimeError:
                return

    def has_left(self) -> bool:
        """Whether the loop ends, or has ended, because the main thread of the program has: it has to be closed then."""
        if not self._ends_with_main or threading.main_thread().is_alive():
            return False
        if _watcher is not None:
            _watcher.join()
        return True

    def close(self) -> None:
        """Stop the loop and wait for its thread."""
        self._ends_with_main = False
        thread, self._thread = self._thread, None
        if thread is None:
            return
        assert self._stop is not None
        self.call(self._stop.set)
        if thread is not threading.current_thread():
            join(thread)
            while self._beside:
                until_gone(self._beside.pop())

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._thread is None:
            self._started.clear()
            thread = threading.Thread(target=self._run, name="cuebook-loop", daemon=True)
            try:
                thread.start()
            except BaseException as error:
                error.add_note(_NOTE)
                raise
            self._thread = thread
            self._started.wait()
        if self._loop is not None:
            return self._loop
        self._thread = None
        if self._error is None:
            raise RuntimeError("the event loop has ended with the main thread of the program")
        self._error.add_note(_NOTE)
        raise self._error

    def _run(self) -> None:
        self._error = None
        try:
            loop = asyncio.new_event_loop()
        except BaseException as error:
            self._error = error
            self._started.set()
            return
        self._run_on(loop)

    def _run_on(self, loop: asyncio.AbstractEventLoop) -> None:
        executor = _executor(self._beside)
        if executor is not None:
            loop.set_default_executor(executor)
        try:
            asyncio.set_event_loop(loop)
            _run_through(loop, self._serve())
            _run_through(loop, _end_tasks())
            loop.run_until_complete(loop.shutdown_asyncgens())
            if executor is not None:
                _end_threads(executor)
        except BaseException as error:
            if self._started.is_set():
                raise
            self._error = error  # whoever waits for the start raises it
        finally:
            _open.discard(self)
            self._loop = None
            self._started.set()
            asyncio.set_event_loop(None)
            loop.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._serving = asyncio.current_task()
        if not self.is_brief and threading.main_thread().is_alive():
            self._ends_with_main = True
            _enroll(self)
        self._started.set()
        await self._stop.wait()

    def main_has_ended(self) -> None:
        """What was left open closes itself, so that the interpreter's exit never hangs."""
        loop = self._loop
        if loop is not None:
            self.call(lambda: loop.create_task(self._leave()))

    async def _leave(self) -> None:
        if self.at_exit is not None:
            self.at_exit()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            serving = {task for task in others if task is not self._serving}
            if serving:
                await asyncio.wait(serving, timeout=10.0)
        if self._stop is not None:
            self._stop.set()


_open: set[LoopThread] = set()
_watching = 0
_watcher: threading.Thread | None = None
_lock = threading.Lock()


def _enroll(thread: LoopThread) -> None:
    """Have the loop told when the main thread ends; one thread of the process (and of a fork of it) watches for all."""
    global _watching, _watcher
    with _lock:
        _open.add(thread)
        if _watching != os.getpid():
            _watcher = threading.Thread(target=_watch_main, name="cuebook-watch", daemon=True)
            _watcher.start()
            _watching = os.getpid()


def _watch_main() -> None:
    threading.main_thread().join()
    for thread in list(_open):
        thread.main_has_ended()


def _run_through(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to its end. A SystemExit in a task reaches whoever waits for that task; asyncio would also leave the
    loop with it, and with that every other task.
    """
    task = loop.create_task(work)
    while not task.done():
        with contextlib.suppress(SystemExit, KeyboardInterrupt):
            loop.run_until_complete(task)


def _executor(threads: list[int]) -> Any:
    """The threads of a loop, whose numbers are noted; None once the main thread has ended, as none may start then."""
    try:
        from concurrent.futures import ThreadPoolExecutor
    except RuntimeError:
        return None
    initializer = lambda: threads.append(threading.get_native_id())  # noqa: E731
    return ThreadPoolExecutor(thread_name_prefix="asyncio", initializer=initializer)


def _end_threads(executor: Executor) -> None:
    """Let the threads end that calls have used with `asyncio.to_thread`; one that is stuck is left behind."""
    ending = threading.Thread(target=executor.shutdown, kwargs={"cancel_futures": True}, daemon=True)
    try:
        ending.start()
    except RuntimeError:  # too many threads
        executor.shutdown(wait=False, cancel_futures=True)
    else:
        ending.join(ABANDON_S)


async def _end_tasks() -> None:
    """Cancel what still runs; what ignores that is left behind, or the loop's thread would never end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        _, left = await asyncio.wait(tasks, timeout=ABANDON_S)
        for task in left:
            leave_behind(task)
