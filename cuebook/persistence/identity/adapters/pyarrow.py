"""Arrow: tables, batches and arrays by type and value, not by how they were cut or chunked."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from cuebook.persistence.identity.adapters.numpy import elements
from cuebook.persistence.identity.digest import blake16, joined

__all__ = ["FORMS"]


def _table(walk: Any, value: Any) -> bytes:
    columns = [_column(walk, column) for column in value.columns]
    return joined(b"arrow", [type(value).__name__.encode(), _schema(walk, value.schema), *columns])


def _schema(walk: Any, value: Any) -> bytes:
    fields = [_field(walk, value.field(place)) for place in range(len(value))]
    return joined(b"schema", [*fields, walk.encode(value.metadata)])


def _field(walk: Any, value: Any) -> bytes:
    said = [value.name, str(value.type), value.nullable, value.metadata]
    return joined(b"field", [walk.encode(said)])


def _array(walk: Any, value: Any) -> bytes:
    return joined(b"arrow", [type(value).__name__.encode(), _column(walk, value)])


def _chunked(walk: Any, value: Any) -> bytes:
    return joined(b"arrow", [b"ChunkedArray", _column(walk, value)])


def _scalar(walk: Any, value: Any) -> bytes:
    return joined(b"arrow", [b"scalar", str(value.type).encode(), walk.encode(value.as_py())])


def _type(_walk: Any, value: Any) -> bytes:
    return joined(b"arrow", [b"type", str(value).encode()])


def _buffer(walk: Any, value: Any) -> bytes:
    walk.is_costly = True
    return joined(b"arrow", [b"buffer", blake16(value)])


def _column(walk: Any, column: Any) -> bytes:
    """Length, type, which items are there, and the items themselves."""
    pa = sys.modules["pyarrow"]
    walk.is_costly = True
    if isinstance(column, pa.ChunkedArray):
        chunks = column.chunks
        column = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks) if chunks else pa.array([], column.type)
    there = _numbers(walk, column.is_valid()) if column.null_count else b""
    parts = [str(column.type).encode(), str(len(column)).encode(), there]
    return joined(b"column", [*parts, *_items(walk, column)])


def _items(walk: Any, column: Any) -> list[bytes]:
    pa, kind = sys.modules["pyarrow"], column.type
    ask = pa.types
    if ask.is_null(kind):
        return []
    if ask.is_boolean(kind) or ask.is_integer(kind) or ask.is_floating(kind):
        return [_numbers(walk, column)]
    if ask.is_temporal(kind) and not ask.is_interval(kind):
        return [_numbers(walk, column.view(pa.int32() if kind.bit_width == 32 else pa.int64()))]
    if ask.is_string(kind) or ask.is_large_string(kind) or ask.is_binary(kind) or ask.is_large_binary(kind):
        return _texts(walk, column)
    if _is(kind, "string_view", "binary_view") or ask.is_fixed_size_binary(kind):
        return _texts(walk, column)
    if ask.is_dictionary(kind):
        return [_column(walk, column.dictionary_decode())]
    if ask.is_struct(kind):
        return [_column(walk, part) for part in column.flatten()]
    if ask.is_list(kind) or ask.is_large_list(kind):
        pc = _compute()
        return [_numbers(walk, pc.list_value_length(column)), _column(walk, column.flatten())]
    if isinstance(column, pa.ExtensionArray):
        return [_column(walk, column.storage)]
    return [walk.encode(column.to_pylist())]


def _compute() -> Any:
    return import_module("pyarrow.compute")


def _is(kind: Any, *names: str) -> bool:
    return str(kind) in names


def _numbers(walk: Any, column: Any) -> bytes:
    pc = _compute()
    if column.null_count:
        column = pc.fill_null(column, False if str(column.type) == "bool" else 0)
    return elements(walk, column.to_numpy(zero_copy_only=False))


def _texts(walk: Any, column: Any) -> list[bytes]:
    """Lengths, and all bytes one after the other."""
    np, pa, pc = sys.modules["numpy"], sys.modules["pyarrow"], _compute()
    plain = column.cast(pa.large_binary())
    if plain.null_count:
        plain = pc.fill_null(plain, b"")
    _, offsets, data = plain.buffers()
    if not len(plain) or offsets is None:
        return [b"", blake16(b"")]
    places = np.frombuffer(offsets, dtype=np.int64)[plain.offset : plain.offset + len(plain) + 1]
    content = memoryview(b"" if data is None else data)[places[0] : places[-1]]
    return [elements(walk, np.diff(places)), blake16(content)]


FORMS: dict[str, Any] = {
    "Array": _array,
    "ChunkedArray": _chunked,
    "RecordBatch": _table,
    "Table": _table,
    "Schema": _schema,
    "Field": _field,
    "DataType": _type,
    "Scalar": _scalar,
    "Buffer": _buffer,
}
