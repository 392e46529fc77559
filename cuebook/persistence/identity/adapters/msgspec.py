"""Structs of msgspec, whose metaclass keeps fields and settings in C."""

from __future__ import annotations

from typing import Any

from cuebook.persistence.identity.code.class_contents import ClassContents

__all__ = ["contents_of"]

_HIDDEN = frozenset({"__slots__", "__match_args__"})
_SETTINGS = (
    "frozen", "eq", "order", "array_like", "gc", "repr_omit_defaults", "omit_defaults", "forbid_unknown_fields",
    "weakref", "dict", "cache_hash", "tag", "tag_field",
)  # fmt: skip


def contents_of(cls: type) -> ClassContents | None:
    """The fields of a struct, inherited ones too: name, name in messages, and default."""
    meta = type(cls)
    if (meta.__module__.partition(".")[0], meta.__name__) != ("msgspec", "StructMeta"):
        return None
    struct: Any = cls
    names, defaults = struct.__struct_fields__, struct.__struct_defaults__
    given = [["@required"]] * (len(names) - len(defaults)) + [_default(default) for default in defaults]
    fields = [list(field) for field in zip(names, struct.__struct_encode_fields__, given, strict=True)]
    settings = [[name, getattr(struct.__struct_config__, name, None)] for name in _SETTINGS]
    return ClassContents(_HIDDEN, (("@fields", fields), ("@struct", settings)))


def _default(default: Any) -> list[Any]:
    if type(default).__name__ == "Factory":
        return ["@factory", default.factory]
    return ["@required"] if repr(default) == "NODEFAULT" else ["@value", default]
