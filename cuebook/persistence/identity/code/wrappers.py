"""What a library's wrapper (singledispatch, contextmanager, a retry decorator) holds of the user's.

Knows no particular library: it looks at closures and at `__wrapped__`.
"""

from __future__ import annotations

import functools
import types
from typing import Any

__all__ = ["told_by"]

_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
_DEPTH_MAX = 3


def told_by(function: types.FunctionType) -> list[tuple[str, Any]]:
    """The plain values and the functions that a library's function has bound, with the names it has for them.

    Other things that it holds (caches, locks, settings objects) are its own affair and would differ in each
    process.
    """
    told: list[tuple[str, Any]] = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            value = cell.cell_contents
        except ValueError:
            continue
        if value is not function and _tells(value, _DEPTH_MAX):
            told.append((f"closure {name}", value))
    wrapped = function.__dict__.get("__wrapped__")
    if wrapped is not None and not any(wrapped is value for _, value in told):
        told.append(("wrapped function", wrapped))
    return told


def _tells(value: Any, depth: int) -> bool:
    if type(value) in _SCALARS or isinstance(value, types.FunctionType | types.MethodType | functools.partial | type):
        return True
    if depth and isinstance(value, dict | types.MappingProxyType):
        return bool(value) and all(_tells(part, depth - 1) for part in (*value.keys(), *value.values()))
    if depth and type(value) in (list, tuple):
        return all(_tells(part, depth - 1) for part in value)
    return False
