"""Chunker: the synchronous face. It runs a Runtime on a loop in a thread of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from cuebook.api.rehearsal import Plan, rehearse, rehearsed, rehearsed_runs
from cuebook.children.spawner import spawner
from cuebook.chunks.options import Options, check_flag, check_function, check_workers, make_options, merged
from cuebook.engines.registry import ProcessEngine

if TYPE_CHECKING:
    from cuebook.api.warm import WarmWorkers
    from cuebook.chunks.sinks import Done

__all__ = ["Chunker"]

_NOT_GIVEN: Any = object()


class Chunker:
    """`chunk()` with workers that stay warm between calls; a context manager.

    Args:
        func: the function; a call may name another one.
        actors, chunk_size, progress_bar, path: as for `chunk()`: the defaults of every call.
        options: any other keyword of `chunk()`, `workers` and `worker` first of all.

    Attributes:
        actors: the warm workers, to be handed to another Chunker or to `chunk()`; they may outlive this one.
        chunk_size: how many they are.

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
        self.progress_bar = check_flag("progress_bar", progress_bar, none=True)
        self.path = path
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

            self._actors = WarmWorkers(self.chunk_size, self._chosen.worker_class)
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
        *,
        dry_run: Literal[True],
        path: Any = ...,
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
        func = self._func(func)
        if check_flag("dry_run", dry_run):
            return rehearse(func, parameters, self._chosen, self.path if path is _NOT_GIVEN else path)
        return self._run(parameters, func, path=path, progress_bar=progress_bar, closes=False)

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
        return self._stream(parameters, self._func(func), path=path, progress_bar=progress_bar, ordered=ordered)

    def _func(self, func: Callable[..., Any] | None) -> Callable[..., Any]:
        chosen = self.func if func is None else func
        if chosen is None:
            raise TypeError("no function: give func to the Chunker, or to this call")
        return chosen

    def _run(
        self, parameters: Iterable[Any], func: Callable[..., Any], *, path: Any, progress_bar: bool | None, closes: bool
    ) -> list[Any]:
        options = self._prepared(parameters, func, path, progress_bar)
        if rehearsed_runs:
            return [done.value for done in rehearsed(func, parameters, self._chosen, options["path"])]
        from cuebook.api.warm import run_on

        return run_on(self.actors, func, parameters, closes=closes and self._owns_actors, **options)

    def _stream(
        self,
        parameters: Iterable[Any],
        func: Callable[..., Any],
        *,
        path: Any,
        progress_bar: bool | None,
        ordered: bool,
        closes: bool = False,
    ) -> Iterator[Done]:
        check_function(func, self._chosen.engine, self._chosen.worker_class)
        check_flag("ordered", ordered)
        options = self._prepared(None, func, path, progress_bar)
        if rehearsed_runs:
            return iter(rehearsed(func, parameters, self._chosen, options["path"]))
        from cuebook.api.streaming import stream_on

        closes = closes and self._owns_actors
        return stream_on(self.actors, func, parameters, closes=closes, ordered=ordered, **options)

    def _prepared(self, parameters: Any, func: Any, path: Any, progress_bar: bool | None) -> dict[str, Any]:
        """The options of one run; without parameters no worker is started ahead of it."""
        path = self.path if path is _NOT_GIVEN else path
        check_workers(func, self._chosen, parameters)
        if self._actors is None and callable(func) and parameters is not None:
            _stand_by(self._chosen, parameters, path)
        bar = self.progress_bar if progress_bar is None else progress_bar
        return {**merged(self._options, {"actors": self.actors, "chunk_size": None}), "path": path, "progress_bar": bar}


def _stand_by(options: Options, parameters: Any, path: Any) -> None:
    """Let worker processes boot while the runtime is imported, unless results may be there already."""
    if isinstance(options.engine, ProcessEngine) and (path is None or not os.path.exists(path)):
        count = len(parameters) if hasattr(parameters, "__len__") else options.chunk_size
        spawner().stand_by(min(count, options.chunk_size), options.cores)
