"""The synchronous faces: chunk() and Chunker. They run a Runtime on a loop in a thread of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from cuebook.chunks.interruption import Watch, as_exit, watched_signals
from cuebook.chunks.loop_thread import LoopThread
from cuebook.chunks.options import make_options
from cuebook.chunks.runtime import Runtime
from cuebook.runtime.errors import RunStopped

__all__ = ["Chunker", "WarmWorkers", "chunk"]

_NOT_GIVEN: Any = object()


class WarmWorkers:
    """The workers of a Chunker: they stay warm between calls and may outlive it, given as `actors=` to another one.

    Args:
        count: how many there are.
        worker_class: the user's Worker class, or None.
    """

    def __init__(self, count: int, worker_class: type | None) -> None:
        self.worker_class = worker_class
        self._count = count
        self._thread = LoopThread()
        self._runtime: Runtime | None = None
        self._life: Future[None] | None = None
        self._leave: Callable[[], None] = lambda: None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<WarmWorkers {self._count}, {'open' if self._runtime is not None else 'not started'}>"

    def close(self) -> None:
        """Let the workers quit; the next use starts fresh ones."""
        with self._lock:
            life, self._life, self._runtime = self._life, None, None
            if life is not None:
                self._thread.call(self._leave)
                life.result()
            self._thread.close()

    def runtime(self) -> Runtime:
        """The runtime that they belong to, opened when first asked for."""
        with self._lock:
            if self._runtime is None:
                opened: Future[Runtime] = Future()
                self._life = self._thread.submit(self._live(opened))
                self._life.add_done_callback(lambda life: _pass_on(life, opened))
                self._runtime = opened.result()
            return self._runtime

    async def _live(self, opened: Future[Runtime]) -> None:
        """The life of the runtime, in one task from its beginning to its end."""
        end = asyncio.Event()
        self._leave = end.set
        self._thread.at_exit = self._leave
        async with Runtime() as runtime:
            opened.set_result(runtime)
            await end.wait()

    @property
    def thread(self) -> LoopThread:
        """Where the runtime's loop runs."""
        return self._thread


class Chunker:
    """`chunk()` with workers that stay warm between calls; a context manager.

    Args:
        func: the function; a call may name another one.
        actors, chunk_size, progress_bar, path: as for `chunk()`: the defaults of every call.
        options: any other keyword of `chunk()`.

    Attributes:
        actors: the warm workers, to be handed to another Chunker or to `chunk()`; they may outlive this one.

    Raises:
        TypeError, ValueError: an option is wrong.
    """

    def __init__(
        self,
        func: Callable[..., Any] | None = None,
        actors: Any = None,
        chunk_size: int | None = None,
        progress_bar: bool | None = None,
        path: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> None:
        self.func = func
        self.progress_bar = progress_bar
        self.path = path
        self._options = options
        chosen = make_options(actors=actors, chunk_size=chunk_size, **options)
        self.chunk_size = chosen.chunk_size
        self._owns_actors = not isinstance(actors, WarmWorkers)
        self.actors = WarmWorkers(chosen.chunk_size, chosen.worker_class) if self._owns_actors else actors

    def __repr__(self) -> str:
        name = getattr(self.func, "__name__", None)
        return f"<Chunker {name or 'of any function'}, {self.chunk_size} workers, path={self.path!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the workers quit, unless they were given by someone else."""
        if self._owns_actors:
            self.actors.close()

    def __call__(
        self,
        parameters: Iterable[Any],
        func: Callable[..., Any] | None = None,
        progress_bar: bool | None = None,
        path: Any = _NOT_GIVEN,
    ) -> list[Any]:
        """Call the function with each item of `parameters`; the results in the order of the parameters.

        Args:
            parameters: as for `chunk()`.
            func: in place of the Chunker's own, for this call.
            progress_bar, path: in place of the Chunker's own.

        Raises:
            as `chunk()`.
        """
        chosen = self.func if func is None else func
        if chosen is None:
            raise TypeError("no function: give func to the Chunker, or to this call")
        options = {**self._options, "actors": self.actors}
        return _run(
            self.actors,
            chosen,
            parameters,
            path=self.path if path is _NOT_GIVEN else path,
            progress_bar=self.progress_bar if progress_bar is None else progress_bar,
            **options,
        )


def chunk(
    func: Callable[..., Any] | None,
    parameters: Iterable[Any],
    actors: Any = None,
    chunk_size: int | None = None,
    progress_bar: bool | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    batch: int | None = None,
    where: str = "process",
    retries: int = 0,
    backoff: Any = 0.1,
    timeout: float | None = None,
    memory_limit: int | str | None = None,
    errors: str = "raise",
    reuse: str = "calls",
    version: str | None = None,
    depends: Any = (),
    pickle: bool = True,
    keep_arguments: bool = True,
    recycle_after: int | None = None,
    time_limit: float | None = None,
    stop_at: Any = None,
) -> list[Any]:
    """Call `func` with each item of `parameters`, in parallel, and keep every result as it completes.

    With `path`, a run that was killed, crashed or interrupted continues where it stopped when the same program runs
    again, and never repeats a call that it finished (whose result had been committed; what was running is run again).

    Args:
        func: any callable: function, lambda, closure, method, partial, callable object, coroutine function; defined
            in a script's `__main__`, in a notebook or in a module. No main guard is needed.
        parameters: an iterable, also without end, of one call's arguments each: a list or tuple, or a dict of
            keyword arguments.
        actors: a subclass of `Worker` (state of its own in each worker), or the `.actors` of a `Chunker`.
        chunk_size: how many calls run at once. Default: the CPUs that this process may use; four times that for
            threads, 100 for coroutines.
        progress_bar: None or True: shown on standard error when that is a terminal; False: never.
        path: the journal file, created with its folders. None: nothing is kept.
        batch: calls in one message to a worker. Default: adapted to how long they take.
        where: "process", "thread" or "async".
        retries: further attempts after an exception or a time-out.
        backoff: seconds before the second attempt, doubled for each further one up to 60; or a function from the
            attempt's number (2, 3, ...) to seconds.
        timeout: seconds that one attempt may take; a process is killed and replaced, a coroutine cancelled, a thread
            abandoned.
        memory_limit: bytes (or "2GB") that a worker process may use; beyond, the call fails with MemoryError.
        errors: "raise": the first failure ends the run when running calls are done; "collect": the failed call's
            place holds the CallFailed.
        reuse: "calls": a result is reused wherever the same function was called with the same arguments in this
            journal; "run": only by a run with the same function and the same list.
        version: stands in for the function's fingerprint: you decide when old results stop counting.
        depends: what else the results depend on: objects by value, functions by code, `pathlib.Path` by content.
        pickle: False: a value that is kept only by pickle fails its call.
        keep_arguments: False: the journal keeps digests of the arguments, not the arguments.
        recycle_after: calls after which a worker is replaced by a fresh one.
        time_limit: seconds after which the run must be over: it stops in time, as Ctrl-C does.
        stop_at: a datetime by which it must be over.

    Returns:
        The results, in the order of the parameters.

    Raises:
        CallFailed: a call failed (with `errors="raise"`); every finished call is kept.
        JournalError: the journal cannot be used; what was committed stays readable.
        TypeError, ValueError: wrong use; nothing was started.
        KeyboardInterrupt: Ctrl-C or a time limit; SystemExit: SIGTERM; what is finished is kept.

    Cost: 1 to 3 us a call where calls are short and travel in batches; about 0.2 s to start worker processes.
    """
    options = {
        "batch": batch,
        "where": where,
        "retries": retries,
        "backoff": backoff,
        "timeout": timeout,
        "memory_limit": memory_limit,
        "errors": errors,
        "reuse": reuse,
        "version": version,
        "depends": depends,
        "pickle": pickle,
        "keep_arguments": keep_arguments,
        "recycle_after": recycle_after,
        "time_limit": time_limit,
        "stop_at": stop_at,
    }
    if func is None:
        raise TypeError("no function: chunk(func, parameters) calls func(*item) for each item of parameters")
    chunker = Chunker(func, actors, chunk_size, progress_bar, path, **options)
    with chunker:
        return chunker(parameters)


def _run(workers: WarmWorkers, func: Callable[..., Any], parameters: Iterable[Any], **options: Any) -> list[Any]:
    """One run on the workers' loop, from any thread; signals are watched in the main thread."""
    loop = workers.thread
    runtime: list[Runtime] = []

    def on_signal(number: int, count: int) -> None:
        name = "interrupted" if number == signal.SIGINT else "terminated"
        loop.call(lambda: runtime[0].interrupt(name, count) if runtime else None)

    watch = Watch(on_signal)
    with watched_signals(watch):
        runtime.append(workers.runtime())
        runtime[0].resume()
        future = loop.submit(runtime[0].chunk(func, parameters, **options))
        if watch.count:
            on_signal(watch.first or signal.SIGINT, watch.count)
        try:
            return _wait(future)
        except RunStopped as stopped:
            raised = as_exit(stopped, watch.first)
        except BaseException:
            if not future.done():
                loop.call(runtime[0].interrupt, "interrupted", 1)
                _wait_quietly(future)
            raise
    raise raised from None


def _pass_on(life: Future[None], opened: Future[Runtime]) -> None:
    """Whoever waits for a runtime that could not be opened hears why."""
    error = life.exception()
    if not opened.done():
        opened.set_exception(error or RuntimeError("the runtime was closed while it was opened"))


def _wait(future: Any) -> list[Any]:
    """Wait so that a signal handler of the program may raise here."""
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    done.wait()
    result: list[Any] = future.result()
    return result


def _wait_quietly(future: Any) -> None:
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    done.wait(timeout=10.0)
