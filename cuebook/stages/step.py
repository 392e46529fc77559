"""`@step`: an effect of an application, done once in its job however often the program begins again."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Generic, ParamSpec, TypeVar, overload

from cuebook.actors.retrying import BACKOFF_S, Retry, retry_of
from cuebook.errors import StageError
from cuebook.persistence.history.call_form import CallForm
from cuebook.persistence.identity.digest import blake16, joined
from cuebook.persistence.records.job_heads import StepKept
from cuebook.persistence.values import ValueEncoder
from cuebook.stages.current import current_job
from cuebook.stages.job import Job, program_job
from cuebook.stages.stage_run import current_stage
from cuebook.stages.value_forms import CODEC, decode_value

__all__ = ["StepFunction", "step"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_running: ContextVar[str | None] = ContextVar("_running", default=None)
_encoder = ValueEncoder(label="value of a step")


class StepFunction(Generic[_P, _R]):
    """A function that is a step of the job in which it is called. Made by `@step`.

    Args:
        func: the function. name: of the step. version: another one is another step. retry: when it is tried again.

    Attributes:
        name: of the step. func: the function itself: calling that keeps nothing.
    """

    def __init__(self, func: Callable[_P, _R], name: str, *, version: str, retry: Retry) -> None:
        functools.update_wrapper(self, func)
        self.func = func
        self.name = name
        self._version = version
        self._retry = retry
        self._is_async = inspect.iscoroutinefunction(func)

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """Of the function."""
        return inspect.signature(self.func)

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        work = _StepCall(self, args, kwargs)
        return work.awaited() if self._is_async else work.called()  # type: ignore[return-value]

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return f"<step {self.name}>"

    def key(self, args: Sequence[Any], kwargs: Any, job: Job) -> tuple[bytes, bytes, int]:
        """By which a call is known, by which all that are equal to it are, and which of these it is, from 1."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        form = CallForm(hiding=job.book.hiding)
        arguments = form.key(dict(bound.arguments))
        if form.opaque:
            name, what = next(iter(form.opaque.items()))
            raise StageError(
                f"step {self.name} is known by its arguments, and nobody can see into {name} ({what}): give it a text "
                "or a number by which it is known"
            )
        parts = [self.name.encode("utf-8", "surrogatepass"), self._version.encode("utf-8", "surrogatepass"), arguments]
        equal = blake16(joined(b"step", parts))
        number = job.step_number(equal)
        return blake16(joined(b"call", [equal, number.to_bytes(8, "little")])), equal, number

    def pause(self, attempt: int, error: Exception) -> float | None:
        """Seconds before the next attempt; None where there is none."""
        if attempt > self._retry.times or not isinstance(error, self._retry.on):
            return None
        return self._retry.pause_s(attempt + 1, error)


class _StepCall:
    """One call of a step."""

    def __init__(self, step: StepFunction[Any, Any], args: Sequence[Any], kwargs: Any) -> None:
        self._step = step
        self._args = args
        self._kwargs = kwargs
        self._job = _job_of(step.name)
        self._key, _, self._number = step.key(args, kwargs, self._job)
        self._began = time.time()

    def called(self) -> Any:
        kept = self._kept()
        if kept is not None:
            return kept[0]
        value = self._attempts()
        head, body = self._made(value)
        self._job.book.keep_step(head, body)
        return value

    async def awaited(self) -> Any:
        kept = self._kept()
        if kept is not None:
            return kept[0]
        value = await self._async_attempts()
        head, body = self._made(value)
        await asyncio.wrap_future(self._job.book.start_keeping_step(head, body))
        return value

    def _kept(self) -> tuple[Any] | None:
        book = self._job.book
        found = book.state.steps.get(self._key)
        if found is None:
            return None
        value, _ = decode_value(CODEC, book.body(found[0]), func=self._step.func)
        book.steps_skipped += 1
        return (value,)

    def _made(self, value: Any) -> tuple[StepKept, bytes]:
        seconds = time.time() - self._began
        return StepKept(self._key, self._step.name, self._number, self._began, seconds), _encoder.encode(value)

    def _attempts(self) -> Any:
        attempt = 1
        while True:
            token = _running.set(self._step.name)
            try:
                return self._step.func(*self._args, **self._kwargs)
            except Exception as error:
                pause = self._step.pause(attempt, error)
                if pause is None:
                    raise
            finally:
                _running.reset(token)
            time.sleep(pause)
            attempt += 1

    async def _async_attempts(self) -> Any:
        attempt = 1
        while True:
            token = _running.set(self._step.name)
            try:
                return await self._step.func(*self._args, **self._kwargs)
            except Exception as error:
                pause = self._step.pause(attempt, error)
                if pause is None:
                    raise
            finally:
                _running.reset(token)
            await asyncio.sleep(pause)
            attempt += 1


def _job_of(name: str) -> Job:
    around = _running.get()
    if around is not None:
        raise StageError(f"step {name} is called inside of step {around}: call it from the job, beside that one")
    if current_stage.get() is not None:
        raise StageError(
            f"step {name} is called inside of a stage, which is skipped once it is done: call it beside it"
        )
    found = current_job(program_job)
    if not isinstance(found, Job) or not found.is_given:
        raise StageError(
            f'step {name} belongs to no job: call it within `with job("order-17"):`, or `async with '
            'runtime.job("order-17"):`. Each id is done once'
        )
    return found


@overload
def step(func: Callable[_P, _R], /) -> StepFunction[_P, _R]: ...


@overload
def step(
    *, name: str | None = None, version: str = "", retries: int | Retry = 0
) -> Callable[[Callable[_P, _R]], StepFunction[_P, _R]]: ...


def step(
    func: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    version: str = "",
    retries: int | Retry = 0,
) -> Any:
    """Make a step of a function: `@step`, or `@step(name=..., version=..., retries=...)`.

    A step is done once in its job, and its value kept: when the program was killed and runs the same job again, steps
    that were finished give their values, and it goes on at the one that it was in. A step is known by its name, its
    arguments, its version and which equal call it is (the second `charge(card, 5)` is another one than the first);
    neither by its code nor by its place, so that the program may change while jobs wait. One that was killed between
    its effect and its commit is done again.

    Args:
        func: the function; a coroutine function gives a step that is awaited.
        name: of the step. Default: the function's name. Keep it when you rename the function.
        version: another one is another step.
        retries: further attempts after an exception, or a `Retry`. A failure is never kept.

    Raises:
        TypeError, ValueError: an option is wrong. A call raises StageError where there is no job.

    Cost: one commit a step; of several that run at once, one for all of them.
    """
    retry = retry_of(retries, BACKOFF_S)
    if not isinstance(version, str):
        raise TypeError(f"version={version!r} must be a str")

    def made(function: Callable[..., Any]) -> StepFunction[Any, Any]:
        if not callable(function):
            raise TypeError(f"@step makes a step of a function, not of {function!r}")
        title = name or getattr(function, "__qualname__", type(function).__name__).rpartition("<locals>.")[2]
        return StepFunction(function, title, version=version, retry=retry)

    return made if func is None else made(func)
