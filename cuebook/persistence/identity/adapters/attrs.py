"""Classes made by attrs: each field as it was declared, and which methods were generated."""

from __future__ import annotations

import types
from typing import Any

from cuebook.persistence.identity.code.annotations import note_of
from cuebook.persistence.identity.code.class_contents import ClassContents

__all__ = ["contents_of"]

_FIELD = (
    "name",
    "repr",
    "eq",
    "eq_key",
    "order",
    "order_key",
    "hash",
    "init",
    "metadata",
    "kw_only",
    "on_setattr",
    "alias",
)
_GENERATED = (
    "__init__",
    "__attrs_init__",
    "__repr__",
    "__str__",
    "__eq__",
    "__lt__",
    "__hash__",
    "__setattr__",
    "__delattr__",
)
_HIDDEN = frozenset(
    {
        "__attrs_attrs__",
        "__attrs_base_of_slotted__",
        "__attrs_own_setattr__",
        "__attrs_props__",
        "__slots__",
    }
)


def contents_of(cls: type) -> ClassContents | None:
    """The fields of a class, if attrs made it."""
    fields = cls.__dict__.get("__attrs_attrs__")
    if fields is None:
        return None
    declared: list[tuple[str, Any]] = [
        ("@fields", [_field(each) for each in fields]),
        ("@defaults", {each.name: each.default for each in fields if _has_default(each)}),
        ("@options", [[name, _generated(cls.__dict__.get(name))] for name in _GENERATED if name in cls.__dict__]),
    ]
    kept = _cached_properties(cls)
    if kept:
        declared.append(("@cached properties", kept))
    return ClassContents(_HIDDEN | frozenset(kept), tuple(declared))


def _field(field: Any) -> list[Any]:
    said = [[name, getattr(field, name, None)] for name in _FIELD]
    return [
        *said,
        ["type", note_of(field.type, {})],
        ["factory", _factory(field.default)],
        ["validator", field.validator],
        ["converter", _converter(field.converter)],
    ]


def _has_default(field: Any) -> bool:
    return type(field.default).__name__ not in ("_Nothing", "Factory")


def _factory(default: Any) -> Any:
    return [default.factory, default.takes_self] if type(default).__name__ == "Factory" else None


def _converter(converter: Any) -> Any:
    if type(converter).__name__ != "Converter":
        return converter
    return ["@converter", converter.converter, converter.takes_self, converter.takes_field]


def _generated(member: Any) -> str:
    return "none" if member is None else "made"


def _cached_properties(cls: type) -> dict[str, Any]:
    """Functions of cached properties: a class with slots holds them in a method that attrs made."""
    reads = cls.__dict__.get("__getattr__")
    if not isinstance(reads, types.FunctionType) or not reads.__code__.co_filename.startswith("<attrs generated"):
        return {}
    kept = reads.__globals__.get("cached_properties")
    return dict(kept) if isinstance(kept, dict) else {}
