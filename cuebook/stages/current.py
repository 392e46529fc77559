"""Which job a stage or step belongs to that is called just now: the innermost that was entered, else the program's.

Knows no journal.
"""

from __future__ import annotations

import os
import threading
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from cuebook.errors import StageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cuebook.stages.port import JobPort

__all__ = ["current_if_any", "current_job", "enter", "leave", "name_for_program"]

_entered: ContextVar[JobPort | None] = ContextVar("_entered", default=None)
_inside: list[JobPort] = []
_named: list[JobPort] = []
_program: dict[int, JobPort] = {}
_lock = threading.Lock()


def current_job(open_program: Callable[[], JobPort]) -> JobPort:
    """The job that holds here.

    Args:
        open_program: makes the one that the program itself is.

    Raises:
        StageError: this thread was begun inside of several jobs, and does not say which one it belongs to.
    """
    here = _entered.get()
    if here is not None:
        return here
    with _lock:
        if len(_inside) == 1:
            return _inside[0]
        if _inside:
            names = ", ".join(each.name for each in _inside)
            raise StageError(
                f"this thread belongs to one of the jobs {names}, and does not say to which: start it with "
                "contextvars.copy_context().run, as asyncio.to_thread does"
            )
        if _named:
            return _named[-1]
        pid = os.getpid()
        found = _program.get(pid)
        if found is None:
            found = _program[pid] = open_program()
        return found


def name_for_program(job: JobPort) -> JobPort | None:
    """Let a job hold from here on, in all threads; gives the one of the same name that held so before."""
    with _lock:
        before = next((each for each in _named if each.name == job.name), None)
        if before is not None:
            _named.remove(before)
        _named.append(job)
        return before


def enter(job: JobPort) -> Token[JobPort | None]:
    """Let a job hold in this context, and in threads that have none; no longer for the whole program."""
    with _lock:
        if job in _named:
            _named.remove(job)
        _inside.append(job)
    return _entered.set(job)


def leave(job: JobPort, token: Token[JobPort | None]) -> None:
    """The end of `enter`."""
    with _lock:
        _inside.remove(job)
    _entered.reset(token)


def current_if_any() -> JobPort | None:
    """The job that holds here, where one was begun."""
    here = _entered.get()
    if here is not None:
        return here
    with _lock:
        known = [*_inside[:1], *_named[-1:], *filter(None, [_program.get(os.getpid())])]
        return known[0] if known else None
