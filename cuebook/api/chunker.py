"""The synchronous faces: chunk() and Chunker. They run a Runtime on a loop in a thread of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, cast, overload

from cuebook.api.rehearsal import Plan, rehearse, rehearsed, rehearsed_runs
from cuebook.api.saved_settings import with_saved
from cuebook.children.spawner import spawner
from cuebook.chunks.options import (
    KeywordOptions,
    Options,
    RunOptions,
    check_flag,
    check_function,
    check_workers,
    make_options,
    merged,
    takes_options,
)
from cuebook.engines.registry import ProcessEngine
from cuebook.stages.stage_run import items_journal

if TYPE_CHECKING:
    from cuebook.api.warm import WarmWorkers
    from cuebook.chunks.sinks import Done

__all__ = ["Chunker", "chunk", "stream"]

_NOT_GIVEN: Any = object()


class Chunker:
    """`chunk()` with workers that stay warm between calls; a context manager.

    Args:
        func: the function; a call may name another one.
        actors, chunk_size, progress_bar, path: as for `chunk()`: the defaults of every call.
        options: any other keyword of `chunk()`, `workers` and `worker` first of all.

    Attributes:
        actors: the warm workers, to be handed to another Chunker or to `chunk()`; they may outlive this one.
        chunk_size: how many they are; with "auto" at first.

    Raises:
        TypeError, ValueError: an option is wrong.
    """

    _is_brief = False

    @takes_options
    def __init__(
        self,
        func: Callable[..., Any] | None = None,
        actors: Any = None,
        chunk_size: int | Literal["auto"] | None = None,
        progress_bar: bool | None = None,
        path: str | os.PathLike[str] | None = None,
        **options: Unpack[KeywordOptions],
    ) -> None:
        _check_time()
        self.func = func
        self.progress_bar = check_flag("progress_bar", progress_bar, none=True)
        self.path = path
        if func is not None and actors is None and chunk_size is None:
            options = cast("KeywordOptions", with_saved(func, cast("RunOptions", options)))
        self._options = options
        chosen = make_options(actors=actors, chunk_size=chunk_size, **options)
        self.chunk_size = chosen.chunk_size
        self._chosen = chosen
        self._owns_actors = actors is None or isinstance(actors, type)
        self._actors = None if self._owns_actors else actors

    def __repr__(self) -> str:
        name = getattr(self.func, "__name__", None)
        return f"<Chunker {name or 'of any function'}, {self.chunk_size} workers, path={self.path!r}>"

    @property
    def actors(self) -> WarmWorkers:
        """The warm workers."""
        if self._actors is None:
            from cuebook.api.warm import WarmWorkers  # the runtime: 0.15 s, in which worker processes boot

            self._actors = WarmWorkers(self.chunk_size, self._chosen.worker_class, self._chosen.workers_max)
        return self._actors

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the workers quit, unless they were given by someone else."""
        if self._owns_actors and self._actors is not None:
            self._actors.close()

    @overload
    def __call__(
        self,
        parameters: Iterable[Any],
        func: Callable[..., Any] | None = None,
        progress_bar: bool | None = None,
        path: Any = _NOT_GIVEN,
        *,
        dry_run: Literal[False] = False,
    ) -> list[Any]: ...

    @overload
    def __call__(
        self,
        parameters: Iterable[Any],
        func: Callable[..., Any] | None = None,
        progress_bar: bool | None = None,
        path: Any = _NOT_GIVEN,
        *,
        dry_run: Literal[True],
    ) -> Plan: ...

    def __call__(
        self,
        parameters: Iterable[Any],
        func: Callable[..., Any] | None = None,
        progress_bar: bool | None = None,
        path: Any = _NOT_GIVEN,
        *,
        dry_run: bool = False,
    ) -> list[Any] | Plan:
        """Call the function with each item of `parameters`; the results in the order of the parameters.

        Args:
            parameters: as for `chunk()`.
            func: in place of the Chunker's own, for this call.
            progress_bar, path: in place of the Chunker's own.
            dry_run: as for `chunk()`.

        Raises:
            as `chunk()`.
        """
        chosen = self._func(func)
        if check_flag("dry_run", dry_run):
            return rehearse(chosen, parameters, self._chosen, self._chosen_path(path))
        if rehearsed_runs:
            return [done.value for done in self._rehearsed(chosen, parameters, path)]
        options = self._prepared(parameters, chosen, path, progress_bar)
        from cuebook.api.warm import run_on

        with _said_if_late():
            return run_on(self.actors, chosen, parameters, closes=self._is_brief and self._owns_actors, **options)

    def stream(
        self,
        parameters: Iterable[Any],
        func: Callable[..., Any] | None = None,
        *,
        progress_bar: bool | None = None,
        path: Any = _NOT_GIVEN,
        ordered: bool = False,
    ) -> Iterator[Done]:
        """The same, each call as soon as it is done: see `stream()`. It starts with the first item that is asked for.

        Args:
            parameters, func, progress_bar, path: as for a call of the Chunker.
            ordered: as for `stream()`.
        """
        chosen = self._func(func)
        check_function(chosen, self._chosen.engine, self._chosen.worker_class)
        check_flag("ordered", ordered)
        if rehearsed_runs:
            return iter(self._rehearsed(chosen, parameters, path))
        options = self._prepared(None, chosen, path, progress_bar)
        from cuebook.api.streaming import stream_on

        closes = self._is_brief and self._owns_actors
        return stream_on(self.actors, chosen, parameters, closes=closes, ordered=ordered, **options)

    def _chosen_path(self, path: Any) -> Any:
        """Where a run is kept: inside of a stage, also where nobody says so."""
        chosen = self.path if path is _NOT_GIVEN else path
        return items_journal() if chosen is None else chosen

    def _func(self, func: Callable[..., Any] | None) -> Callable[..., Any]:
        chosen = self.func if func is None else func
        if chosen is None:
            raise TypeError("no function: give func to the Chunker, or to this call")
        return chosen

    def _rehearsed(self, func: Callable[..., Any], parameters: Iterable[Any], path: Any) -> list[Done]:
        return rehearsed(func, parameters, self._chosen, self._chosen_path(path))

    def _prepared(self, parameters: Any, func: Any, path: Any, progress_bar: bool | None) -> dict[str, Any]:
        """The options of one run; without parameters no worker is started ahead of it."""
        _check_time()
        path = self._chosen_path(path)
        check_workers(func, self._chosen, parameters)
        if self._actors is None and callable(func) and parameters is not None:
            _stand_by(self._chosen, parameters, path)
        bar = self.progress_bar if progress_bar is None else progress_bar
        return {**merged(self._options, {"actors": self.actors, "chunk_size": None}), "path": path, "progress_bar": bar}


_FINALIZING = (
    "no calls can be made any more: the interpreter is being taken apart. What atexit calls comes before that; "
    "a __del__ may come after it"
)
_ENDED = (
    "no calls can be made any more: the main thread has ended, and this release of Python starts no others after that. "
    "Make them before, or with another release"
)


def _check_time() -> None:
    if sys.is_finalizing():
        raise RuntimeError(_FINALIZING)


@contextmanager
def _said_if_late() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, OSError) as error:
        if "at interpreter shutdown" not in str(error):
            raise
        raise RuntimeError(_ENDED) from error


class _Brief(Chunker):
    """A Chunker that lives for one call: its workers quit with it."""

    _is_brief = True


@overload
def chunk(
    func: Callable[..., Any] | None,
    parameters: Iterable[Any],
    actors: Any = None,
    chunk_size: int | Literal["auto"] | None = None,
    progress_bar: bool | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    dry_run: Literal[False] = False,
    **options: Unpack[KeywordOptions],
) -> list[Any]: ...


@overload
def chunk(
    func: Callable[..., Any] | None,
    parameters: Iterable[Any],
    actors: Any = None,
    chunk_size: int | Literal["auto"] | None = None,
    progress_bar: bool | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    dry_run: Literal[True],
    **options: Unpack[KeywordOptions],
) -> Plan: ...


@takes_options
def chunk(
    func: Callable[..., Any] | None,
    parameters: Iterable[Any],
    actors: Any = None,
    chunk_size: int | Literal["auto"] | None = None,
    progress_bar: bool | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    dry_run: bool = False,
    **options: Unpack[KeywordOptions],
) -> list[Any] | Plan:
    """Call `func` with each item of `parameters`, in parallel, and keep every result as it completes.

    With `path`, a run that was killed, crashed or interrupted continues where it stopped when the same program runs
    again, and never repeats a call that it finished (whose result had been committed; what was running is run again).

    Args:
        func: any callable: function, lambda, closure, method, partial, callable object, coroutine function; defined
            in a script's `__main__`, in a notebook or in a module. No main guard is needed.
        parameters: an iterable, also without end, of one call's arguments each: a list or tuple (`zip`,
            `itertools.product`, `df.itertuples(index=False)`), a dict of keyword arguments, or a row of a numpy array.
            With `star=False` each item is the one argument of a call.
        actors: the `.actors` of a `Chunker`: its warm workers; else another name of `worker`.
        chunk_size: another name of `workers`.
        progress_bar: None or True: a bar on standard error when that is a terminal, and under the cell of a notebook;
            elsewhere lines at growing intervals, once a run has lasted ten seconds. False: none of it.
        path: the journal file, created with its folders. None: nothing is kept; but inside of a `@stage`, in its job.
        workers: how many calls run at once. Default: the CPUs that this process may use; four times that for
            threads, 100 for coroutines. "auto": as many at first, and twice as many again and again as long as that
            makes the run a tenth faster, up to eight times as many.
        worker: a subclass of `Worker`: state of its own in each worker.
        initializer: called in each worker before its first call of this run (with `where="async"`: once a run), as in
            `ProcessPoolExecutor`; it may be an `async def`. It counts as the function's code does.
        batch: calls in one message to a worker. Default: adapted to how long they take.
        where: "process", "thread" or "async"; "dask" or "ray"; or an engine of `cuebook.engines`, or of your own.
        retries: further attempts after an exception or a time-out; or a `Retry`, which also says after which ones.
        backoff: seconds before the second attempt, doubled for each further one up to 60; or a function from the
            attempt's number (2, 3, ...) to seconds.
        timeout: seconds that one attempt may take; a process is killed and replaced, a coroutine cancelled, a thread
            abandoned.
        memory_limit: bytes (or "2GB") that a worker process may use; beyond, the call fails with MemoryError.
        errors: "raise": the first failure ends the run when running calls are done; "collect": the failed call's
            place holds the CallFailed.
        reuse: "calls": a result is reused wherever the same function was called with the same arguments in this
            journal; "run": only by a run with the same function and the same list; "none": every call is made afresh,
            and recorded for later runs.
        version: stands in for the function's fingerprint: you decide when old results stop counting.
        depends: what else the results depend on: objects by value, functions by code, `pathlib.Path` by content.
        ignore: names of parameters that do not count, such as ("verbose",): a call is the same whatever they are.
        pickle: False: a value that is kept only by pickle fails its call.
        keep_arguments: False: the journal keeps digests of the arguments, not the arguments.
        recycle_after: calls after which a worker is replaced by a fresh one.
        time_limit: seconds after which the run must be over: it stops in time, as Ctrl-C does.
        stop_at: a datetime by which it must be over.
        trust: how far others are trusted who can write to the journal: code of theirs may run as you. None: nobody is;
            plain results are taken where only a group can write to it, all else that would be taken is
            `JournalNotTrusted`, before any call. "group": whoever can write to it by a group, or owns its folder, is.
            "anyone": everybody is who can write to it. Where it is not given, the variable CUEBOOK_TRUST stands for it.
        rate: how often calls may begin, retries among them: "10/s", "600/min", "5000/h", or calls a second.
        max_failures: with errors="collect": once more calls than this have failed the run ends as with "raise".
        star: False: each item is the one argument of its call, `func(item)`, in place of `func(*item)`.
        dry_run: True: no call is made and nothing written, also beside a running writer; returns a `Plan`, which says
            how many calls would be reused, and why not the rest.

    Returns:
        The results, in the order of the parameters; with `dry_run=True` a Plan.

    Raises:
        CallFailed: a call failed (with `errors="raise"`); every finished call is kept.
        JournalNotTrusted: earlier results would be taken, and others may have written them; no call was made.
        JournalError: the journal cannot be used; what was committed stays readable.
        TypeError, ValueError: wrong use; nothing was started.
        KeyboardInterrupt: Ctrl-C or a time limit; SystemExit: SIGTERM; what is finished is kept.

    Cost: 1 to 3 us a call where calls are short and travel in batches; about 0.2 s to start worker processes.
    """
    if func is None:
        raise TypeError("no function: chunk(func, parameters) calls func(*item) for each item of parameters")
    brief = _Brief(func, actors, chunk_size, progress_bar, path, **options)
    return brief(parameters, dry_run=True) if check_flag("dry_run", dry_run) else brief(parameters)


@takes_options
def stream(
    func: Callable[..., Any],
    parameters: Iterable[Any],
    *,
    path: str | os.PathLike[str] | None = None,
    progress_bar: bool | None = None,
    ordered: bool = False,
    **options: Unpack[RunOptions],
) -> Iterator[Done]:
    """Call `func` with each item of `parameters`, in parallel, and give each call as soon as it is done and kept.

    A plain generator: for a loop, for `tqdm(stream(...), total=n)`, for what goes on with each result. It starts with
    the first item that is asked for. Parameters may come from an iterator without end: they are read a little ahead,
    and no further while nobody takes results. Leaving the loop, or `close()`, stops the run as Ctrl-C does; what is
    finished is kept.

    Args:
        func, parameters, path, progress_bar: as for `chunk()`.
        ordered: in the order of the parameters. What is done before its turn waits in memory.
        options: any other keyword of `chunk()`.

    Yields:
        Done(index, arguments, value, error, reused, seconds), results of earlier runs too.

    Raises:
        as `chunk()`; what is wrong with the options at once, all else from the loop.
    """
    if func is None:
        raise TypeError("no function: stream(func, parameters) calls func(*item) for each item of parameters")
    return _Brief(func, path=path, progress_bar=progress_bar, **options).stream(parameters, ordered=ordered)


def _stand_by(options: Options, parameters: Any, path: Any) -> None:
    """Let worker processes boot while the runtime is imported, unless results may be there already."""
    if isinstance(options.engine, ProcessEngine) and (path is None or not os.path.exists(path)):
        count = len(parameters) if hasattr(parameters, "__len__") else options.chunk_size
        spawner().stand_by(min(count, options.chunk_size), options.cores)
