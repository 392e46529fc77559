"""What a process has because it imported a module of the user's, and not because it was sent by value.

Knows no library that sends: functions that were sent have globals of their own.
"""

from __future__ import annotations

import sys
import types
from operator import attrgetter
from typing import Any

__all__ = ["is_imported"]

_MAIN = ("__main__", "__mp_main__")


def is_imported(item: types.FunctionType | type | types.ModuleType) -> bool:
    """Whether this function, class or module lies in a module that was imported here; the program's own is none."""
    if isinstance(item, types.FunctionType):
        return _is_of_module(item.__globals__)
    if isinstance(item, types.ModuleType):
        return item.__name__ not in _MAIN
    name = item.__module__
    module = None if name in _MAIN else sys.modules.get(name)
    try:
        return module is not None and attrgetter(item.__qualname__)(module) is item
    except Exception:  # not to be had by its name, or a module whose attributes raise
        return False


def _is_of_module(scope: dict[str, Any]) -> bool:
    name = scope.get("__name__")
    if name in _MAIN or not isinstance(name, str):
        return False
    return scope.get("__spec__") is not None or getattr(sys.modules.get(name), "__dict__", None) is scope
