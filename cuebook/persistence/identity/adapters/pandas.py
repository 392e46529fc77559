"""Pandas: frames, series, indexes and extension arrays, by their values however their blocks are laid out."""

from __future__ import annotations

import sys
from typing import Any

from cuebook.persistence.identity.adapters.numpy import elements
from cuebook.persistence.identity.digest import joined

__all__ = ["FORMS"]

_OF_SERIES = frozenset({"_name", "name"})


def _frame(walk: Any, value: Any) -> bytes:
    """Columns, dtypes, index and values; the attributes that a subclass names in `_metadata`, `attrs` and flags."""
    pandas = sys.modules["pandas"]
    plain = value if type(value) is pandas.DataFrame else pandas.DataFrame(value)
    columns = [plain.iloc[:, place] for place in range(plain.shape[1])]
    parts = [walk.code(b"T", type(value)), _index(walk, plain.columns), _index(walk, plain.index)]
    parts += [_column(walk, column) for column in columns]
    return joined(b"frame", [*parts, *_beside(walk, value)])


def _series(walk: Any, value: Any) -> bytes:
    """Name, dtype, index and values; and what stands beside them, as of a frame."""
    parts = [walk.code(b"T", type(value)), walk.encode(value.name), _index(walk, value.index), _column(walk, value)]
    return joined(b"series", [*parts, *_beside(walk, value)])


def _beside(walk: Any, value: Any) -> list[bytes]:
    names = [name for name in getattr(type(value), "_metadata", ()) if name not in _OF_SERIES]
    metadata = [(name, getattr(value, name, None)) for name in names]
    allows_duplicates = bool(value.flags.allows_duplicate_labels)
    return [walk.encode(dict(value.attrs)), walk.pairs(b"d", metadata), bytes([allows_duplicates])]


def _any_index(walk: Any, value: Any) -> bytes:
    """An index of any kind: names, dtypes and values."""
    return joined(b"index", [_index(walk, value)])


def _index(walk: Any, index: Any) -> bytes:
    names = walk.encode(list(index.names))
    if index.nlevels > 1:
        levels = [index.get_level_values(place) for place in range(index.nlevels)]
        return joined(b"levels", [names, *(_column(walk, level) for level in levels)])
    return joined(b"index", [names, str(getattr(index, "freqstr", "")).encode(), _column(walk, index)])


def _column(walk: Any, column: Any) -> bytes:
    dtype = column.dtype
    if isinstance(dtype, sys.modules["numpy"].dtype):
        return elements(walk, column.to_numpy())
    return _values(walk, column.array)


def _extension_array(walk: Any, value: Any) -> bytes:
    """An array of pandas' own by its values, one of somebody else's by its state."""
    if not _is_pandas_own(value):
        return walk.state(value)  # type: ignore[no-any-return]
    return joined(b"array", [_values(walk, value)])


def _values(walk: Any, array: Any) -> bytes:
    """An array of a dtype that numpy has not: pandas' own by their items, those of others by their state, too."""
    np, dtype = sys.modules["numpy"], array.dtype
    name = str(dtype).encode()
    if name == b"category":
        ordered = walk.encode([bool(array.ordered)])
        return joined(b"category", [ordered, _index(walk, array.categories), elements(walk, np.asarray(array.codes))])
    if not _is_pandas_own(array):
        return joined(b"column", [name, walk.encode(dtype), walk.encode(array)])
    if hasattr(array, "asi8"):
        return joined(b"column", [name, elements(walk, array.asi8)])
    kind = getattr(getattr(dtype, "numpy_dtype", None), "kind", "O")
    if kind in "biuf" and hasattr(dtype, "na_value"):
        missing = array.isna()
        filled = array.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return joined(b"column", [name, elements(walk, missing), elements(walk, filled)])
    return joined(b"column", [name, walk.encode([_missing(item) for item in array.tolist()])])


def _is_pandas_own(array: Any) -> bool:
    return str(type(array).__module__).partition(".")[0] == "pandas"


def _missing(item: Any) -> Any:
    return None if type(item).__name__ in ("NAType", "NaTType") else item


FORMS: dict[str, Any] = {
    "DataFrame": _frame,
    "Series": _series,
    "Index": _any_index,
    "ExtensionArray": _extension_array,
}
