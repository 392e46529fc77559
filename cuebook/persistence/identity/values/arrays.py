"""The identity of numpy arrays and pandas frames: by dtype, shape and elements, never by how they lie in
memory.

Knows neither library at import: it is handed values of theirs.
"""

from __future__ import annotations

import sys
from typing import Any

from cuebook.persistence.identity.digest import blake16, joined

__all__ = ["array_bytes", "array_scalar_bytes", "frame_bytes", "index_bytes", "series_bytes"]

_FLAT_KINDS = frozenset("biufcmMSU")


def array_bytes(walk: Any, value: Any) -> bytes:
    """An array of any dtype: dtype, shape and bytes in C order; a subclass with its own attributes as
    well.
    """
    np = sys.modules["numpy"]
    parts = [_array(walk, np.asarray(value))]
    if type(value) is not np.ndarray:
        parts.append(walk.code(b"T", type(value)))
        if type(value) is not np.memmap:
            parts.append(walk.encode(dict(getattr(value, "__dict__", {}))))
    return joined(b"A", parts)


def _array(walk: Any, array: Any) -> bytes:
    np = sys.modules["numpy"]
    dtype, shape = array.dtype, repr(array.shape).encode()
    if dtype.names is not None:  # field by field: the padding between them is not part of the value
        fields = [
            joined(b"", [name.encode("utf-8", "surrogatepass"), _array(walk, array[name])]) for name in dtype.names
        ]
        return joined(b"fields", [shape, *fields])
    if dtype.kind in _FLAT_KINDS and not dtype.hasobject:
        flat = np.ascontiguousarray(array).reshape(-1)
        return joined(b"flat", [dtype.str.encode(), shape, blake16(flat.view(np.uint8) if flat.nbytes else b"")])
    if dtype.kind == "V" and not dtype.hasobject:
        return joined(b"void", [dtype.str.encode(), shape, blake16(array.tobytes())])
    return joined(b"items", [str(dtype).encode(), shape, walk.encode(array.reshape(-1).tolist())])


def array_scalar_bytes(walk: Any, value: Any) -> bytes:
    """A numpy scalar, which differs from the Python number of the same value; NaNs are equal."""
    np = sys.modules["numpy"]
    if value.dtype.kind in "fc" and value != value:
        value = value.dtype.type("nan")
    return joined(b"a", [_array(walk, np.asarray(value))])


def frame_bytes(walk: Any, value: Any) -> bytes:
    """A pandas frame: columns, dtypes, index and values, however its blocks are laid out."""
    columns = [value.iloc[:, place] for place in range(value.shape[1])]
    parts = [walk.code(b"T", type(value)), _index(walk, value.columns), _index(walk, value.index)]
    parts += [_column(walk, column) for column in columns]
    parts.append(walk.encode(dict(value.attrs)))
    return joined(b"frame", parts)


def series_bytes(walk: Any, value: Any) -> bytes:
    """A pandas series: name, dtype, index and values."""
    parts = [
        walk.code(b"T", type(value)),
        walk.encode(value.name),
        _index(walk, value.index),
        _column(walk, value),
    ]
    return joined(b"series", parts)


def index_bytes(walk: Any, value: Any) -> bytes:
    """A pandas index of any kind: names, dtypes and values."""
    return joined(b"index", [_index(walk, value)])


def _index(walk: Any, index: Any) -> bytes:
    names = walk.encode(list(index.names))
    if index.nlevels > 1:
        levels = [index.get_level_values(place) for place in range(index.nlevels)]
        return joined(b"levels", [names, *(_column(walk, level) for level in levels)])
    return joined(b"index", [names, str(getattr(index, "freqstr", "")).encode(), _column(walk, index)])


def _column(walk: Any, column: Any) -> bytes:
    np = sys.modules["numpy"]
    dtype = column.dtype
    if isinstance(dtype, np.dtype):
        return _array(walk, column.to_numpy())
    if str(dtype) == "category":
        array = column.array
        ordered = walk.encode([bool(array.ordered)])
        return joined(b"category", [ordered, _index(walk, array.categories), _array(walk, np.asarray(array.codes))])
    return joined(b"column", [str(dtype).encode(), walk.encode([_missing(item) for item in column.tolist()])])


def _missing(item: Any) -> Any:
    return None if type(item).__name__ in ("NAType", "NaTType") else item
