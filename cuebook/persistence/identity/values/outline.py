"""A value in a few lines for people: its parts, each with a short text or a digest, so that two can be compared.

    <Client #5d0c12aa>
    .base = 'https://example.org'
    .weights = <ndarray float64 (1000,) #90aa31c2>
    .weights[*] = <1000 by 16: 1173 ab04 ...>

Knows no journal. What stands under a secret name shows its keyed digest alone.
"""

from __future__ import annotations

import enum
import sys
import types
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from cuebook.persistence.identity.digest import blake16
from cuebook.persistence.identity.registry import counts_in_place_of
from cuebook.persistence.identity.secrets.names import names_secret
from cuebook.persistence.identity.values.object_state import state_of

if TYPE_CHECKING:
    from cuebook.persistence.identity.values.walk import ValueWalk

__all__ = ["OUTLINE_CHARACTERS_MAX", "outline", "outline_of_parts"]

OUTLINE_CHARACTERS_MAX = 2048
"""Of one outline."""

_TEXT_MAX = 120
_KEY_MAX = 40
_LINES_MAX = 48
_ITEMS_SHOWN_MAX = 16
_KEYS_SHOWN_MAX = 32
_BLOCKS_MAX = 64
_BLOCK_DIGITS = 4
_DIGEST_DIGITS = 8
_BLOCKED_BYTES_MAX = 4 << 20
_SCALARS = (type(None), bool, int, float, complex, range, type(...), bytes, str)
_SPEAKING = frozenset({"datetime", "decimal", "fractions", "uuid", "zoneinfo", "pathlib", "pathlib._local"})
_CODE = (types.FunctionType, types.BuiltinFunctionType, type, types.ModuleType, types.MethodType)


class _Part(NamedTuple):
    step: str
    name: str
    value: Any


class _Blocks(NamedTuple):
    """The items of a long sequence, dict or array, for a line with a short digest of each few."""

    items: Any
    length: int
    has_names: bool = False


def outline(value: Any, walk: ValueWalk, name: str = "") -> str:
    """The outline of a value: one line where that shows all of it, else one more for each of its parts, as many as fit.

    Args:
        value: any value.
        walk: gives the digests; the one that has encoded the value remembers them.
        name: what it stands under.

    Cost: some microseconds a line, and the digests of the parts once more.
    """
    try:
        text = _line(value, walk, name)
        if not text.endswith(">") or names_secret(name, value):
            return text
        return "\n".join([text, *_lines(_parts(value), walk, len(text))])
    except Exception:  # nested too deep, or a class of the user's that raises where nobody expects it
        return f"<{type(value).__qualname__}>"


def outline_of_parts(parts: Iterable[tuple[str, Any]], walk: ValueWalk) -> str:
    """The outline of values that have names, such as the arguments of a call."""
    try:
        return "\n".join(_lines([_Part(name, name, value) for name, value in parts], walk, 0))
    except Exception:  # as above
        return ""


def _lines(parts: Iterable[_Part], walk: ValueWalk, size: int) -> Iterator[str]:
    """A line a part, level by level, until the outline is full."""
    waiting = deque((part.step, part) for part in parts)
    count = 0
    while waiting and count < _LINES_MAX:
        path, part = waiting.popleft()
        text = _line(part.value, walk, part.name)
        line = f"{path} = {text}"
        size += len(line) + 1
        if size > OUTLINE_CHARACTERS_MAX:
            return
        count += 1
        yield line
        if text.endswith(">") and not names_secret(part.name, part.value):
            waiting.extend((path + inner.step, inner) for inner in _parts(part.value))


def _line(value: Any, walk: ValueWalk, name: str) -> str:
    """All of a value in one line, or its class, its size and a digest in angle brackets."""
    if names_secret(name, value):
        return f"<hidden #{_digits(walk.named(name, value))}>"
    if type(value) is _Blocks:
        return _blocks_line(value, walk)
    text = _whole_text(value)
    if text is not None:
        return text
    digest = _digits(walk.encode(value))
    order = f" ~{_digits(walk.unordered(b'', list(value.items())))}" if isinstance(value, dict) else ""
    return f"<{_summary(value)} #{digest}{order}>"


def _blocks_line(blocks: _Blocks, walk: ValueWalk) -> str:
    size = -(-blocks.length // _BLOCKS_MAX)
    cuts = [blocks.items[at : at + size] for at in range(0, blocks.length, size)]
    encoded = [walk.pairs(b"d", cut) if blocks.has_names else walk.encode(cut) for cut in cuts]
    digests = [blake16(each).hex()[:_BLOCK_DIGITS] for each in encoded]
    return f"<{blocks.length} by {size}: {' '.join(digests)}>"


def _digits(encoded: bytes) -> str:
    return blake16(encoded).hex()[:_DIGEST_DIGITS]


def _whole_text(value: Any, room: int = _TEXT_MAX) -> str | None:
    """A text that shows all of a value, the same in every process; None where there is none, or it is too long."""
    try:
        text = _text(value, room)
    except Exception:  # a class of the user's that raises where it is looked at
        return None
    return text if text is not None and len(text) <= room and "\n" not in text else None


def _text(value: Any, room: int) -> str | None:
    kind = type(value)
    if kind in _SCALARS:
        return repr(value) if not isinstance(value, str | bytes) or len(value) <= room else None
    if kind in (list, tuple, set, frozenset, dict):
        return _container_text(value, room)
    if isinstance(value, _CODE):
        return getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if isinstance(value, enum.Enum):
        return f"{kind.__qualname__}.{value._name_}"
    if _is_array(value) and value.size <= _ITEMS_SHOWN_MAX and not value.dtype.hasobject and kind.__name__ == "ndarray":
        return f"array({value.tolist()}, {value.dtype})"
    if kind.__module__ in _SPEAKING or (kind.__module__ == "numpy" and hasattr(value, "dtype") and value.shape == ()):
        return repr(value)
    return None


def _container_text(value: Any, room: int) -> str | None:
    if len(value) > room // 2:
        return None
    if type(value) is dict:
        pairs = [(name, _whole_text(name, room), part) for name, part in value.items()]
        texts = [
            None if key is None or (isinstance(name, str) and names_secret(name, part)) else _pair(key, part, room)
            for name, key, part in pairs
        ]
    else:
        texts = [_whole_text(part, room) for part in value]
    if None in texts:
        return None
    known = [text for text in texts if text is not None]
    if isinstance(value, set | frozenset):
        inner = f"{{{', '.join(sorted(known))}}}" if known else "set()"
        return inner if type(value) is set else f"frozenset({inner})"
    inner = ", ".join(known)
    if type(value) is tuple:
        return f"({inner},)" if len(known) == 1 else f"({inner})"
    return f"{{{inner}}}" if type(value) is dict else f"[{inner}]"


def _pair(key: str, part: Any, room: int) -> str | None:
    text = _whole_text(part, room)
    return None if text is None else f"{key}: {text}"


def _summary(value: Any) -> str:
    name = type(value).__qualname__
    try:
        shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    except Exception:  # a class of the user's that raises for what it does not know
        return name
    if isinstance(shape, tuple):
        return f"{name}{f' {dtype}' if dtype is not None else ''} {shape}"
    if isinstance(value, str | bytes | list | tuple | set | frozenset | dict | deque):
        unit = "character" if isinstance(value, str) else "byte" if isinstance(value, bytes) else "item"
        return f"{name}, {len(value):,} {unit}{'' if len(value) == 1 else 's'}"
    return name


def _parts(value: Any) -> list[_Part]:
    """What a value is made of, each with the step that leads there; nothing where that cannot be told."""
    try:
        return [] if type(value) is _Blocks else _parts_of(value)
    except Exception:  # a class of the user's that raises where it is looked at
        return []


def _parts_of(value: Any) -> list[_Part]:
    if isinstance(value, dict):
        shown = list(value.items())[:_KEYS_SHOWN_MAX]
        keys = [_Part(f"[{_key(name)}]", name if isinstance(name, str) else "", part) for name, part in shown]
        rest = [_Part("[*]", "", _Blocks(list(value.items()), len(value)))] if len(value) > len(shown) else []
        return [*rest, *keys]
    if isinstance(value, list | tuple | deque):
        names = getattr(type(value), "_fields", None)
        if isinstance(value, tuple) and isinstance(names, tuple):
            return [_Part(f".{name}", name, part) for name, part in zip(names, value, strict=False)]
        return _sequence(list(value))
    if _is_array(value):
        return _sequence(value) if value.nbytes <= _BLOCKED_BYTES_MAX and value.ndim else []
    columns = _columns(value)
    if columns is not None:
        return columns
    if isinstance(value, (*_CODE, str, bytes, set, frozenset)):
        return []
    said = counts_in_place_of(value)
    if said is not None:
        return [_Part(".(identity)", "", part) for part in said]
    state = state_of(value)
    if isinstance(state, str) or not isinstance(state.attributes, dict):
        return []
    return [_Part(f".{name}", str(name), part) for name, part in state.attributes.items()]


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _columns(value: Any) -> list[_Part] | None:
    """The columns of a frame of pandas or polars, or of a table of Arrow."""
    bases = {(base.__module__.partition(".")[0], base.__name__) for base in type(value).__mro__}
    if ("pandas", "DataFrame") in bases:
        metadata = [_Part(f".{name}", name, getattr(value, name, None)) for name in type(value)._metadata]
        places = enumerate(value.columns)
        columns = [_Part(f"[{_key(label)}]", "", value.iloc[:, place].to_numpy()) for place, label in places]
        return [*metadata, _Part(".index", "", value.index), *columns]
    package, name = type(value).__module__.partition(".")[0], type(value).__name__
    if (package, name) == ("polars", "DataFrame"):
        return [_Part(f"[{_key(column.name)}]", "", column) for column in value.get_columns()]
    if package == "pyarrow" and hasattr(value, "column_names"):
        return [_Part(f"[{_key(label)}]", "", value.column(label)) for label in value.column_names]
    return None


def _sequence(items: Any) -> list[_Part]:
    """Items one by one where they are few, else in blocks."""
    if len(items) > _ITEMS_SHOWN_MAX:
        return [_Part("[*]", "", _Blocks(items, len(items)))]
    if _is_array(items) and items.ndim == 1 and not items.dtype.hasobject:
        items = items.tolist()
    return [_Part(f"[{place}]", "", items[place]) for place in range(len(items))]


def _key(name: Any) -> str:
    text = _whole_text(name, _KEY_MAX) or f"{_summary(name)}"
    return text.replace(" = ", " =")
