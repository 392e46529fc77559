"""Polars: frames and series by type and value, not by how they were cut; expressions by what they give to pickle."""

from __future__ import annotations

import sys
from typing import Any

from cuebook.persistence.identity.adapters.numpy import elements
from cuebook.persistence.identity.digest import blake16, joined

__all__ = ["FORMS"]


def _frame(walk: Any, value: Any) -> bytes:
    columns = [_named(walk, column) for column in value.get_columns()]
    return joined(b"polars", [walk.code(b"T", type(value)), str(value.height).encode(), *columns])


def _series(walk: Any, value: Any) -> bytes:
    return joined(b"polars", [walk.code(b"T", type(value)), _named(walk, value)])


def _named(walk: Any, series: Any) -> bytes:
    return joined(b"series", [series.name.encode("utf-8", "surrogatepass"), _values(walk, series)])


def _values(walk: Any, series: Any) -> bytes:
    """Length, type, which items are there, and the items themselves."""
    walk.is_costly = True
    there = elements(walk, series.is_not_null().to_numpy()) if series.null_count() else b""
    parts = [repr(series.dtype).encode(), str(len(series)).encode(), there]
    return joined(b"values", [*parts, *_items(walk, series)])


def _items(walk: Any, series: Any) -> list[bytes]:
    pl, dtype = sys.modules["polars"], series.dtype
    if dtype == pl.Boolean:
        return [_numbers(walk, series, False)]
    if dtype.is_integer() or dtype.is_float():
        return [_numbers(walk, series, 0)]
    if dtype.is_temporal():
        return [_numbers(walk, series.to_physical(), 0)]
    if dtype == pl.String:
        filled = series.fill_null("")
        lengths = filled.str.len_bytes().to_numpy()
        return [elements(walk, lengths), blake16("".join(filled.to_list()).encode("utf-8", "surrogatepass"))]
    if dtype in (pl.Categorical, pl.Enum) or dtype.is_decimal():
        return [_values(walk, series.cast(pl.String))]
    if dtype == pl.Struct:
        inner = series.struct.unnest()
        return [_named(walk, column) for column in inner.get_columns()]
    return [walk.encode(series.to_list())]


def _numbers(walk: Any, series: Any, empty: Any) -> bytes:
    filled = series.fill_null(empty) if series.null_count() else series
    return elements(walk, filled.to_numpy())


_PYTHON = bytes([sys.version_info.minor, sys.version_info.micro])
_FUNCTIONS = (
    *(b"PLPYFN", b"PLPYUDF"),
    *(
        _PYTHON + begin
        for begin in (b"\x80\x04\x95", b"\x80\x05\x95", b"\xcc\x80\x04\xcc\x95", b"\xcc\x80\x05\xcc\x95")
    ),
)
"""How polars begins a pickled Python function: with a mark, or with Python's version before the pickle. A lazy frame
has it as a list of numbers of msgpack.
"""


def _deferred(walk: Any, value: Any) -> bytes:
    """An expression or a lazy frame; a Python function in one is pickled by its name, so its code cannot be seen."""
    encoded = walk.state(value)
    state = value.__getstate__()
    if isinstance(state, bytes) and any(mark in state for mark in _FUNCTIONS):
        walk.unseen(value, "which holds a Python function")
    return bytes(encoded)


FORMS: dict[str, Any] = {"DataFrame": _frame, "Series": _series, "Expr": _deferred, "LazyFrame": _deferred}
