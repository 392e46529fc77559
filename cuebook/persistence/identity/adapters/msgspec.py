"""Structs of msgspec, whose metaclass keeps fields and settings in C."""

from __future__ import annotations

from typing import Any

from cuebook.persistence.identity.code.annotations import note_of
from cuebook.persistence.identity.code.class_contents import ClassContents
from cuebook.persistence.identity.digest import joined

__all__ = ["FORMS", "contents_of"]

_HIDDEN = frozenset({"__slots__", "__match_args__"})
_SETTINGS = (
    "frozen", "eq", "order", "array_like", "gc", "repr_omit_defaults", "omit_defaults", "forbid_unknown_fields",
    "weakref", "dict", "cache_hash", "tag", "tag_field",
)  # fmt: skip
_META = (
    "gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "tz", "title", "description",
    "examples", "extra_json_schema", "extra",
)  # fmt: skip
_CODEC = ("strict", "dec_hook", "float_hook", "ext_hook", "enc_hook", "decimal_format", "uuid_format", "order")


def contents_of(cls: type) -> ClassContents | None:
    """The fields of a struct, inherited ones too: name, name in messages, and default."""
    meta = type(cls)
    if (meta.__module__.partition(".")[0], meta.__name__) != ("msgspec", "StructMeta"):
        return None
    struct: Any = cls
    names, defaults = struct.__struct_fields__, struct.__struct_defaults__
    given = dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    factories = {name: default.factory for name, default in given.items() if type(default).__name__ == "Factory"}
    values = {
        name: default for name, default in given.items() if name not in factories and repr(default) != "NODEFAULT"
    }
    fields = [list(names), list(struct.__struct_encode_fields__), sorted(values), list(factories.items())]
    settings = [[name, getattr(struct.__struct_config__, name, None)] for name in _SETTINGS]
    return ClassContents(_HIDDEN, (("@fields", fields), ("@defaults", values), ("@options", settings)))


def _meta(walk: Any, value: Any) -> bytes:
    """A constraint of a field."""
    return joined(b"msgspec.Meta", [walk.encode([[name, getattr(value, name, None)] for name in _META])])


def _codec(walk: Any, value: Any) -> bytes:
    """A decoder or encoder, by its type and settings."""
    settings = [[name, getattr(value, name, None)] for name in _CODEC]
    name = f"{type(value).__module__}.{type(value).__name__}".encode()
    return joined(b"msgspec", [name, walk.encode([note_of(getattr(value, "type", None), {}), settings])])


FORMS = {"Decoder": _codec, "Encoder": _codec, "Meta": _meta}
