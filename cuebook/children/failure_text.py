"""What a failure of the user's code is called in words: its traceback, from the user's first frame on.

Light: imported by worker processes at start.
"""

from __future__ import annotations

from types import TracebackType

from cuebook.children.program.source_imports import hold_lines
from cuebook.wording import clipped, error_type_name

__all__ = ["module_within", "traceback_text"]

_AROUND_CALLS = ("cuebook.engines.", "cuebook.persistence.values.called_with")
"""Modules whose frames lie between a worker and what a call runs."""


def traceback_text(error: BaseException) -> str:
    """The formatted traceback from the user's first frame on, its middle left out where it is very long.

    Never raises, whatever the exception's class does.
    """
    import traceback

    try:
        hold_lines(error.__traceback__)
        lines = traceback.format_exception(type(error), error, _users_part(error.__traceback__))
        return clipped("".join(lines))
    except Exception:
        return f"{error_type_name(error)} (its traceback could not be formatted)"


def _users_part(tb: TracebackType | None) -> TracebackType | None:
    start = _within(tb, *_AROUND_CALLS)
    return start if start is not None else tb


def _within(tb: TracebackType | None, *modules: str) -> TracebackType | None:
    """A traceback without the frames of these modules that it begins with; None where nothing is left."""
    while tb is not None and _module_of(tb).startswith(modules):
        tb = tb.tb_next
    return tb


def module_within(tb: TracebackType | None) -> str:
    """The module of a traceback's first frame behind ours; "" where there is none."""
    inner = _within(tb, *_AROUND_CALLS)
    return "" if inner is None else _module_of(inner)


def _module_of(tb: TracebackType) -> str:
    """By the module's name: a folder of the user's may be called as one of ours."""
    return str(tb.tb_frame.f_globals.get("__name__", ""))
