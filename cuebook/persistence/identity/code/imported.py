"""What a process has because it imported it, and not because it was sent by value; and what another one can import.

Knows no pickle. Light: worker processes import it.
"""

from __future__ import annotations

import sys
import types
from operator import attrgetter
from typing import Any

__all__ = ["is_importable", "is_sent_by_value", "place_of_import"]

_MAIN = ("__main__", "__mp_main__")


def is_importable(obj: Any) -> bool:
    """Whether another process finds this very function or class under its name, and may."""
    name = getattr(obj, "__module__", None)
    module = sys.modules.get(name) if isinstance(name, str) else None
    if module is None or is_sent_by_value(module.__name__) or is_sent_by_value(str(name)):
        return False
    return _is_found(obj, module)


def is_sent_by_value(module: str) -> bool:
    """Whether what a module of this name defines is sent whole: the program's own, or one for which that was asked."""
    if module in _MAIN:
        return True
    cloudpickle = sys.modules.get("cloudpickle")
    asked = () if cloudpickle is None else cloudpickle.list_registry_pickle_by_value()
    return any(module == each or module.startswith(f"{each}.") for each in asked)


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


def _is_found(item: Any, module: types.ModuleType) -> bool:
    try:
        return attrgetter(getattr(item, "__qualname__", None) or item.__name__)(module) is item
    except Exception:  # not to be had by its name, or a module whose attributes raise
        return False


def _is_of_module(scope: dict[str, Any]) -> bool:
    name = scope.get("__name__")
    if name in _MAIN or not isinstance(name, str):
        return False
    return scope.get("__spec__") is not None or getattr(sys.modules.get(name), "__dict__", None) is scope
