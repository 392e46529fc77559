"""Objects of user classes that are kept without pickle: dataclasses, enums, named tuples, by name and fields.

Knows no bytes of plain types and resolves no names itself.
"""

from __future__ import annotations

import copyreg
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Code
from cuebook.wire.codec import ExtType

if TYPE_CHECKING:
    from collections.abc import Callable

    from cuebook.persistence.values.codes import Decoding, Encoding, Form, Opening

__all__ = ["OBJECT_OPENINGS", "object_form", "slots_of", "stands_under_its_name"]

HEAP_TYPE = 1 << 9
PLAIN_ENUM_VALUES = frozenset({type(None), bool, int, float, str, bytes})
OWN_PICKLING = (
    "__reduce__",
    "__reduce_ex__",
    "__getstate__",
    "__setstate__",
    "__getnewargs__",
    "__getnewargs_ex__",
)
"""A class that defines one of these decides itself what of it is kept."""


def stands_under_its_name(cls: type) -> bool:
    """Whether another process can find the class by its name. In `__main__` the name is believed."""
    if "<locals>" in cls.__qualname__:
        return False
    if cls.__module__ == "__main__":
        return True
    found: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is cls


def object_form(cls: type) -> Form | None:
    """How instances of a class are kept without pickle; None where pickle has to keep them."""
    if cls in copyreg.dispatch_table or not stands_under_its_name(cls):
        return None
    enum = sys.modules.get("enum")
    if enum is not None and issubclass(cls, enum.Enum):
        form: Form | None = _enum
    elif hasattr(cls, "__dataclass_fields__"):
        form = _dataclass_form(cls)
    elif issubclass(cls, tuple):
        form = _named_tuple if _is_named_tuple(cls) else None
    else:
        form = None
    if form is None or cls.__module__ != "__main__":
        return form
    return _unless_portable(form)


def _unless_portable(form: Form) -> Form:
    """A class of `__main__` by its name; with its definition for a process that has another `__main__`."""

    def chosen(value: Any, encoding: Encoding) -> Any:
        return encoding.pickled(value) if encoding.portable else form(value, encoding)

    return chosen


def _defines(cls: type, names: tuple[str, ...], is_generated: Callable[[Any], bool]) -> bool:
    """Whether the class or a base of the user's own defines one of the methods itself, and not a decorator for it."""
    for base in cls.__mro__:
        if not base.__flags__ & HEAP_TYPE:
            continue
        for name in names:
            method = base.__dict__.get(name)
            if method is not None and not is_generated(method):
                return True
    return False


# Dataclasses


def _is_of_dataclasses(method: Any) -> bool:
    """Whether the decorator brought it: how a frozen dataclass with slots is pickled."""
    return getattr(method, "__module__", None) == "dataclasses"


def slots_of(cls: type) -> list[str] | None:
    """Names of all slots of a class and its bases; None where one of them cannot be reached by its name."""
    names: list[str] = []
    for base in cls.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if name in {"__dict__", "__weakref__"}:
                continue
            if name.startswith("__"):  # mangled
                return None
            names.append(name)
    return names


def _dataclass_form(cls: type) -> Form | None:
    if any(base is not object and not base.__flags__ & HEAP_TYPE for base in cls.__mro__):
        return None  # what a built-in or compiled base holds is not in its fields
    if _defines(cls, OWN_PICKLING, _is_of_dataclasses):
        return None
    slots = slots_of(cls)
    if slots is None:
        return None
    names = _field_names(cls)
    known = frozenset(names)
    module, qualname = cls.__module__, cls.__qualname__

    def form(value: Any, encoding: Encoding) -> Any:
        held = dict(getattr(value, "__dict__", ()))
        for name in slots:
            if hasattr(value, name):
                held[name] = getattr(value, name)
        state = {name: held.pop(name) for name in names if name in held}
        parts: list[Any] = [module, qualname, state]
        if held or len(state) != len(known):
            parts += [held, sorted(known.difference(state))]
        return ExtType(Code.DATACLASS, encoding.nested(parts))

    return form


def _open_dataclass(data: bytes, decoding: Decoding) -> Any:
    module, qualname, state, held, unset = (*decoding.nested(data), {}, [])[:5]
    try:
        cls = decoding.resolve(module, qualname)
    except LookupError as error:
        return decoding.unresolved((module, qualname), {**state, **held}, str(error.args[0]))
    if not isinstance(cls, type) or not hasattr(cls, "__dataclass_fields__"):
        return decoding.unresolved((module, qualname), {**state, **held}, "it is no dataclass any more")
    fields, slots = _layout(cls)
    new = fields.difference(state, unset)
    added = decoding.defaults(cls, new) if new else {}
    if added is None or not fields.issuperset(state) or not fields.issuperset(unset):
        return decoding.unresolved((module, qualname), {**state, **held}, "its fields have changed")
    try:
        value: Any = object.__new__(cls)
        for name, part in {**state, **added, **held}.items():
            if name in slots:
                object.__setattr__(value, name, part)
            else:
                value.__dict__[name] = part
    except (TypeError, AttributeError) as error:  # it has become abstract, or has slots now
        return decoding.unresolved((module, qualname), {**state, **held}, str(error))
    return value


@lru_cache(maxsize=256)
def _layout(cls: type) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(_field_names(cls)), frozenset(slots_of(cls) or ())


def _field_names(cls: type) -> list[str]:
    import dataclasses  # loaded already, by whoever made the class

    return [field.name for field in dataclasses.fields(cls)]


# Enums


def _enum(value: Any, encoding: Encoding) -> Any:
    cls = type(value)
    name = value._name_ if value._name_ in cls.__members__ else None
    parts: list[Any] = [cls.__module__, cls.__qualname__, name]
    if name is None or type(value._value_) in PLAIN_ENUM_VALUES:
        parts.append(value._value_)
    return ExtType(Code.ENUM, encoding.nested(parts))


def _open_enum(data: bytes, decoding: Decoding) -> Any:
    from enum import Enum

    module, qualname, name, *value = decoding.nested(data)
    fields = {"name": name, **({"value": value[0]} if value else {})}
    try:
        cls = decoding.resolve(module, qualname)
    except LookupError as error:
        return decoding.unresolved((module, qualname), fields, str(error.args[0]))
    if not isinstance(cls, type) or not issubclass(cls, Enum):
        return decoding.unresolved((module, qualname), fields, "it is no enum any more")
    try:
        member = cls(value[0]) if name is None else cls[name]
    except (LookupError, ValueError, TypeError):
        return decoding.unresolved((module, qualname), fields, "it has no such member any more")
    if value and not _same(member._value_, value[0]):
        return decoding.unresolved((module, qualname), fields, "the value of this member has changed")
    return member


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one == other or (one != one and other != other))


# Named tuples


def _is_named_tuple(cls: type) -> bool:
    names = getattr(cls, "_fields", None)
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        return False
    return not _defines(cls, OWN_PICKLING, lambda method: getattr(method, "__name__", "") == "__getnewargs__")


def _named_tuple(value: Any, encoding: Encoding) -> Any:
    cls = type(value)
    if getattr(value, "__dict__", None) or len(cls._fields) != len(value):
        return encoding.pickled(value)
    parts = [cls.__module__, cls.__qualname__, list(cls._fields), *value]
    return ExtType(Code.NAMED_TUPLE, encoding.nested(parts))


def _open_named_tuple(data: bytes, decoding: Decoding) -> Any:
    module, qualname, names, *values = decoding.nested(data)
    fields = dict(zip(names, values, strict=True))
    try:
        cls = decoding.resolve(module, qualname)
    except LookupError as error:
        return decoding.unresolved((module, qualname), fields, str(error.args[0]))
    known: Any = getattr(cls, "_fields", None) if isinstance(cls, type) and issubclass(cls, tuple) else None
    if known == tuple(names):
        return tuple.__new__(cls, values)
    if isinstance(known, tuple) and set(names).issubset(known):
        added = decoding.defaults(cls, set(known).difference(names))
        if added is not None:
            return tuple.__new__(cls, [{**added, **fields}[name] for name in known])
    return decoding.unresolved((module, qualname), fields, "its fields have changed")


OBJECT_OPENINGS: dict[int, Opening] = {
    Code.DATACLASS: _open_dataclass,
    Code.ENUM: _open_enum,
    Code.NAMED_TUPLE: _open_named_tuple,
}
