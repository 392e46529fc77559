"""The canonical bytes of any value: what makes two values the same value, over processes and hash seeds.

Knows no fingerprint: functions, classes and modules that it meets are handed on as `found`, in canonical
order.
"""

from __future__ import annotations

import copyreg
import functools
import types
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from cuebook.persistence.identity.digest import joined, shortened
from cuebook.persistence.identity.plain import plain_bytes
from cuebook.persistence.identity.values.forms import code_name, form_of

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ValueWalk"]

_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
_REMEMBERED_NODES = 8
_VOLATILE = frozenset(
    {
        ("_random", "Random"),
        ("numpy.random._generator", "Generator"),
        ("numpy.random.mtrand", "RandomState"),
        ("numpy.random.bit_generator", "BitGenerator"),
        ("_io", "_IOBase"),
    }
)
_INERT = frozenset({("logging", "Logger"), ("logging", "LoggerAdapter"), ("_thread", "lock"), ("_thread", "RLock")})


class ValueWalk:
    """One walk over values: `encode` gives their canonical bytes.

    Lists, tuples, sets, dicts, arrays, frames and the state of objects are followed by value: sharing does
    not matter, cycles end. `loose` is for what a function refers to: the state of random generators, files
    and loggers, which differs in each process by its nature, is then left out.

    Attributes:
        opaque: names of the types whose state cannot be seen or was left out, each once (loggers unnamed).

    Cost: 1 us for plain data, about 5 us an object; arrays at the speed of blake2b.
    """

    def __init__(self, *, loose: bool = False) -> None:
        self.loose = loose
        self.opaque: dict[str, None] = {}
        self._found: list[Any] = []
        self._path: dict[int, int] = {}
        self._memo: dict[int, tuple[Any, bytes, list[Any]]] = {}
        self._reach = 0
        self._nodes = 0

    def take_found(self) -> list[Any]:
        """Functions, methods, classes and modules met since the last time, by the place of their first."""
        once: dict[Any, Any] = {}
        for item in self._found:
            is_method = isinstance(item, types.MethodType)
            once.setdefault((id(item.__func__), id(item.__self__)) if is_method else id(item), item)
        self._found = []
        return list(once.values())

    def encode(self, value: Any) -> bytes:
        """The canonical bytes of a value, at most 256 long.

        Raises:
            RecursionError: nested too deep to walk (some 100 levels).
        """
        kind = type(value)
        if kind not in _SCALARS:
            known = self._memo.get(id(value))
            if known is not None:
                self._found.extend(known[2])
                return known[1]
        # A list that is being walked holds itself: it would be unfolded here again and again.
        if kind in _SCALARS or (kind is list and id(value) not in self._path):
            plain = plain_bytes(value)
            if plain is not None:
                return shortened(b"P" + plain)
        return self._first(value)

    def _first(self, value: Any) -> bytes:
        """An object met for the first time; kept, where nothing in it points back to what holds it."""
        key, depth = id(value), len(self._path)
        ancestor = self._path.get(key)
        if ancestor is not None:
            self._reach = min(self._reach, ancestor)
            return b"^" + (depth - ancestor).to_bytes(4, "little")
        outer_reach, self._reach = self._reach, depth
        mark, nodes = len(self._found), self._nodes
        self._nodes += 1
        self._path[key] = depth
        try:
            encoded = self._node(value)
        finally:
            del self._path[key]
        # Small ones are cheaper walked again than remembered: a list of a million pairs stays flat.
        if self._reach >= depth and self._nodes - nodes > _REMEMBERED_NODES:
            self._memo[key] = (value, encoded, self._found[mark:])
        self._reach = min(outer_reach, self._reach)
        return encoded

    def _node(self, value: Any) -> bytes:
        form = form_of(type(value))
        encoded = form(self, value) if form is not None else None
        return encoded if encoded is not None else self._object(value, whole=True)

    def sequence(self, tag: bytes, values: Iterable[Any]) -> bytes:
        """Values in their order."""
        return joined(tag, [self.encode(value) for value in values])

    def unordered(self, tag: bytes, items: Iterable[tuple[Any, ...]]) -> bytes:
        """Items (a value, or key and value) in any order; what they hold is found in the canonical one."""
        entries: list[tuple[bytes, list[str], list[Any]]] = []
        mark = len(self._found)
        for item in items:
            encoded = self.sequence(b"", item)
            found = self._found[mark:]
            entries.append((encoded, [code_name(code) for code in found], found))
            del self._found[mark:]
        entries.sort(key=lambda entry: entry[:2])
        for entry in entries:
            self._found.extend(entry[2])
        return joined(tag, [entry[0] for entry in entries])

    def code(self, tag: bytes, item: Any) -> bytes:
        """A function, class or module: here by its name, and found, so that its code can count."""
        self._found.append(item)
        return joined(tag, [code_name(item).encode("utf-8", "surrogatepass")])

    def unseen(self, value: Any) -> bytes:
        """A value without visible state: its type alone counts, and is named in `opaque`."""
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        self.opaque[name] = None
        return joined(b"?", [name.encode("utf-8", "surrogatepass")])

    def bound(self, value: Any) -> bytes:
        """What a method is bound to: the state alone, as its code uses some of the class, not all of it."""
        if form_of(type(value)) is not None:
            return self.encode(value)
        return self._object(value, whole=False)

    def _object(self, value: Any, *, whole: bool) -> bytes:
        """Any other object, by what it gives to copy and pickle."""
        names = {(base.__module__, base.__name__) for base in type(value).__mro__}
        if self.loose and names & _INERT:
            return joined(b"?", [type(value).__qualname__.encode()])
        if self.loose and names & _VOLATILE:
            return self.unseen(value)
        try:
            reduced = _reduced(value)
        except Exception:  # whatever a class of the user's raises here: its state cannot be seen
            return joined(b"W", [self.unseen(value), *self._wrapped(value)])
        if isinstance(reduced, str):
            return joined(b"G", [reduced.encode("utf-8", "surrogatepass")])
        made = self.code(b"T", type(value)) if whole else joined(b"T", [type(value).__qualname__.encode()])
        return joined(b"O", [made, *self._contents(value, reduced)])

    def _wrapped(self, value: Any) -> list[bytes]:
        try:
            wrapped = value.__wrapped__
        except Exception:  # nothing, or a class of the user's that raises whatever it likes
            return []
        return [self.code(b"F", wrapped)] if isinstance(wrapped, types.FunctionType) else []

    def _contents(self, value: Any, reduced: tuple[Any, ...]) -> list[bytes]:
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        parts = [self._maker(value, make, arguments or ()), self._state(value, state)]
        parts.append(self.sequence(b"l", items if items is not None else ()))
        pairs = pairs if pairs is not None else ()
        if isinstance(value, OrderedDict):
            parts.append(self.sequence(b"o", [list(pair) for pair in pairs]))
        else:
            parts.append(self.unordered(b"d", pairs))
        return parts

    def _maker(self, value: Any, make: Any, arguments: tuple[Any, ...]) -> bytes:
        if make is type(value):
            return self.sequence(b"a", arguments)
        if getattr(make, "__name__", "") in ("__newobj__", "__newobj_ex__", "_reconstructor"):
            return self.sequence(b"n", [part for part in arguments if part is not type(value)])
        return self.sequence(b"m", (make, *arguments))

    def _state(self, value: Any, state: Any) -> bytes:
        if isinstance(state, tuple) and len(state) == 2 and all(part is None or type(part) is dict for part in state):
            state = {**(state[0] or {}), **(state[1] or {})}
        if type(state) is dict:
            # None where empty: whether an exception has a __dict__ depends on whether somebody has looked at it.
            state = {name: part for name, part in state.items() if not _is_cache(type(value), name)} or None
        return self.encode(state)


def _reduced(value: Any) -> str | tuple[Any, ...]:
    special = copyreg.dispatch_table.get(type(value))
    reduced = special(value) if special is not None else value.__reduce_ex__(4)
    if not isinstance(reduced, str | tuple):
        raise TypeError(f"{type(value).__name__} gives no state")
    return reduced


def _is_cache(cls: type, name: Any) -> bool:
    """Whether an attribute is what a cached_property computed: it comes without the value changing."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return isinstance(base.__dict__[name], functools.cached_property)
    return False
