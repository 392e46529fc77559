"""The state of an object as it gives it to copy and pickle, without what belongs to its process alone.

Knows no digest.
"""

from __future__ import annotations

import copyreg
import functools
import os
import types
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

__all__ = ["ObjectState", "is_cache", "is_steady", "state_of"]

_REBUILDERS = frozenset({"__newobj__", "__newobj_ex__", "_reconstructor"})
_STATE_METHODS = ("__reduce__", "__reduce_ex__", "__getstate__")
_OF_WRAPPED = frozenset({"__annotations__", "__doc__", "__module__", "__type_params__"})
"""What `functools.update_wrapper` copies of a function, and does not count of the function."""

_ITEMS_COMPARED_MAX = 1000
_DEPTH_MAX = 16


class ObjectState(NamedTuple):
    """What an object is made of.

    Attributes:
        maker: what makes an empty one, and with which arguments.
        attributes: a dict, None where there are none, or whatever its class makes of them.
        items, pairs: what a list or a dict of its kind holds.
    """

    maker: tuple[Any, ...]
    attributes: Any
    items: Iterable[Any]
    pairs: Iterable[tuple[Any, Any]]


def state_of(value: Any) -> ObjectState | str:
    """The state of any object; a str is the name under which it is found, and then it has no other.

    Left out is what a cached_property has computed; the number of this process and the object's own address are
    replaced.

    Raises:
        whatever its class raises: it has no state that can be seen.
    """
    reduced = _reduced(value)
    if isinstance(reduced, str):
        return reduced
    make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    maker = _maker(value, make, arguments or ())
    return ObjectState(
        maker, _attributes(value, state), () if items is None else items, () if pairs is None else list(pairs)
    )


def _reduced(value: Any) -> str | tuple[Any, ...]:
    special = copyreg.dispatch_table.get(type(value))
    if special is not None:
        reduced = special(value)
    elif type(value).__module__ == "itertools":
        with warnings.catch_warnings():  # Python 3.12 says that it will not do so for ever
            warnings.simplefilter("ignore", DeprecationWarning)
            reduced = value.__reduce_ex__(4)
    else:
        reduced = value.__reduce_ex__(4)
    if not isinstance(reduced, str | tuple):
        raise TypeError(f"{type(value).__name__} gives no state")
    return reduced


def _maker(value: Any, make: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if make is type(value):
        return ("a", *arguments)
    if getattr(make, "__name__", "") in _REBUILDERS:
        return ("n", *(part for part in arguments if part is not type(value)))
    return ("m", make, *arguments)


def _attributes(value: Any, state: Any) -> Any:
    if isinstance(state, tuple) and len(state) == 2 and all(part is None or type(part) is dict for part in state):
        state = {**(state[0] or {}), **(state[1] or {})}
    if type(state) is list and hasattr(type(value), "__dataclass_fields__"):  # one with slots
        names = [name for name, field in value.__dataclass_fields__.items() if field._field_type.name == "_FIELD"]
        state = dict(zip(names, state, strict=True))
    # None where empty: whether some objects have a __dict__ depends on whether somebody has looked at it.
    if type(state) is tuple:
        return tuple(None if type(part) is dict and not part else part for part in state)
    if type(state) is not dict:
        return state
    left_out = _OF_WRAPPED if "__wrapped__" in state else ()
    return {
        name: _unmarked(value, name, part)
        for name, part in state.items()
        if name not in left_out and not is_cache(type(value), name)
    } or None


def is_cache(cls: type, name: Any) -> bool:
    """Whether an attribute is what a cached_property computed: it comes without the value changing."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return isinstance(base.__dict__[name], functools.cached_property)
    return False


def _unmarked(value: Any, name: Any, part: Any) -> Any:
    """An attribute without the marks of this process: its number, and the address of the object itself."""
    if type(part) is int:
        if part == id(value) or (part == os.getpid() and isinstance(name, str) and "pid" in name.lower()):
            return "@process"
    elif type(part) is str and "0x" in part:
        return part.replace(f"{id(value):#x}", "@address")
    return part


def is_steady(value: Any, state: ObjectState) -> bool:
    """Whether an object of a class that makes its state itself gives the same one when it is asked again.

    A number, text or time that is drawn anew each time belongs to the asking and not to the object.
    """
    if not _makes_its_state(type(value)):
        return True
    try:
        again = state_of(value)
    except Exception:  # it gave one a moment ago
        return False
    if isinstance(again, str):
        return False
    return _is_same(state.maker, again.maker) and _is_same(state.attributes, again.attributes)


_makers: WeakKeyDictionary[type, bool] = WeakKeyDictionary()


def _makes_its_state(cls: type) -> bool:
    found = _makers.get(cls)
    if found is None:
        methods = [copyreg.dispatch_table.get(cls)]
        methods += [base.__dict__.get(name) for base in cls.__mro__ for name in _STATE_METHODS]
        found = _makers[cls] = any(isinstance(method, types.FunctionType) for method in methods)
    return found


def _is_same(one: Any, other: Any, depth: int = 0) -> bool:
    """Whether two states are the same as far as plain data and containers tell; what they share is not looked into."""
    if one is other or depth > _DEPTH_MAX:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if kind in (list, tuple):
        pairs = zip(one[:_ITEMS_COMPARED_MAX], other[:_ITEMS_COMPARED_MAX], strict=False)
        return len(one) == len(other) and all(_is_same(a, b, depth + 1) for a, b in pairs)
    if kind is dict:
        return list(one) == list(other) and all(_is_same(one[name], other[name], depth + 1) for name in one)
    if kind in (int, float, str, bytes, bool) or type(one).__module__ in ("datetime", "uuid"):
        return bool(one == other) or one != one
    return True
