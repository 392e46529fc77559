"""What decorators make, taken apart for another process: caches, properties, generic functions, weak collections.

Knows no pickler. Its functions `..._of` are named in stored pickles.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from types import FunctionType
from typing import Any

from cuebook.persistence.values.pickling.objects import slots_of

__all__ = [
    "cached_of",
    "descriptor_of",
    "generic_of",
    "is_cache",
    "is_descriptor",
    "is_generic",
    "reduced_cached",
    "reduced_descriptor",
    "reduced_generic",
]

_Cached = type(functools.lru_cache(len))
_BUILT_IN = (functools.cached_property, property, staticmethod, classmethod)
_WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary)


def is_descriptor(kind: type) -> bool:
    """Whether objects of a class are descriptors or weak mappings that pickle would lose something of."""
    return kind in _WEAK or (issubclass(kind, _BUILT_IN) and kind not in _BUILT_IN[1:])


def reduced_descriptor(obj: Any) -> tuple[Any, ...]:
    """What a pickler's `reducer_override` answers for one of those."""
    kind = type(obj)
    if isinstance(obj, functools.cached_property):  # up to Python 3.11 it holds a lock
        return descriptor_of, (functools.cached_property, kind, obj.func), _attributes(obj, but=("func", "lock"))
    if isinstance(obj, property):
        return descriptor_of, (property, kind, obj.fget, obj.fset, obj.fdel, obj.__doc__), _attributes(obj)
    if isinstance(obj, staticmethod):
        return descriptor_of, (staticmethod, kind, obj.__func__), _attributes(obj)
    if isinstance(obj, classmethod):
        return descriptor_of, (classmethod, kind, obj.__func__), _attributes(obj)
    return kind, (dict(obj),)


def _attributes(obj: Any, but: tuple[str, ...] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    own = {name: value for name, value in getattr(obj, "__dict__", {}).items() if name not in but}
    return own, {name: getattr(obj, name) for name in slots_of(type(obj)) or () if hasattr(obj, name)}


def descriptor_of(built_in: Any, kind: type, *arguments: Any) -> Any:
    """A descriptor, also of a class of the user's whose own `__init__` takes something else."""
    made = built_in.__new__(kind)
    built_in.__init__(made, *arguments)
    return made


def is_cache(kind: type) -> bool:
    """Whether objects of a class are what `functools.lru_cache` makes."""
    return kind is _Cached


def reduced_cached(obj: Any) -> tuple[Any, ...]:
    """What a pickler's `reducer_override` answers for a function with a cache that no import finds."""
    return cached_of, (obj.__wrapped__, obj.cache_parameters())


def cached_of(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    """A function with an empty cache of its own."""
    return functools.lru_cache(**parameters)(function)


def is_generic(obj: Any) -> bool:
    """Whether it is what `functools.singledispatch` makes."""
    attributes = vars(obj) if type(obj) is FunctionType else {}
    return {"register", "dispatch", "registry", "__wrapped__"} <= attributes.keys()


def reduced_generic(obj: Any) -> tuple[Any, ...]:
    """What a pickler's `reducer_override` answers for a generic function that no import finds."""
    return generic_of, (dict(obj.registry),)


def generic_of(registry: dict[type, Callable[..., Any]]) -> Any:
    """A generic function with these implementations, the one for `object` first."""
    made = functools.singledispatch(registry[object])
    for cls, implementation in registry.items():
        made.register(cls, implementation)
    return made
