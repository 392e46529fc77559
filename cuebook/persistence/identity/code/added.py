"""The user's own code in places of libraries: `json.dumps = mine`, `Path.lines = mine`, an accessor of pandas.

Knows no digests.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from cuebook.persistence.identity.ownership import is_users_class, is_users_function

__all__ = ["Added", "added_by_user", "added_to_classes"]

_EXTENDED: dict[str, tuple[str, ...]] = {
    "pandas": ("DataFrame", "Series", "Index"),
    "polars": ("DataFrame", "LazyFrame", "Series", "Expr"),
    "xarray": ("Dataset", "DataArray"),
}
"""Classes to which programs give accessors and methods, which code then reads off objects that it is given."""


_HEAP_TYPE = 1 << 9
"""Others cannot be given attributes."""


class Added(NamedTuple):
    """Something of the user's that was put into a library.

    Attributes:
        steps: how many attributes lead there.
        value: the function or class.
    """

    steps: int
    value: Any


def added_by_user(holder: Any, names: Sequence[str], met: dict[type, None]) -> Added | None:
    """The first thing of the user's own on the way down from a library's module or class; None where there is none.

    Args:
        met: gets the library's classes on that way.
    """
    if isinstance(holder, type) and is_users_class(holder):
        return None
    for steps, name in enumerate(names, 1):
        if isinstance(holder, types.ModuleType):
            holder = holder.__dict__.get(name)
        elif isinstance(holder, type):
            holder = next((base.__dict__[name] for base in holder.__mro__ if name in base.__dict__), None)
            holder = holder.__func__ if isinstance(holder, staticmethod | classmethod) else holder
        else:
            break
        if _is_users(holder):
            return Added(steps, holder)
        if isinstance(holder, type):
            met[holder] = None
    return None


def added_to_classes(classes: Iterable[type], names: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """The user's own functions and classes that stand in libraries' classes under any of these names, sorted.

    Args:
        classes: that the code refers to, or objects of which; those of pandas and its like are looked at as well.
    """
    once = dict.fromkeys(base for cls in (*classes, *_extended()) for base in cls.__mro__)
    for cls in once:
        if not cls.__flags__ & _HEAP_TYPE or is_users_class(cls):
            continue
        for name in sorted(cls.__dict__.keys() & names):
            for value in _held(cls.__dict__[name]):
                if _is_users(value):
                    yield f"{cls.__qualname__}.{name}", value


def _extended() -> Iterator[type]:
    for package, names in _EXTENDED.items():
        module = sys.modules.get(package)
        found = [] if module is None else [module.__dict__.get(name) for name in names]
        yield from (each for each in found if isinstance(each, type))


def _held(member: Any) -> list[Any]:
    """A member, or what it has bound: the function of a property, the class of an accessor."""
    if isinstance(member, staticmethod | classmethod):
        return [member.__func__]
    if isinstance(member, property):
        return [member.fget, member.fset, member.fdel]
    if isinstance(member, types.FunctionType | type):
        return [member]
    held = getattr(member, "__dict__", None)
    return list(held.values()) if type(held) is dict else []


def _is_users(value: Any) -> bool:
    if isinstance(value, types.FunctionType):
        return is_users_function(value)
    return isinstance(value, type) and is_users_class(value)
