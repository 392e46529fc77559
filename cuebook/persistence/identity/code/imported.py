"""What a process has because it imported a module of the user's, and not because it was sent by value.

Knows no library that sends: functions that were sent have globals of their own.
"""

from __future__ import annotations

import sys
import types
from operator import attrgetter
from typing import Any

__all__ = ["place_of_import"]

_MAIN = ("__main__", "__mp_main__")


def place_of_import(item: types.FunctionType | type | types.ModuleType) -> str | None:
    """Where a function, class or module was imported from: "/home/me/mod.py, line 3", or the module's name.

    None for what lies in the program's own module, or was sent here.
    """
    if isinstance(item, types.FunctionType):
        code = item.__code__
        return f"{code.co_filename}, line {code.co_firstlineno}" if _is_of_module(item.__globals__) else None
    name = item.__name__ if isinstance(item, types.ModuleType) else item.__module__
    module = None if name in _MAIN else sys.modules.get(name)
    if module is None or (isinstance(item, type) and not _is_found(item, module)):
        return None
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else name


def _is_found(cls: type, module: types.ModuleType) -> bool:
    try:
        return attrgetter(cls.__qualname__)(module) is cls
    except Exception:  # not to be had by its name, or a module whose attributes raise
        return False


def _is_of_module(scope: dict[str, Any]) -> bool:
    name = scope.get("__name__")
    if name in _MAIN or not isinstance(name, str):
        return False
    return scope.get("__spec__") is not None or getattr(sys.modules.get(name), "__dict__", None) is scope
