"""Tasks that obey no cancellation, left to themselves: nobody waits for them any more. Knows no actor."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from typing import Any

from cuebook.logs import get_logger

__all__ = ["leave_behind"]

_unregister: Callable[[asyncio.Task[Any]], object] | None = getattr(asyncio.tasks, "_unregister_task", None)
"""Documented for those who write tasks of their own."""
_log = get_logger("runtime")


def leave_behind(task: asyncio.Task[Any]) -> None:
    """Let a task go on, or wait for ever, without anyone who waits for its end: `asyncio.run()` does not either.

    It is never freed: to free it would be to end it, and code that resists makes the interpreter's exit spin then.
    """
    _keep_for_ever(task)
    if _unregister is None:
        _log.error("this Python cannot leave a task: asyncio.run() will wait for it", task=task.get_name())
    else:
        _unregister(task)


def _keep_for_ever(task: asyncio.Task[Any]) -> None:
    # What a module holds is freed when the interpreter exits, and that of `sys` so late that nothing runs any more.
    vars(sys).setdefault("_cuebook_left", []).append(task)
    with contextlib.suppress(ImportError, AttributeError, TypeError):
        import ctypes  # slow; this hardly ever happens

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(task))
