"""The type that a function's output is to have: what is looked at in each value, and what it becomes in a column.

Knows no polars until a column's type is asked for; workers import this.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import types
import typing
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Union

__all__ = ["check_of", "dtype_of", "is_object", "type_text"]

Check = Callable[[Any], Any]
"""Gives the value as it is kept; raises TypeError for one of another type."""

_PLAIN = (str, bytes, bool, int, float, Decimal, dt.datetime, dt.date, dt.time, dt.timedelta)
_ANY = (None, Any)


def type_text(wanted: Any) -> str:
    """A type as it is written; equal texts are equal types."""
    if isinstance(wanted, type) and not typing.get_args(wanted):
        return wanted.__name__ if wanted.__module__ == "builtins" else f"{wanted.__module__}.{wanted.__qualname__}"
    return repr(wanted)


def is_object(wanted: Any) -> bool:
    """Whether values of this type are kept as Python objects, by the codec."""
    inner, _ = _without_none(wanted)
    if inner in _ANY or _is_dtype(inner) or inner in _PLAIN or _is_list(inner) or _is_record(inner):
        return False
    return typing.get_origin(inner) is not dict and inner is not dict


def check_of(wanted: Any) -> Check | None:
    """What is done with each value; None where every value is taken as it is."""
    inner, is_optional = _without_none(wanted)
    check = _inner_check(inner)
    if check is None or not is_optional:
        return check
    return lambda value: None if value is None else check(value)


def dtype_of(wanted: Any) -> Any:
    """The type of polars for the column; None where the values decide.

    Raises:
        TypeError: it is no type that a column can have.
    """
    import polars as pl

    inner, _ = _without_none(wanted)
    if inner in _ANY or inner in (dt.datetime, Decimal) or inner is dict or typing.get_origin(inner) is dict:
        return None
    if _is_dtype(inner):
        return inner
    if is_object(inner):
        from cuebook.workplace.chain_frames import object_type

        return object_type()
    if _is_list(inner):
        items = [item for item in typing.get_args(inner) if item is not ...]
        found = dtype_of(items[0]) if items else None
        return None if found is None else pl.List(found)
    if _is_record(inner):
        fields = {name: dtype_of(each) for name, each in _fields_of(inner).items()}
        return None if None in fields.values() else pl.Struct(fields)
    return {
        int: pl.Int64, float: pl.Float64, str: pl.String, bytes: pl.Binary, bool: pl.Boolean, dt.date: pl.Date,
        dt.time: pl.Time, dt.timedelta: pl.Duration("us"),
    }[inner]  # fmt: skip


def _without_none(wanted: Any) -> tuple[Any, bool]:
    """A type, and whether None is allowed beside it."""
    if wanted in _ANY:
        return None, True
    if typing.get_origin(wanted) in (Union, types.UnionType):
        inner = [each for each in typing.get_args(wanted) if each is not type(None)]
        is_optional = len(inner) < len(typing.get_args(wanted))
        return (inner[0] if len(inner) == 1 else None), is_optional
    return wanted, False


def _inner_check(inner: Any) -> Check | None:
    if inner is None or _is_dtype(inner):
        return None
    if inner is float:
        return _float
    if inner in _PLAIN:
        return _exactly(inner)
    if _is_list(inner):
        items = [item for item in typing.get_args(inner) if item is not ...]
        return _list(check_of(items[0]) if items else None)
    if _is_record(inner):
        return _record(inner)
    origin = typing.get_origin(inner) or inner
    return _instance(origin) if isinstance(origin, type) else None


def _is_dtype(inner: Any) -> bool:
    cls = inner if isinstance(inner, type) else type(inner)
    return cls.__module__.startswith("polars.")


def _is_list(inner: Any) -> bool:
    return (typing.get_origin(inner) or inner) in (list, tuple, Sequence, set, frozenset)


def _is_record(inner: Any) -> bool:
    """Whether it is a class with named fields: a dataclass, a TypedDict, a named tuple, a model of pydantic."""
    if not isinstance(inner, type):
        return False
    return (
        dataclasses.is_dataclass(inner)
        or typing.is_typeddict(inner)
        or (issubclass(inner, tuple) and hasattr(inner, "_fields"))
        or isinstance(getattr(inner, "model_fields", None), dict)
    )


def _fields_of(inner: Any) -> dict[str, Any]:
    try:
        hints = typing.get_type_hints(inner)
    except Exception:  # names that are known elsewhere
        return {"": None}
    names = getattr(inner, "_fields", None) or getattr(inner, "model_fields", None) or hints
    return {name: hints.get(name) for name in names}


def _wrong(value: Any, wanted: str) -> TypeError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
    hint = f"; write `{wanted} | None` if it may be missing" if value is None else ""
    return TypeError(f"gave {shown} ({type(value).__name__}), and its output is to be {wanted}{hint}")


def _plain(value: Any) -> Any:
    """The Python value of a numpy scalar; all else as it is."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 else value


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    value = _plain(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _wrong(value, "float")


def _exactly(cls: type) -> Check:
    others: tuple[type, ...] = (bool,) if cls is int else (dt.datetime,) if cls is dt.date else ()

    def check(value: Any) -> Any:
        if type(value) is cls:
            return value
        value = _plain(value)
        if isinstance(value, cls) and not isinstance(value, others):
            return value
        raise _wrong(value, cls.__name__)

    return check


def _list(item: Check | None) -> Check:
    def check(value: Any) -> Any:
        if hasattr(value, "tolist"):
            value = value.tolist()
        if not isinstance(value, list | tuple | set | frozenset):
            raise _wrong(value, "a list")
        return list(value) if item is None else [item(each) for each in value]

    return check


def _record(cls: Any) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, dict):
            return value
        if typing.is_typeddict(cls) or not isinstance(value, cls):
            raise _wrong(value, cls.__name__)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.asdict(value)
        if hasattr(value, "_asdict"):
            return value._asdict()  # a named tuple's public method, in spite of its name
        return value.model_dump()

    return check


def _instance(cls: type) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        raise _wrong(value, cls.__name__)

    return check
