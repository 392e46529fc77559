"""Classes that are mapped to tables by SQLAlchemy (or SQLModel): the table's columns stand for what was declared."""

from __future__ import annotations

import types
from typing import Any

from cuebook.persistence.identity.code.class_contents import ClassContents

__all__ = ["contents_of"]

_MADE = frozenset({"_sa_class_manager", "_sa_registry", "__mapper__", "__table__", "metadata", "registry"})
_COLUMN = ("name", "key", "nullable", "primary_key", "unique", "index", "autoincrement")


def contents_of(cls: type) -> ClassContents | None:
    """The columns of a mapped class, or that a class is a base of such."""
    own = cls.__dict__
    if "_sa_class_manager" not in own and "_sa_registry" not in own:
        return None
    attributes = [name for name, member in own.items() if _is_instrumented(member)]
    made = {name for name, member in own.items() if _is_constructor(name, member)}
    declared: list[tuple[str, Any]] = [("@mapped", sorted(attributes))]
    table = own.get("__table__")
    if table is not None:
        columns = [_column(column) for column in table.columns]
        declared.append(("@table", [table.name, table.schema, columns]))
        declared.append(("@defaults", {column.name: _made_value(column) for column in table.columns}))
    return ClassContents(_MADE | made | set(attributes), tuple(declared))


def _is_instrumented(member: Any) -> bool:
    return type(member).__module__.startswith("sqlalchemy.orm") and hasattr(type(member), "__get__")


def _is_constructor(name: str, member: Any) -> bool:
    return name == "__init__" and isinstance(member, types.FunctionType) and hasattr(member, "_sa_original_init")


def _column(column: Any) -> list[Any]:
    text = repr(column.type)
    said: list[Any] = [[name, _plain(getattr(column, name, None))] for name in _COLUMN]
    said.append(["type", type(column.type), text if " at 0x" not in text else ""])
    for name in ("onupdate", "server_default"):
        said.append([name, _made_value(column, name)])
    said.append(["foreign", sorted(key.target_fullname for key in column.foreign_keys)])
    return said


def _made_value(column: Any, name: str = "default") -> Any:
    """A column's default: a value, or the function that gives one."""
    return getattr(getattr(column, name, None), "arg", None)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)
