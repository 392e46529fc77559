"""An executor as cuebook uses it: somebody else's, which may break. Knows no call and no host."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

__all__ = ["ExecutorPool"]

_LOCAL = frozenset({"concurrent.futures.process", "loky.process_executor", "loky.reusable_executor"})
"""Where executors come from whose processes are on this machine."""


class ExecutorPool:
    """The executor that jobs go to now, and what is known of it.

    Args:
        given: an executor, or a function that gives one.

    Attributes:
        is_replaced: whether another one can be had where it breaks.
        token: by which its processes know what is this program's.
        advice: what to do where it takes no more jobs.
    """

    def __init__(self, given: Executor | Callable[[], Executor]) -> None:
        if not hasattr(given, "submit") and not callable(given):
            raise TypeError(f"executor is {given!r}; give an Executor, or a function that gives one")
        self._given: Any = given
        self._current: Any = given if hasattr(given, "submit") else None
        self.is_replaced = self._current is None
        self.token = os.urandom(16)
        self.advice = (
            'What was committed is kept: the same program goes on from there, with a fresh executor or where="process"'
        )

    def __repr__(self) -> str:
        return repr(self._given)

    def executor(self) -> Executor:
        """The one that jobs go to now."""
        if self._current is None:
            self._current = self._given()
        current: Executor = self._current
        return current

    def replace(self, broken: Executor) -> None:
        """Have another one made where this one is broken and can be made anew."""
        if self.is_replaced and self._current is broken:
            self._current = None

    @property
    def is_near(self) -> bool:
        """Whether its processes are surely on this machine."""
        return any(cls.__module__ in _LOCAL for cls in type(self.executor()).__mro__)

    @property
    def size(self) -> int | None:
        """How many jobs it runs at once, where it says so."""
        executor = self.executor()
        found = getattr(executor, "max_workers", None) or getattr(executor, "_max_workers", None)
        return found if isinstance(found, int) and found > 0 else None
