"""What counts of a class: what it is at run time, without what Python or a decorator only generates.

Knows no digests: it lists members as values and functions.
"""

from __future__ import annotations

import abc
import functools
import sys
import types
from collections.abc import Iterator
from typing import Any

from cuebook.persistence.identity.code.annotations import annotations_of, note_of
from cuebook.persistence.identity.code.class_contents import library_contents
from cuebook.persistence.identity.ownership import is_users_class, is_users_function

__all__ = ["class_members", "find_member", "functions_of", "hidden_maker"]

_OF_PYTHON = frozenset(
    {
        "__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__annotate__",
        "__annotate_func__", "__annotations_cache__", "__static_attributes__", "__firstlineno__", "__orig_bases__",
        "__parameters__", "__type_params__", "__signature__", "__text_signature__",
        "__dataclass_fields__", "__dataclass_params__", "__slotnames__", "__classdictcell__",
    }
)  # fmt: skip
"""Of no class its own contents, or given otherwise: as fields, bases, hints."""

_OF_PROTOCOLS = frozenset(
    {
        "_is_protocol", "_is_runtime_protocol", "__protocol_attrs__", "__non_callable_proto_members__",
        "__callable_proto_members_only__",
    }
)  # fmt: skip
_OF_NAMED_TUPLES = frozenset({"_fields", "_field_defaults", "_make", "_replace", "_asdict", "__match_args__"})
_DESCRIPTORS = (types.GetSetDescriptorType, types.MemberDescriptorType)
_DATACLASS_SWITCHES = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")
_DATACLASS_FIELD = ("name", "default_factory", "init", "repr", "hash", "compare", "kw_only", "metadata")
_KNOWN_MAKERS = frozenset({"abc", "builtins", "ctypes", "_ctypes", "enum", "msgspec", "numba", "pydantic", "typing"})
"""Packages whose metaclasses hide nothing, or have an adapter."""

_NOTHING = "@missing"


def class_members(cls: type) -> list[tuple[str, Any]]:
    """The members of a class as its author wrote them, by name; what was generated stands as what it came from.

    All functions, descriptors and values of its own namespace, then the fields that dataclasses, named tuples, typed
    dictionaries and other libraries took out of it, the members of enumerations, the arguments of generic bases, and
    annotations.
    """
    library = library_contents(cls)
    members = [
        (name, value)
        for name, value in sorted(cls.__dict__.items())
        if name not in library.hidden and _counts(cls, name, value)
    ]
    return [*members, *library.declared, *_declared(cls)]


def hidden_maker(cls: type) -> str | None:
    """The metaclass of a class, where it is written in C and may keep what nobody can see; else None."""
    meta = type(cls)
    package = str(meta.__module__).partition(".")[0]
    if meta is type or package in _KNOWN_MAKERS or is_users_class(meta):
        return None
    filename = getattr(sys.modules.get(meta.__module__), "__file__", None)
    return None if isinstance(filename, str) and filename.endswith(".py") else f"{meta.__module__}.{meta.__qualname__}"


def _counts(cls: type, name: str, value: Any) -> bool:
    kind = type(value)
    if name in _OF_PYTHON or name in _OF_PROTOCOLS or kind in _DESCRIPTORS or kind.__name__ in ("_abc_data", "CField"):
        return False
    if _is_named_tuple(cls) and (name in _OF_NAMED_TUPLES or kind.__name__ == "_tuplegetter"):
        return False
    if "_member_map_" in cls.__dict__ and _is_of_enum(cls, name, value):
        return False
    if _is_typed_dict(cls) and name.startswith("__"):
        return False
    function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    is_special = name.startswith("__") and name.endswith("__")
    return not (is_special and isinstance(function, types.FunctionType) and _is_generated(function))


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and "_fields" in cls.__dict__ and "_make" in cls.__dict__


def _is_typed_dict(cls: type) -> bool:
    return "__required_keys__" in cls.__dict__ and "__total__" in cls.__dict__


def _is_of_enum(cls: type, name: str, value: Any) -> bool:
    if name in cls.__dict__["_member_map_"]:
        return True
    function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    is_private = name.startswith("_") and name.endswith("_")
    return is_private and not (isinstance(function, types.FunctionType) and is_users_function(function))


def _is_generated(function: types.FunctionType) -> bool:
    """Whether a library made it (dataclass, namedtuple, enum, attrs) from what is listed for itself."""
    if not is_users_function(function):
        inner = function.__dict__.get("__wrapped__")
        return not isinstance(inner, types.FunctionType) or _is_generated(inner)
    code = function.__code__
    is_of_dataclass = code.co_filename == "<string>" and code.co_qualname.startswith("__create_fn__.")
    is_of_tuple = str(function.__globals__.get("__name__")).startswith("namedtuple_")
    return is_of_dataclass or is_of_tuple or code.co_filename.startswith("<attrs generated")


def _declared(cls: type) -> Iterator[tuple[str, Any]]:
    own = cls.__dict__
    if "__dataclass_params__" in own:
        switches = own["__dataclass_params__"]
        yield "@options", [(name, bool(getattr(switches, name, False))) for name in _DATACLASS_SWITCHES]
        fields = own["__dataclass_fields__"].values()
        yield "@fields", [[_field_value(field, name) for name in _DATACLASS_FIELD] for field in fields]
        defaults = {field.name: _field_value(field, "default") for field in fields}
        yield "@defaults", {name: value for name, value in defaults.items() if value is not _NOTHING}
    if _is_named_tuple(cls):
        yield "@fields", list(own["_fields"])
        yield "@defaults", own.get("_field_defaults", {})
    if _is_typed_dict(cls):
        yield "@keys", [bool(own["__total__"]), sorted(own["__required_keys__"])]
    if "_member_map_" in own:
        members = own["_member_map_"].items()
        yield "@members", {name: [member._value_, _state_of_member(member)] for name, member in members}
        boundary = getattr(own.get("_boundary_"), "_name_", None)
        if boundary is not None:
            yield "@boundary", boundary
    registered = _registered_with(cls)
    if registered:
        yield "@registered", registered
    bases = own.get("__orig_bases__")
    if bases:
        yield "@bases", [note_of(base, {}) for base in bases]
    notes = annotations_of(cls)
    if notes:
        yield "@hints", notes


def _registered_with(cls: type) -> list[type]:
    """The classes that were registered with an abstract one, which keeps them where nothing in it shows them."""
    if not isinstance(cls, abc.ABCMeta):
        return []
    try:
        held = [reference() for reference in abc._get_dump(cls)[0]]  # type: ignore[attr-defined]
    except (AttributeError, TypeError):  # of a metaclass that has not called its base
        return []
    return sorted((each for each in held if each is not None), key=lambda each: each.__qualname__)


def _state_of_member(member: Any) -> dict[str, Any]:
    """What an enumeration's `__init__` or `__new__` gave to a member beside its value."""
    own = getattr(member, "__dict__", {})
    return {name: own[name] for name in sorted(own) if not name.startswith("_")}


def _field_value(field: Any, name: str) -> Any:
    value = getattr(field, name, None)
    # By name: a class that was shipped by value has a MISSING of its own.
    return _NOTHING if type(value).__name__ == "_MISSING_TYPE" else value


def find_member(cls: type, name: str) -> tuple[type, Any] | None:
    """The class that defines an attribute, and the attribute as it stands there; None where no class does.

    A slot is none: what it holds is the object's, and a class that was shipped by value has none.
    """
    for base in cls.__mro__:
        if name in base.__dict__:
            found = base.__dict__[name]
            return None if type(found) in _DESCRIPTORS else (base, found)
    return None


def functions_of(member: Any) -> list[Any] | None:
    """The functions behind a method, property or other descriptor; None for any other value."""
    if isinstance(member, types.FunctionType):
        return [member]
    if isinstance(member, staticmethod | classmethod):
        return [member.__func__]
    if isinstance(member, property):
        return [part for part in (member.fget, member.fset, member.fdel) if part is not None]
    if isinstance(member, functools.cached_property):
        return [member.func]
    return None
