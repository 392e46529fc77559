"""Which run of a journal is meant: by its number, by the name of its function, or the newest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.history.run import RunState

__all__ = ["Func", "selected"]

Func = str | Callable[..., Any]
"""A function, or its name."""


def selected(state: JournalState, path: Path, run: int | None, func: Func | None) -> RunState | None:
    """The run; the newest of these functions where no number is given. None where nothing is asked for nor there.

    Raises:
        LookupError: there is no such run.
    """
    name = (
        None if func is None else func if isinstance(func, str) else getattr(func, "__qualname__", type(func).__name__)
    )
    if run is not None:
        found = state.runs.get(run)
        if found is None or name not in (None, found.opened.function):
            held = ", ".join(f"{each.number} ({each.opened.function})" for each in state.runs.values()) or "none yet"
            of = "" if name is None else f" of {name}"
            raise LookupError(f"there is no run {run}{of} in {path}; its runs: {held}")
        return found
    if name is None:
        return state.newest
    of_name = [each for each in state.runs.values() if each.opened.function == name]
    if not of_name:
        names = dict.fromkeys(each.opened.function for each in state.runs.values())
        raise LookupError(f"there is no run of {name} in {path}; its functions: {', '.join(names) or 'none yet'}")
    return of_name[-1]


def _name(func: Func | None) -> str | None:
    if func is None or isinstance(func, str):
        return func
    return str(getattr(func, "__qualname__", type(func).__name__))
