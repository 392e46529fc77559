"""The program's warning filters in a worker: around its calls, and not while functions and arguments are loaded.

Knows no call.
"""

from __future__ import annotations

import pickle
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cuebook.children.program.import_hook import when_imported

__all__ = ["WarningFilters", "filters_here"]

Described = list[Any]
"""A filter: action, message, module and name of its category (and the category itself, where it is the script's own),
module, line. A pattern is its text and flags."""


def filters_here() -> list[Described]:
    """The filters of this process, as plain data."""
    return [
        [action, _described(message), *_named(category), _described(module), line]
        for action, message, category, module, line in list(warnings.filters)
        if isinstance(category, type)
    ]


def _named(category: type) -> tuple[str, str, bytes | None]:
    definition = None
    if category.__module__ in ("__main__", "__mp_main__"):
        from cuebook.persistence.values.pickling.by_value import dumps

        with suppress(Exception):
            definition = dumps(category)
    return category.__module__, category.__qualname__, definition


def _described(pattern: Any) -> Any:
    return [pattern.pattern, pattern.flags] if isinstance(pattern, re.Pattern) else pattern


def _pattern(described: Any) -> Any:
    return re.compile(*described) if isinstance(described, list) else described


class WarningFilters:
    """The filters of a worker process: those that its modules were loaded with, and the program's, for calls.

    They are exchanged in place and without a word to `warnings`: what has been shown once is not shown again for that.
    """

    def __init__(self) -> None:
        self._wanted: list[Described] = []
        self._has_errors = False
        self._is_calling = False
        self._others: list[Any] = []

    def load(self) -> None:
        """Modules are about to be loaded: a warning is no error there, whatever options the interpreter has."""
        if self._is_calling:
            self._exchange()
        _put_in_place([entry for entry in warnings.filters if entry[0] != "error"])

    def settle(self, wanted: list[Described]) -> None:
        """All is loaded: from now on calls have these filters."""
        if wanted == self._wanted:
            if not self._is_calling:
                self._exchange()
            return  # and what calls have set since stays
        self._wanted = wanted
        self._has_errors = any(entry[0] == "error" for entry in wanted)
        self._others = self._made()
        self._exchange()
        _tell_warnings()

    @contextmanager
    def put_aside(self) -> Iterator[None]:
        """Something is loaded amid the calls: a warning is no error there."""
        if not (self._is_calling and self._has_errors):
            yield
            return
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @property
    def may_raise(self) -> bool:
        """Whether some warning is an error in calls."""
        return self._has_errors

    def _exchange(self) -> None:
        self._is_calling = not self._is_calling
        others, self._others = self._others, list(warnings.filters)
        _put_in_place(others)

    def _made(self) -> list[Any]:
        """The filters whose categories are there; the others come as soon as their modules do."""
        made = []
        for action, message, home, qualname, definition, module, line in self._wanted:
            category: Any = sys.modules.get(home)
            if definition is not None:
                category = pickle.loads(definition)
            elif category is None:
                when_imported(home, self._renew, "warning filters")
                continue
            else:
                for name in qualname.split("."):
                    category = getattr(category, name, None)
            if isinstance(category, type) and issubclass(category, Warning):
                made.append((action, _pattern(message), category, _pattern(module), line))
        return made

    def _renew(self) -> None:
        """A module has come that brings the category of a filter."""
        made = self._made()
        if self._is_calling:
            _put_in_place(made)
            _tell_warnings()
        else:
            self._others = made


def _put_in_place(filters: list[Any]) -> None:
    present: Any = warnings.filters
    present[:] = filters


def _tell_warnings() -> None:
    """What was shown or not under other filters counts no more. (The name differs from version to version.)"""
    told = getattr(warnings, "_filters_mutated", None) or getattr(warnings, "_filters_mutated_lock_held", None)
    if told is not None:
        with getattr(warnings, "_lock", None) or _nothing():
            told()


@contextmanager
def _nothing() -> Iterator[None]:
    yield
