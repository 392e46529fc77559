"""Values as JSON: what JSON has goes in as it is, the rest as readable placeholders with a "$type".

Knows no journal. Lists stand for tuples; an array's items are given up to `ITEMS_MAX`.
"""

from __future__ import annotations

import math
from typing import Any

from cuebook.persistence.history.arguments import Unkept
from cuebook.persistence.values import Unresolved

__all__ = ["ITEMS_MAX", "json_value"]

ITEMS_MAX = 1000
"""Items of an array that are written out; a larger one is described."""

REPR_MAX = 1000
"""Characters of a placeholder's text."""

_INT_BITS_MAX = 14_000
"""Python refuses to write longer whole numbers in decimal, as that takes quadratic time; in hexadecimal it does not."""

_PLAIN = frozenset({str, int, bool, type(None)})


def json_value(value: Any) -> Any:
    """What stands for a value in JSON. Never raises.

    >>> json_value([1, (2.5, float("nan"))])
    [1, [2.5, {'$type': 'float', 'repr': 'nan'}]]
    >>> json_value({1: b"x"})
    {'$type': 'dict', 'items': [[1, {'$type': 'bytes', 'repr': "b'x'"}]]}
    """
    try:
        return _converted(value)
    except RecursionError:
        return {"$type": _name(type(value)), "repr": "<nested too deeply>"}


def _converted(value: Any) -> Any:
    cls = type(value)
    if cls is int and value.bit_length() > _INT_BITS_MAX:
        return {"$type": "int", "repr": hex(value)}
    if cls in _PLAIN:
        return value
    if cls is float:
        return value if math.isfinite(value) else _described(value)
    if cls is list or cls is tuple:
        return [_converted(item) for item in value]
    if cls is dict:
        return _dict(value)
    if cls is set or cls is frozenset:
        return {"$type": cls.__name__, "items": [_converted(item) for item in sorted(value, key=_text)]}
    if cls is Unresolved:
        return {"$type": f"{value.module}.{value.qualname}", "fields": _converted(value.fields)}
    if cls is Unkept:
        return {"$type": "not kept", "repr": value.text, "digest": value.digest}
    if cls.__module__ == "numpy":
        return _numpy(value)
    return _described(value)


def _dict(value: dict[Any, Any]) -> Any:
    if all(type(key) is str for key in value) and "$type" not in value:
        return {key: _converted(item) for key, item in value.items()}
    return {"$type": "dict", "items": [[_converted(key), _converted(item)] for key, item in value.items()]}


def _numpy(value: Any) -> Any:
    shape = getattr(value, "shape", None)
    if shape == () and type(value).__name__ != "ndarray":
        item = value.item()
        return _converted(item) if type(item) in {int, float, bool, str} else _described(value)
    if shape is not None and value.size <= ITEMS_MAX:
        return {
            "$type": _name(type(value)),
            "dtype": str(value.dtype),
            "shape": list(shape),
            "items": _converted(value.tolist()),
        }
    if shape is not None:
        return {"$type": _name(type(value)), "dtype": str(value.dtype), "shape": list(shape), "repr": _text(value)}
    return _described(value)


def _described(value: Any) -> dict[str, Any]:
    return {"$type": getattr(value, "type_name", None) or _name(type(value)), "repr": _text(value)}


def _text(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # a placeholder of a class that is not to be trusted
        return "<no text>"
    return text if len(text) <= REPR_MAX else f"{text[:REPR_MAX]}..."


def _name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
