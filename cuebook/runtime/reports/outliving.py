"""Tasks that code of actors has started by itself, and that go on when their system ends. Cancels none."""

from __future__ import annotations

import asyncio
import contextvars
import gc
from typing import Any

from cuebook.logs import get_logger
from cuebook.runtime.refs.ref import sender_now, target_of

__all__ = ["context_of", "outliving_tasks"]

_PACKAGE = __name__.partition(".")[0]
_log = get_logger("runtime")


def outliving_tasks(loop: asyncio.AbstractEventLoop, home: bytes) -> dict[str, tuple[str, ...]]:
    """Where the tasks are that code of a system's actors started and that go on, by actor; each is logged.

    Args:
        home: the system's id.
    """
    found: dict[str, tuple[str, ...]] = {}
    current = asyncio.current_task()
    for task in asyncio.all_tasks(loop):
        if task is current or task.done() or task.cancelling() or _is_of_package(task):
            continue
        context = context_of(task)
        ref = None if context is None else context.copy().run(sender_now)  # that of a task at work cannot be entered
        if ref is not None and target_of(ref).home == home:
            place = _place(task)
            found[ref.name] = (*found.get(ref.name, ()), place)
            _log.warning("a task outlives its actor", actor=ref.name, task=place)
    return found


def context_of(task: asyncio.Task[Any]) -> contextvars.Context | None:
    """The context of a task; None where this Python does not show it."""
    getter = getattr(task, "get_context", None)  # from Python 3.12 on
    if getter is not None:
        found = getter()
        return found if isinstance(found, contextvars.Context) else None
    return next((each for each in gc.get_referents(task) if type(each) is contextvars.Context), None)


def _place(task: asyncio.Task[Any]) -> str:
    """The function that a task runs, and its line now."""
    frames = task.get_stack(limit=1)
    if not frames:
        return task.get_name()
    code = frames[0].f_code
    return f"{code.co_qualname} at {code.co_filename}:{frames[0].f_lineno}"


def _is_of_package(task: asyncio.Task[Any]) -> bool:
    frame = getattr(task.get_coro(), "cr_frame", None)
    name = "" if frame is None else frame.f_globals.get("__name__", "")
    return bool(name == _PACKAGE or name.startswith(f"{_PACKAGE}."))
