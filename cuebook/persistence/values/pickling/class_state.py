"""Classes taken apart for another process: what they are made of, and all that their own `__dict__` holds.

Knows no pickler. A class is copied as it is, not defined again: what its metaclass, its bases and its decorators have
done to it is in its state, and happens once.
"""

from __future__ import annotations

import abc
import sys
from operator import getitem
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from cuebook.persistence.values.pickling.class_making import (
    REGISTERED,
    enum_member,
    fill_class,
    fill_member,
    make_class,
    token_of,
)
from cuebook.persistence.values.pickling.code_bytes import COMPILER
from cuebook.persistence.values.pickling.objects import HEAP_TYPE, PLAIN_ENUM_VALUES, slots_of

__all__ = ["is_enumeration", "named_member", "reduced_class", "reduced_member"]

_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes})
_EARLY = ("__module__", "__qualname__", "__orig_bases__", "__firstlineno__", "__static_attributes__")
_MADE_HERE = frozenset({"__dict__", "__weakref__", "__annotate_func__", "__annotations_cache__", "_abc_impl"})
"""What each process's own class gets of itself."""


def is_enumeration(cls: type) -> bool:
    """Whether a class is an `enum.Enum`, without importing that."""
    enum = sys.modules.get("enum")
    return enum is not None and issubclass(cls, enum.Enum)


def reduced_class(cls: type) -> tuple[Any, ...]:
    """What a pickler's `reducer_override` answers for a class that no import finds."""
    own = cls.__dict__
    early = {name: own[name] for name in _EARLY if name in own}
    early["__qualname__"] = cls.__qualname__
    members = None
    if is_enumeration(cls):
        members = _plain_members(cls)
    else:
        early.update({name: value for name, value in own.items() if type(value) in _PLAIN and name not in _MADE_HERE})
        if "__slots__" in own:
            early["__slots__"] = _layout(cls)
    made_of = token_of(cls), _maker(cls), (cls.__name__, cls.__bases__), (COMPILER, early, members)
    return make_class, made_of, _state(cls), None, None, fill_class


def _maker(cls: type) -> type | int:
    """The metaclass of a class, or the place of the base that has it too: some cannot be had by a name of their own."""
    return next((place for place, base in enumerate(cls.__bases__) if type(base) is type(cls)), type(cls))


def _layout(cls: type) -> tuple[str, ...]:
    """The slots of a class by their real names, which no second mangling changes."""
    kinds = (GetSetDescriptorType, MemberDescriptorType)
    return tuple(
        name
        for name, value in cls.__dict__.items()
        if type(value) is MemberDescriptorType or (name in ("__dict__", "__weakref__") and type(value) in kinds)
    )


def _state(cls: type) -> dict[str, Any]:
    state = {
        name: value
        for name, value in cls.__dict__.items()
        if name not in _MADE_HERE and name not in _EARLY and not _is_layout(value)
    }
    if not isinstance(state.get("__slots__", ()), str | tuple | list | dict | set | frozenset):
        del state["__slots__"]  # an iterator, which is used up
    if sys.version_info >= (3, 14) and "__annotations__" not in state:
        state.update(_annotations(cls))
    if isinstance(cls, abc.ABCMeta):
        state[REGISTERED] = _registered(cls)
    return state


def _is_layout(value: Any) -> bool:
    """Whether an attribute is a place in the objects of the class: a slot, or a field of a structure of ctypes."""
    kind = type(value)
    return kind is MemberDescriptorType or (kind.__module__ == "_ctypes" and kind.__name__ == "CField")


def _annotations(cls: type) -> dict[str, Any]:
    """From Python 3.14 on they are made when asked for."""
    try:
        return {"__annotations__": dict(cls.__annotations__)}
    except Exception:  # names in them that are not defined yet
        return {}


def _registered(cls: abc.ABCMeta) -> list[type]:
    """What `cls.register` was told of, as far as this Python lets one see it."""
    look: Any = getattr(abc, "_get_dump", None)
    try:
        return [found for each in look(cls)[0] if (found := each()) is not None]
    except (TypeError, IndexError):
        return []


# Members of enumerations


def _plain_members(cls: Any) -> dict[str, Any]:
    values = {name: member._value_ for name, member in cls.__members__.items()}
    return {name: value for name, value in values.items() if type(value) in PLAIN_ENUM_VALUES}


def reduced_member(member: Any) -> tuple[Any, ...]:
    """What a pickler's `reducer_override` answers for a member of an enumeration that no import finds."""
    cls = type(member)
    name = member._name_ if member._name_ in cls.__members__ else None
    value = member._value_ if name is None else None
    state = {**vars(member), **{slot: getattr(member, slot) for slot in slots_of(cls) or () if hasattr(member, slot)}}
    return enum_member, (cls, name, value, _making(member)), state, None, None, fill_member


def named_member(member: Any) -> tuple[Any, ...] | None:
    """The same for one of an enumeration that is found by its name: by the member's own name, where its value is an
    object that equals no copy of itself. None: as the enumeration says.
    """
    cls = type(member)
    is_known = cls.__members__.get(member._name_) is member and type(member._value_) not in PLAIN_ENUM_VALUES
    is_usual = cls.__reduce_ex__ is sys.modules["enum"].Enum.__reduce_ex__
    return (getitem, (cls, member._name_)) if is_known and is_usual else None


def _making(member: Any) -> tuple[Any, ...]:
    """The built-in type behind a member, and the arguments that this makes it of."""
    base: Any = next(base for base in type(member).__mro__ if not base.__flags__ & HEAP_TYPE)
    if base is object:
        return (object,)
    if hasattr(base, "__getnewargs__"):
        return (base, *base.__getnewargs__(member))
    return (base, *base.__reduce__(member)[1])
