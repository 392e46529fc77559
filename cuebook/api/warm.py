"""Warm workers: a runtime on a loop in a thread of its own, and how the synchronous faces run on it and wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from cuebook.api.loop_thread import LoopThread
from cuebook.api.runtime import Runtime
from cuebook.api.signals.interruption import SignalWatch, as_exit, name_of_stop, watched_signals
from cuebook.children.importing import imports_pass
from cuebook.children.program.program import take_program, taken
from cuebook.children.spawner import spawner
from cuebook.errors import CuebookError, RunStopped

__all__ = ["WarmWorkers", "run_on"]

SIGNALS_S = 0.5
"""How often the waiting main thread looks after signals, in seconds."""


class WarmWorkers:
    """The workers of a Chunker: they stay warm between calls and may outlive it, given as `actors=` to another one.

    Args:
        count: how many there are; with `workers_max` at first.
        worker_class: the user's Worker class, or None.
    """

    def __init__(self, count: int, worker_class: type | None, workers_max: int | None = None) -> None:
        self.workers_max = workers_max
        self.worker_class = worker_class
        self._count = count
        self._thread = LoopThread()
        self._runtime: Runtime | None = None
        self._life: Future[None] | None = None
        self._leave: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<WarmWorkers {self._count}, {'open' if self._runtime is not None else 'not started'}>"

    def close(self) -> None:
        """Let the workers quit; the next use starts fresh ones."""
        self._forget_if_forked()
        with self._lock:
            life, self._life, self._runtime = self._life, None, None
            try:
                if life is not None:
                    self._thread.call(self._leave)
                    with contextlib.suppress(CuebookError):  # what it failed with, its runs were told
                        life.result()
            finally:
                self._thread.close()

    def runtime(self) -> Runtime:
        """The runtime that they belong to, opened when first asked for."""
        self._forget_if_forked()
        if self._thread.has_left():
            self.close()
        with self._lock:
            if self._runtime is None:
                opened: Future[Runtime] = Future()
                self._life = self._thread.submit(self._live(opened))
                self._life.add_done_callback(lambda life: _pass_on(life, opened))
                self._runtime = opened.result()
            return self._runtime

    def _forget_if_forked(self) -> None:
        """In a process that was forked the loop does not run, and the workers are its parent's."""
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.Lock()
            self._thread, self._runtime, self._life = LoopThread(), None, None

    async def _live(self, opened: Future[Runtime]) -> None:
        """The life of the runtime, in one task from its beginning to its end."""
        end = asyncio.Event()
        self._leave = end.set
        self._thread.at_exit = self._leave
        async with Runtime(blocking_s=None) as runtime:
            opened.set_result(runtime)
            await end.wait()
            await runtime.stop("the program ended")

    @property
    def thread(self) -> LoopThread:
        """Where the runtime's loop runs."""
        self._forget_if_forked()
        return self._thread


def run_on(
    workers: WarmWorkers, func: Callable[..., Any], parameters: Iterable[Any], *, closes: bool, **options: Any
) -> list[Any]:
    """One run on the workers' loop, from any thread; in the main thread SIGINT and SIGTERM are watched to the end.

    Args:
        closes: whether the workers quit with the run.
    """
    loop = workers.thread
    loop.is_brief = closes and threading.current_thread() is threading.main_thread()
    runtime: list[Runtime] = []

    def on_signal(number: int, count: int) -> None:
        loop.call(lambda: runtime[0].interrupt(name_of_stop(number), count) if runtime else None)

    watch = SignalWatch(on_signal)
    with imports_pass(), watched_signals(watch):
        try:
            runtime.append(workers.runtime())
            runtime[0].resume()
            taken.set(take_program())
            try:
                future = loop.submit(runtime[0].chunk(func, parameters, **options))
            finally:
                taken.set(None)
            if watch.count:
                on_signal(watch.first or signal.SIGINT, watch.count)
            return _waited(future, lambda: loop.call(runtime[0].interrupt, "interrupted", 1))
        except RunStopped as stopped:
            raised = as_exit(stopped, watch.first)
        except Exception as error:
            raised = error.with_traceback(None)  # what lies between is ours, and tells the user nothing
        finally:
            spawner().dismiss()
            if closes:
                workers.close()
                spawner().rest()
    raise raised from raised.__cause__


def _pass_on(life: Future[None], opened: Future[Runtime]) -> None:
    """Whoever waits for a runtime that could not be opened hears why."""
    error = life.exception()
    if not opened.done():
        opened.set_exception(error or RuntimeError("the runtime was closed while it was opened"))


def _waited(future: Future[list[Any]], interrupt: Callable[[], None]) -> list[Any]:
    """The result; a signal handler of the program's own may raise here, and then the run is stopped first."""
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    try:
        # A signal that comes just before the wait begins does not end it: its handler would wait as long.
        while not done.wait(SIGNALS_S):
            pass
    except BaseException:
        interrupt()
        done.wait(timeout=10.0)
        raise
    return future.result()
