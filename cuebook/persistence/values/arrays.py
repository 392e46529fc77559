"""Numpy arrays and scalars: dtype, shape, order and the raw buffer, without pickle.

Knows nothing of what lies around them; numpy is imported when an array is met.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Code
from cuebook.wire.codec import ExtType

if TYPE_CHECKING:
    from cuebook.persistence.values.codes import Decoding, Encoding, Form, Opening

__all__ = ["ARRAY_OPENINGS", "array_form"]

DTYPE = re.compile(r"[<>|=]?[?bBhHiIlLqQefdgFDGucSUVMm]\d{0,10}(\[\d{0,9}[A-Za-z]{1,7}(/\d{1,9})?\])?")
"""The simple dtypes that are read: nothing else of numpy's dtype language, and no objects."""

DTYPE_LEVELS_MAX = 16
KNOWN_MAX = 256


def array_form(cls: type) -> Form | None:
    """How arrays or scalars of exactly this class are kept; None for subclasses of numpy's own."""
    import numpy as np

    if cls is np.ndarray:
        return _array
    if cls is np.str_ or cls is np.bytes_:
        return _text_scalar
    if issubclass(cls, np.generic) and cls.__module__ == "numpy":
        return _scalar
    return None


# Data types


_known_parts: dict[tuple[str, str], Any] = {}


def _dtype_parts(dtype: Any) -> Any:
    """A data type as plain data; None where it cannot be rebuilt as exactly what it is."""
    if dtype.names is not None or dtype.hasobject:
        return None if dtype.hasobject else _checked_parts(dtype)
    key = (dtype.char, dtype.str)  # equal data types may differ in their characters
    if key not in _known_parts:
        if len(_known_parts) > KNOWN_MAX:
            _known_parts.clear()
        _known_parts[key] = _checked_parts(dtype)
    return _known_parts[key]


def _checked_parts(dtype: Any) -> Any:
    try:
        parts = _dtype_tree(dtype)
        return parts if _same(_dtype(parts, 0), dtype) else None
    except (TypeError, ValueError):
        return None


def _dtype_tree(dtype: Any) -> Any:
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return [_dtype_tree(base), list(shape)]
    if dtype.names is not None:
        fields = [dtype.fields[name] for name in dtype.names]
        return {
            "names": list(dtype.names),
            "formats": [_dtype_tree(field[0]) for field in fields],
            "offsets": [field[1] for field in fields],
            "titles": [field[2] if len(field) > 2 else None for field in fields],
            "itemsize": dtype.itemsize,
            "aligned": dtype.isalignedstruct,
        }
    return dtype.str if _named(dtype.str).char == dtype.char else dtype.str[0] + dtype.char


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and one.char == other.char and one.isalignedstruct == other.isalignedstruct


@lru_cache(maxsize=256)
def _named(name: str) -> Any:
    import numpy as np

    if DTYPE.fullmatch(name) is None:
        raise ValueError(f"no data type that is kept: {name[:80]!r}")
    return np.dtype(name)


def _dtype(parts: Any, level: int) -> Any:
    import numpy as np

    if level > DTYPE_LEVELS_MAX:
        raise ValueError("a data type nested too deeply")
    if isinstance(parts, str):
        return _named(parts)
    if isinstance(parts, list):
        base, shape = parts
        return np.dtype((_dtype(base, level + 1), tuple(shape)))
    description = {
        "names": parts["names"],
        "formats": [_dtype(part, level + 1) for part in parts["formats"]],
        "offsets": parts["offsets"],
        "titles": parts["titles"],
        "itemsize": parts["itemsize"],
    }
    if all(title is None for title in parts["titles"]):
        del description["titles"]
    return np.dtype(description, align=parts["aligned"])


# Arrays


def _array(value: Any, encoding: Encoding) -> Any:
    parts = _dtype_parts(value.dtype)
    if parts is None:
        return encoding.pickled(value)
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    raw = _raw(value, order)
    return ExtType(Code.ARRAY, encoding.bare([parts, list(value.shape), order, encoding.buffer(raw)]))


def _raw(value: Any, order: str) -> bytes | memoryview:
    """The buffer of an array in memory order, without a copy where it is contiguous."""
    import numpy as np

    if value.nbytes == 0:
        return b""
    flat = value.ravel(order)
    return memoryview(flat.view(np.uint8))


def _open_array(data: bytes, decoding: Decoding) -> Any:
    parts, shape, order, buffer = decoding.nested(data)
    if order not in {"C", "F"} or any(type(length) is not int or length < 0 for length in shape):
        raise ValueError("no shape of an array")
    dtype = _dtype(parts, 0)
    return _filled(dtype, shape, order, (buffer, decoding))


def _filled(dtype: Any, shape: list[int], order: Any, source: tuple[Any, Decoding]) -> Any:
    """An array with this buffer, which is checked to fit before any memory is taken."""
    import numpy as np

    buffer, decoding = source
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or decoding.size(buffer) != size:
        raise ValueError("the buffer of an array does not fit its shape")
    if size == 0:
        return np.ndarray(tuple(shape), dtype, buffer=bytearray(), order=order)
    mapped = decoding.mapped(buffer)
    if mapped is not None:
        return np.ndarray(tuple(shape), dtype, buffer=mapped, order=order)
    array = np.empty(tuple(shape), dtype, order=order)
    decoding.fill(buffer, memoryview(array.ravel("K").view(np.uint8)))
    return array


# Scalars


def _scalar(value: Any, encoding: Encoding) -> Any:
    parts = _dtype_parts(value.dtype)
    if parts is None:
        return encoding.pickled(value)
    return ExtType(Code.ARRAY_SCALAR, encoding.bare([parts, value.tobytes()]))


def _text_scalar(value: Any, encoding: Encoding) -> Any:
    """A text scalar by its text: an array of one would lose zeros at its end."""
    plain = str.__str__(value) if isinstance(value, str) else bytes(value)
    return ExtType(Code.ARRAY_SCALAR, encoding.nested([None, plain]))


def _open_scalar(data: bytes, decoding: Decoding) -> Any:
    import numpy as np

    parts, raw = decoding.nested(data)
    if parts is None:
        return np.str_(raw) if isinstance(raw, str) else np.bytes_(bytes(raw))
    return _filled(_dtype(parts, 0), [], "C", (raw, decoding))[()]


ARRAY_OPENINGS: dict[int, Opening] = {Code.ARRAY: _open_array, Code.ARRAY_SCALAR: _open_scalar}
