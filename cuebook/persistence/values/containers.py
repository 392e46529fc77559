"""The forms of the standard containers: tuples, sets, ranges, slices and those of `collections`.

Knows nothing of what they contain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Code
from cuebook.wire.codec import ExtType

if TYPE_CHECKING:
    from cuebook.persistence.values.codes import Decoding, Encoding, Form, Opening

__all__ = ["BUILT_IN_CONTAINER_FORMS", "CONTAINER_FORMS", "CONTAINER_OPENINGS"]

FACTORIES: dict[str, Any] = {
    cls.__name__: cls for cls in (list, dict, set, frozenset, tuple, int, float, complex, str, bytes, bytearray, bool)
}
"""What a defaultdict may make without pickle."""


def _is_bare(value: Any) -> bool:
    """Whether an instance of an extensible standard class carries no attributes of its own."""
    return not getattr(value, "__dict__", None)


def _items_form(code: Code) -> Form:
    def form(value: Any, encoding: Encoding) -> Any:
        return ExtType(code, encoding.nested(list(value)))

    return form


def _items_opening(cls: type) -> Opening:
    def opening(data: bytes, decoding: Decoding) -> Any:
        items = decoding.nested(data)
        if type(items) is not list:
            raise TypeError(f"the items of a {cls.__name__} are no array")
        return cls(items)

    return opening


def _flat(value: Any) -> list[Any]:
    return [part for pair in value.items() for part in pair]


def _pairs(flat: Any) -> Any:
    parts = iter(flat)
    return zip(parts, parts, strict=True)


def _ordered_dict(value: Any, encoding: Encoding) -> Any:
    if not _is_bare(value):
        return encoding.pickled(value)
    return ExtType(Code.ORDERED_DICT, encoding.nested(_flat(value)))


def _open_ordered_dict(data: bytes, decoding: Decoding) -> Any:
    from collections import OrderedDict

    return OrderedDict(_pairs(decoding.nested(data)))


def _default_dict(value: Any, encoding: Encoding) -> Any:
    factory = value.default_factory
    name = None if factory is None else getattr(factory, "__name__", "")
    if not _is_bare(value) or (factory is not None and FACTORIES.get(name or "") is not factory):
        return encoding.pickled(value)
    return ExtType(Code.DEFAULT_DICT, encoding.nested([name, *_flat(value)]))


def _open_default_dict(data: bytes, decoding: Decoding) -> Any:
    from collections import defaultdict

    name, *flat = decoding.nested(data)
    return defaultdict(None if name is None else FACTORIES[name], _pairs(flat))


def _counter(value: Any, encoding: Encoding) -> Any:
    if not _is_bare(value):
        return encoding.pickled(value)
    return ExtType(Code.COUNTER, encoding.nested(_flat(value)))


def _open_counter(data: bytes, decoding: Decoding) -> Any:
    from collections import Counter

    return Counter(dict(_pairs(decoding.nested(data))))


def _deque(value: Any, encoding: Encoding) -> Any:
    return ExtType(Code.DEQUE, encoding.nested([value.maxlen, *value]))


def _open_deque(data: bytes, decoding: Decoding) -> Any:
    from collections import deque

    length_max, *items = decoding.nested(data)
    return deque(items, length_max)


def _range(value: range, encoding: Encoding) -> Any:
    return ExtType(Code.RANGE, encoding.bare([value.start, value.stop, value.step]))


def _open_range(data: bytes, decoding: Decoding) -> range:
    return range(*decoding.nested(data))


def _slice(value: slice, encoding: Encoding) -> Any:
    return ExtType(Code.SLICE, encoding.nested([value.start, value.stop, value.step]))


def _open_slice(data: bytes, decoding: Decoding) -> slice:
    start, stop, step = decoding.nested(data)
    return slice(start, stop, step)


BUILT_IN_CONTAINER_FORMS: dict[type, Form] = {
    tuple: _items_form(Code.TUPLE),
    set: _items_form(Code.SET),
    frozenset: _items_form(Code.FROZENSET),
    range: _range,
    slice: _slice,
}

CONTAINER_FORMS: dict[str, dict[str, Form]] = {
    "collections": {
        "OrderedDict": _ordered_dict,
        "defaultdict": _default_dict,
        "Counter": _counter,
        "deque": _deque,
    },
}

CONTAINER_OPENINGS: dict[int, Opening] = {
    Code.TUPLE: _items_opening(tuple),
    Code.SET: _items_opening(set),
    Code.FROZENSET: _items_opening(frozenset),
    Code.RANGE: _open_range,
    Code.SLICE: _open_slice,
    Code.ORDERED_DICT: _open_ordered_dict,
    Code.DEFAULT_DICT: _open_default_dict,
    Code.COUNTER: _open_counter,
    Code.DEQUE: _open_deque,
}
