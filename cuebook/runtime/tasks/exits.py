"""Which exceptions are the affair of whoever raised them, and which end the program, a task or a generator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

__all__ = ["called", "is_being_cancelled", "is_exit", "own"]


def is_exit(error: BaseException) -> bool:
    """Whether it ends the program or a generator; a group does that with one of these in it. All others, of whatever
    class, are failures of the code that raised them; a cancellation is one where nobody cancels the task.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_exit, error.exceptions))
    return isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)


def own(error: BaseException) -> BaseException:
    """The same, or in place of a GeneratorExit that code raised by itself, as if something of it were closed, a
    RuntimeError: it is not to close what called that code.
    """
    if not isinstance(error, GeneratorExit):
        return error
    failure = RuntimeError(f"raised GeneratorExit: {error}" if str(error) else "raised GeneratorExit")
    failure.__cause__ = error
    return failure


def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns. Raises what it raises, as `own`."""
    try:
        return function(*arguments)
    except GeneratorExit as error:
        raise own(error) from error


def is_being_cancelled() -> bool:
    """Whether somebody cancels the current task."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
