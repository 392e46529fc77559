"""What counts of a class: its name, bases and members, without what Python or a decorator generates.

Knows no digests: it lists members as values and functions.
"""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.ownership import is_users_function

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["class_members", "find_member", "functions_of"]

_GENERATED = frozenset(
    {
        "_abc_impl",
        "_member_names_",
        "_member_map_",
        "_value2member_map_",
        "_unhashable_values_",
        "_unhashable_values_map_",
        "_hashable_values_",
        "_use_args_",
        "_new_member_",
        "_generate_next_value_",
        "_value_repr_",
        "_sort_order_",
        "_member_type_",
        "_fields",
        "_field_defaults",
        "_make",
        "_replace",
        "_asdict",
        "__annotate__",
        "__annotate_func__",
    }
)
_ANNOTATING = {"__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"}
_HIDDEN = (types.GetSetDescriptorType, types.MemberDescriptorType)
_MADE_FILES = ("<string>", "<attrs generated")
_DATACLASS_SWITCHES = ("init", "repr", "eq", "order", "unsafe_hash", "frozen")
_DATACLASS_FIELD = ("name", "default", "default_factory", "init", "repr", "hash", "compare", "kw_only")


def class_members(cls: type) -> list[tuple[str, Any]]:
    """The members of a class that its author wrote, by name; what was generated stands as what it came from.

    Functions and descriptors of any name, other values of names without double underscores, the fields of
    dataclasses and named tuples, the members of enumerations, and annotations.
    """
    members = sorted((name, value) for name, value in cls.__dict__.items() if _counts(cls, name, value))
    return [*members, *_declared(cls)]


def _counts(cls: type, name: str, value: Any) -> bool:
    if name in _GENERATED or name in cls.__dict__.get("_member_map_", ()) or type(value) in _HIDDEN:
        return False
    if type(value).__name__ == "_tuplegetter":  # a field of a named tuple
        return False
    function = value.__func__ if isinstance(value, staticmethod) else value
    special = name.startswith("__") and name.endswith("__")
    if isinstance(function, types.FunctionType):
        return not (special and _is_generated(function))
    return name == "__slots__" or not special or isinstance(value, staticmethod | classmethod | property)


def _is_generated(function: types.FunctionType) -> bool:
    """Whether dataclass, namedtuple, enum or attrs made it from what is listed for itself."""
    if not is_users_function(function):
        inner = function.__dict__.get("__wrapped__")
        return not isinstance(inner, types.FunctionType) or _is_generated(inner)
    made_for = str(function.__globals__.get("__name__"))
    return function.__code__.co_filename.startswith(_MADE_FILES) or made_for.startswith("namedtuple_")


def _declared(cls: type) -> Iterator[tuple[str, Any]]:
    own = cls.__dict__
    if "__dataclass_params__" in own:
        switches = own["__dataclass_params__"]
        yield "@dataclass", [(name, bool(getattr(switches, name, False))) for name in _DATACLASS_SWITCHES]
        fields = own["__dataclass_fields__"].values()
        yield "@fields", [[_field_value(field, name) for name in _DATACLASS_FIELD] for field in fields]
    if "_fields" in own and issubclass(cls, tuple):
        yield "@fields", [list(own["_fields"]), own.get("_field_defaults", {})]
    if "_member_map_" in own:
        yield "@members", [(name, member._value_) for name, member in own["_member_map_"].items()]
    notes = _annotations(cls)
    if notes:
        yield "@annotations", [(name, _note(note)) for name, note in notes.items()]


def _field_value(field: Any, name: str) -> Any:
    value = getattr(field, name, None)
    # By name: a class that was shipped by value has a MISSING of its own.
    return "@missing" if type(value).__name__ == "_MISSING_TYPE" else value


def _annotations(cls: type) -> dict[str, Any]:
    if not cls.__dict__.keys() & _ANNOTATING:
        return {}  # asking a class that has none would give it some, and change its pickles
    try:
        return dict(cls.__annotations__)
    except Exception:  # none, or names in them that are not defined here
        return {}


def _note(note: Any) -> str:
    if isinstance(note, str):
        return note
    if isinstance(note, type):
        return note.__qualname__
    return str(note) if type(note).__module__ in ("typing", "types") else type(note).__qualname__


def find_member(cls: type, name: str) -> tuple[type, Any] | None:
    """The class that defines an attribute, and the attribute as it stands there; None where no class does.

    A slot is none: what it holds is the object's, and a class that was shipped by value has none.
    """
    for base in cls.__mro__:
        if name in base.__dict__:
            found = base.__dict__[name]
            return None if type(found) in _HIDDEN else (base, found)
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
