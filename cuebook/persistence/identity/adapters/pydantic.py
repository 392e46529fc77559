"""Models of pydantic: fields, private attributes, what its decorators declare; type adapters and validated calls."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from cuebook.persistence.identity.code.annotations import note_of
from cuebook.persistence.identity.code.class_contents import ClassContents
from cuebook.persistence.identity.digest import joined
from cuebook.persistence.identity.ownership import is_users_function
from cuebook.persistence.identity.values.object_state import is_cache

__all__ = ["FORMS", "contents_of"]

_FIELD = (
    "default_factory", "alias", "alias_priority", "validation_alias", "serialization_alias", "title",
    "description", "examples", "exclude", "exclude_if", "discriminator", "deprecated", "json_schema_extra", "frozen",
    "validate_default", "repr", "init", "init_var", "kw_only", "field_title_generator", "metadata",
)  # fmt: skip
_COMPILED = frozenset({"__class_vars__", "__private_attributes__", "__signature__", "__abstractmethods__"})


def contents_of(cls: type) -> ClassContents | None:
    """What pydantic took out of a class, if it made it."""
    own = cls.__dict__
    fields = own.get("__pydantic_fields__")
    if not isinstance(fields, dict):
        return None
    scope, private = _scope(cls), own.get("__private_attributes__", {})
    declared: list[tuple[str, Any]] = [
        ("@fields", [[name, *_field(field, scope)] for name, field in fields.items()]),
        ("@defaults", {name: field.default for name, field in fields.items() if _is_default(field)}),
        ("@private attributes", {name: field.default for name, field in private.items() if _is_default(field)}),
        ("@private factories", {name: field.default_factory for name, field in private.items()}),
        ("@decorators", list(_decorators(own.get("__pydantic_decorators__"), scope))),
    ]
    if "__pydantic_config__" in own:
        declared.append(("@config", own["__pydantic_config__"]))
    compiled = {name for name, member in own.items() if name.startswith("__pydantic_") or _is_made(member)}
    return ClassContents(_COMPILED | compiled, tuple(declared))


def _scope(cls: type) -> dict[str, Any]:
    import sys

    return dict(vars(sys.modules.get(cls.__module__, types)))


def _is_made(member: Any) -> bool:
    return isinstance(member, types.FunctionType) and not is_users_function(member)


def _is_given(value: Any) -> bool:
    is_empty = value is None or (isinstance(value, list) and not value)
    return not is_empty and type(value).__name__ != "PydanticUndefinedType"


def _field(field: Any, scope: dict[str, Any]) -> Iterator[Any]:
    yield note_of(field.annotation, scope)
    for name in _FIELD:
        value = getattr(field, name, None)
        if _is_given(value):
            yield [name, value]


def _is_default(field: Any) -> bool:
    return type(field.default).__name__ != "PydanticUndefinedType"


def _decorators(infos: Any, scope: dict[str, Any]) -> Iterator[Any]:
    """What each decorated member of the class is for; its function is a member of its own."""
    for group in getattr(type(infos), "__dataclass_fields__", ()):
        for name, decorator in getattr(infos, group).items():
            info = decorator.info
            said = [
                [field, note_of(value, scope) if field == "return_type" else value]
                for field in getattr(type(info), "__dataclass_fields__", ())
                if field != "wrapped_property" and _is_given(value := getattr(info, field, None))
            ]
            yield [group, name, *said]


def _model(walk: Any, value: Any) -> bytes | None:
    """A model by its fields, whether they were given or left at their defaults; by its state where it makes one."""
    if not hasattr(value, "__pydantic_private__") or _makes_its_state(type(value)):
        return None
    held = [(name, part) for name, part in vars(value).items() if not is_cache(type(value), name)]
    held = [(name, part) for name, part in held if name != _OF_TABLES]
    private = (value.__pydantic_private__ or {}).items()
    parts = [walk.pairs(b"d", held), walk.encode(value.__pydantic_extra__), walk.pairs(b"d", private)]
    return joined(b"pydantic.BaseModel", [walk.code(b"T", type(value)), *parts])


_OF_TABLES = "_sa_instance_state"


def _makes_its_state(cls: type) -> bool:
    own = (base.__dict__.get(name) for base in cls.__mro__ for name in ("__getstate__", "__reduce__", "__reduce_ex__"))
    return any(isinstance(each, types.FunctionType) and is_users_function(each) for each in own)


def _type_adapter(walk: Any, value: Any) -> bytes:
    """A TypeAdapter: its type and its configuration, and not what it was compiled to."""
    said = [note_of(getattr(value, "_type", None), {}), getattr(value, "_config", None)]
    return joined(b"pydantic.TypeAdapter", [walk.encode(said)])


def _validated_call(walk: Any, value: Any) -> bytes:
    """What `@validate_call` puts around a function."""
    config = getattr(getattr(value, "config_wrapper", None), "config_dict", None)
    said = [value.function, bool(getattr(value, "validate_return", False)), config]
    return joined(b"pydantic.validate_call", [walk.encode(said)])


FORMS = {"BaseModel": _model, "TypeAdapter": _type_adapter, "ValidateCallWrapper": _validated_call}
