"""`@stage`: a function whose value is kept, and taken over by later runs while nothing that it is made of changes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, overload

from cuebook.actors.retrying import BACKOFF_S, Retry, retry_of
from cuebook.engines.calls.current import current_call
from cuebook.errors import StageError
from cuebook.persistence.identity.files import File
from cuebook.persistence.identity.fingerprint import fingerprint
from cuebook.persistence.identity.registry import register_identity
from cuebook.stages.current import current_job
from cuebook.stages.job import Job, program_job
from cuebook.stages.stage_call import StageCall, called_with
from cuebook.stages.stage_run import file_read, running_stage

__all__ = ["StageDecorator", "StageFunction", "stage"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_looked_at: ContextVar[frozenset[int]] = ContextVar("_looked_at", default=frozenset())


class StageFunction(Generic[_P, _R]):
    """A function that is a stage of the job in which it is called. Made by `@stage`.

    Args:
        func: the function. name: of the stage, and of its data set. version: stands in for its code.
        retry: when it is tried again. depends: what else counts.

    Attributes:
        name: of the stage. func: the function itself: calling that keeps nothing.
    """

    def __init__(
        self, func: Callable[_P, _R], name: str, *, version: str | None, retry: Retry, depends: Sequence[Any]
    ) -> None:
        functools.update_wrapper(self, func)
        self.func = func
        self.name = name
        self.version = version
        self.depends = depends
        self._retry = retry
        self._is_async = inspect.iscoroutinefunction(func)
        if self._is_async and hasattr(inspect, "markcoroutinefunction"):
            inspect.markcoroutinefunction(self)

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """Of the function."""
        return inspect.signature(self.func)

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        if current_call() is not None:
            raise StageError(
                f"stage {self.name} is called inside of a call of chunk(): call it in the program, and its plain "
                f"function in calls: {self.name}.func"
            )
        if self._is_async:
            return self._awaited(args, kwargs)  # type: ignore[return-value]
        return self._called(args, kwargs)  # type: ignore[no-any-return]

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<stage {self.name}>"

    @contextlib.contextmanager
    def looked_at(self) -> Iterator[None]:
        """While this lasts, the stage counts by its name wherever it stands: it is being looked at already."""
        token = _looked_at.set(_looked_at.get() | {id(self)})
        try:
            yield
        finally:
            _looked_at.reset(token)

    def identity(self) -> Any:
        """What of it counts where it stands in what other functions read."""
        if id(self) in _looked_at.get():
            return self.name
        with self.looked_at():
            return (self.name, fingerprint(self.func, depends=self.depends, version=self.version).digest)

    def _called(self, args: Sequence[Any], kwargs: Any) -> Any:
        job = _job()
        while True:
            call = StageCall(job, self, args, kwargs)
            other = call.claim()
            if other is None:
                break
            other.result()
        try:
            found = call.kept(functools.partial(self._attempts, call, args, kwargs))
            if found is not None:
                return found[0]
            call.begin()
            return call.keep(self._attempts(call, args, kwargs))
        finally:
            call.release()

    async def _awaited(self, args: Sequence[Any], kwargs: Any) -> Any:
        job = _job()
        while True:
            call = await asyncio.to_thread(StageCall, job, self, args, kwargs)
            other = call.claim()
            if other is None:
                break
            await asyncio.wrap_future(other)
        try:
            found = await asyncio.to_thread(call.kept, None)
            if found is not None:
                return found[0]
            call.begin()
            value = await self._async_attempts(call, args, kwargs)
            return await asyncio.to_thread(call.keep, value)
        finally:
            call.release()

    def _attempts(self, call: StageCall, args: Sequence[Any], kwargs: Any) -> Any:
        given = [called_with(value) for value in args]
        named = {name: called_with(value) for name, value in kwargs.items()}
        for attempt in range(1, self._retry.times + 2):
            try:
                with call.entered():
                    return self.func(*given, **named)
            except Exception as error:
                pause = self._pause(attempt, error)
                if pause is None:
                    raise
            time.sleep(pause)
        raise AssertionError

    async def _async_attempts(self, call: StageCall, args: Sequence[Any], kwargs: Any) -> Any:
        given = [called_with(value) for value in args]
        named = {name: called_with(value) for name, value in kwargs.items()}
        for attempt in range(1, self._retry.times + 2):
            try:
                with call.entered():
                    return await self.func(*given, **named)  # type: ignore[misc]
            except Exception as error:
                pause = self._pause(attempt, error)
                if pause is None:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError

    def _pause(self, attempt: int, error: Exception) -> float | None:
        """Seconds before the next attempt; None where there is none."""
        if attempt > self._retry.times or not isinstance(error, self._retry.on):
            return None
        return self._retry.pause_s(attempt + 1, error)


register_identity(StageFunction, lambda each: each.identity())


def _job() -> Job:
    found = current_job(program_job)
    assert isinstance(found, Job)
    return found


class StageDecorator:
    """Makes stages of functions: `@stage`, or `@stage(name=..., version=..., retries=..., depends=...)`.

    A call of a stage belongs to the job that holds where it is called (see `job`). Where the same call was done before
    in this job, its value is taken over; else the function is called, and its value kept as a version of the data set
    that has the stage's name. The same call means: the same name, the same code (with helpers, constants, globals and
    what it is bound to), equal arguments, the same values from other stages, and the same content of `File`s.

    A value that is taken over is loaded when it is first looked at, where it is larger than 64 KiB or a frame. Frames
    of polars, pandas and pyarrow are kept as Parquet, all else as results of `chunk()` are.
    """

    @overload
    def __call__(self, func: Callable[_P, _R], /) -> StageFunction[_P, _R]: ...

    @overload
    def __call__(
        self,
        *,
        name: str | None = None,
        version: str | None = None,
        retries: int | Retry = 0,
        depends: Sequence[Any] = (),
    ) -> Callable[[Callable[_P, _R]], StageFunction[_P, _R]]: ...

    def __call__(
        self,
        func: Callable[..., Any] | None = None,
        *,
        name: str | None = None,
        version: str | None = None,
        retries: int | Retry = 0,
        depends: Sequence[Any] = (),
    ) -> Any:
        """Make a stage of a function.

        Args:
            func: the function; a coroutine function gives a stage that is awaited.
            name: of the stage and of its data set; any text. Default: the function's name.
            version: stands in for the function's code: you decide when it is to be done again.
            retries: further attempts after an exception, or a `Retry`.
            depends: what else the value depends on: objects by value, functions by code, `pathlib.Path` by content.

        Raises:
            TypeError, ValueError: an option is wrong.
        """
        retry = retry_of(retries, BACKOFF_S)
        if version is not None and not isinstance(version, str):
            raise TypeError(f"version={version!r} must be a str")
        if name is not None and (not isinstance(name, str) or not name):
            raise TypeError(f"name={name!r} must be a text")

        def made(function: Callable[..., Any]) -> StageFunction[Any, Any]:
            if not callable(function):
                raise TypeError(f"@stage makes a stage of a function, not of {function!r}")
            title = name or getattr(function, "__qualname__", type(function).__name__).rpartition("<locals>.")[2]
            return StageFunction(function, title, version=version, retry=retry, depends=tuple(depends))

        return made if func is None else made(func)

    def output(self, path: str | os.PathLike[str]) -> Path:
        """Say that the stage that runs here writes this file or folder: it is kept beside its value.

        Where the stage is taken over later, the file is brought back if it is missing or has changed; what stood there
        is put into `.cuebook/aside/`.

        Args:
            path: below the folder that has `.cuebook/` in it. Its folders are made.

        Raises:
            StageError: no stage runs here. When the stage is kept, WorkplaceError: the file is not there, or outside.
        """
        run = running_stage("stage.output()")
        found = Path(path).absolute()
        found.parent.mkdir(parents=True, exist_ok=True)
        run.outputs.append(found)
        return found

    def input(self, path: str | os.PathLike[str]) -> Path:
        """Say that the stage that runs here reads this file: once its content has changed, the stage is done again.

        The same holds for a `File` among its arguments.

        Raises:
            StageError: no stage runs here. FileNotFoundError: the file is not there.
        """
        run = running_stage("stage.input()")
        run.has_read(file_read(File(path)))
        return Path(path)


stage = StageDecorator()
