"""The synchronous functions: chunk() and stream(). Each is a Chunker that ends with its run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, overload

from cuebook.api.chunker import Chunker
from cuebook.api.rehearsal import Plan, rehearse
from cuebook.chunks.options import check_flag

if TYPE_CHECKING:
    from cuebook.actors.retrying import Retry
    from cuebook.chunks.sinks import Done

__all__ = ["chunk", "stream"]


@overload
def chunk(
    func: Callable[..., Any] | None,
    parameters: Iterable[Any],
    actors: Any = None,
    chunk_size: int | None = None,
    progress_bar: bool | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    workers: int | None = None,
    worker: type | None = None,
    initializer: Callable[[], Any] | None = None,
    batch: int | None = None,
    where: Any = "process",
    retries: int | Retry = 0,
    backoff: Any = 0.1,
    timeout: float | None = None,
    memory_limit: int | str | None = None,
    errors: str = "raise",
    reuse: str = "calls",
    version: str | None = None,
    depends: Any = (),
    ignore: Any = (),
    pickle: bool = True,
    keep_arguments: bool = True,
    recycle_after: int | None = None,
    time_limit: float | None = None,
    stop_at: Any = None,
    trust: str | None = None,
    rate: float | str | None = None,
    max_failures: int | None = None,
    star: bool = True,
    dry_run: Literal[False] = False,
) -> list[Any]: ...


@overload
def chunk(
    func: Callable[..., Any] | None,
    parameters: Iterable[Any],
    actors: Any = None,
    chunk_size: int | None = None,
    progress_bar: bool | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    workers: int | None = None,
    worker: type | None = None,
    initializer: Callable[[], Any] | None = None,
    batch: int | None = None,
    where: Any = "process",
    retries: int | Retry = 0,
    backoff: Any = 0.1,
    timeout: float | None = None,
    memory_limit: int | str | None = None,
    errors: str = "raise",
    reuse: str = "calls",
    version: str | None = None,
    depends: Any = (),
    ignore: Any = (),
    pickle: bool = True,
    keep_arguments: bool = True,
    recycle_after: int | None = None,
    time_limit: float | None = None,
    stop_at: Any = None,
    trust: str | None = None,
    rate: float | str | None = None,
    max_failures: int | None = None,
    star: bool = True,
    dry_run: Literal[True],
) -> Plan: ...


def chunk(
    func: Callable[..., Any] | None,
    parameters: Iterable[Any],
    actors: Any = None,
    chunk_size: int | None = None,
    progress_bar: bool | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    workers: int | None = None,
    worker: type | None = None,
    initializer: Callable[[], Any] | None = None,
    batch: int | None = None,
    where: Any = "process",
    retries: int | Retry = 0,
    backoff: Any = 0.1,
    timeout: float | None = None,
    memory_limit: int | str | None = None,
    errors: str = "raise",
    reuse: str = "calls",
    version: str | None = None,
    depends: Any = (),
    ignore: Any = (),
    pickle: bool = True,
    keep_arguments: bool = True,
    recycle_after: int | None = None,
    time_limit: float | None = None,
    stop_at: Any = None,
    trust: str | None = None,
    rate: float | str | None = None,
    max_failures: int | None = None,
    star: bool = True,
    dry_run: bool = False,
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
        path: the journal file, created with its folders. None: nothing is kept.
        workers: how many calls run at once. Default: the CPUs that this process may use; four times that for
            threads, 100 for coroutines.
        worker: a subclass of `Worker`: state of its own in each worker.
        initializer: called in each worker before its first call of this run (with `where="async"`: once a run), as in
            `ProcessPoolExecutor`; it may be an `async def`. It counts as the function's code does.
        batch: calls in one message to a worker. Default: adapted to how long they take.
        where: "process", "thread" or "async", or an engine of your own (see `cuebook.engines.registry.Engine`).
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
        dry_run: True: no call is made and nothing written, also beside a running writer; returns a `Plan`, which says
            how many calls would be reused, and why not the rest.
        star: False: each item is the one argument of its call, `func(item)`, in place of `func(*item)`.

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
    options = {
        "workers": workers,
        "worker": worker,
        "initializer": initializer,
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
        "ignore": ignore,
        "pickle": pickle,
        "keep_arguments": keep_arguments,
        "recycle_after": recycle_after,
        "time_limit": time_limit,
        "stop_at": stop_at,
        "trust": trust,
        "rate": rate,
        "max_failures": max_failures,
        "star": star,
    }
    if func is None:
        raise TypeError("no function: chunk(func, parameters) calls func(*item) for each item of parameters")
    chunker = Chunker(func, actors, chunk_size, progress_bar, path, **options)
    if check_flag("dry_run", dry_run):
        return rehearse(func, parameters, chunker._chosen, path)
    return chunker._run(parameters, func, path=path, progress_bar=progress_bar, closes=True)


def stream(
    func: Callable[..., Any],
    parameters: Iterable[Any],
    *,
    path: str | os.PathLike[str] | None = None,
    progress_bar: bool | None = None,
    ordered: bool = False,
    **options: Any,
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
    chunker = Chunker(func, path=path, progress_bar=progress_bar, **options)
    return chunker._stream(
        parameters, chunker._func(None), path=path, progress_bar=progress_bar, ordered=ordered, closes=True
    )
