"""Which parts of a value stand in it more than once, as one and the same object that can be changed.

Knows no bytes: whoever writes the value writes such a part once, so that it comes back as one object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

__all__ = ["shared_parts"]

_SCALARS = (type(None), bool, int, float, complex, str, bytes, type, type(...), range)
_IMMUTABLE = frozenset({"datetime", "decimal", "fractions", "uuid", "pathlib", "pathlib._local", "zoneinfo"})
_KINDS_MAX = 4096

_unchanging: set[type] = set(_SCALARS)
"""Classes whose objects hold nothing and cannot be changed: whether they are one or two shows nowhere."""

_members: dict[type, Callable[[Any], Iterable[Any]] | None] = {
    list: iter,
    tuple: iter,
    dict: dict.values,
    set: None,
    frozenset: None,
    bytearray: None,
}
"""What gives the members of a class's objects, as far as they are written in a form of their own; None: nothing."""

_NOTHING: frozenset[int] = frozenset()
_TUPLES = {tuple}


def shared_parts(value: Any) -> frozenset[int]:
    """The ids of lists, dicts, sets, arrays, dataclasses and their like that a value holds in more than one place.

    What pickle has to keep is not looked into: pickle minds what its objects share.

    Cost: 1 us for a value of scalars, then 0.1 us a container and 25 ns a scalar.
    """
    give = _members_of(type(value))
    level = [] if give is None else [part for part in give(value) if type(part) not in _unchanging]
    if not level:
        return _NOTHING
    seen = {id(value)}
    shared: set[int] = set()
    while level:
        below = _below(level)
        if not below and set(map(type, level)) == _TUPLES:
            break  # they come back as other ones in any case
        fresh = set(map(id, level))
        if len(fresh) == len(level) and seen.isdisjoint(fresh):
            seen |= fresh
        else:
            below = _below(_first_met(level, seen, shared))
        level = below
    return frozenset(shared)


def _first_met(parts: list[Any], seen: set[int], shared: set[int]) -> list[Any]:
    """The parts that were not met before, each once; of the others it is noted that they are shared."""
    fresh = []
    for part in parts:
        if id(part) not in seen:
            seen.add(id(part))
            fresh.append(part)
        elif type(part) is not tuple:  # it comes back as another one, but what it holds does not
            shared.add(id(part))
    return fresh


def _below(level: list[Any]) -> list[Any]:
    """What the parts of one depth hold that can hold something or be changed itself."""
    members: list[Any] = []
    kinds = {type(level[0])} if len(level) == 1 else set(map(type, level))
    for kind in kinds:
        give = _members_of(kind)
        if give is not None:
            of_kind: list[Any] = level if len(kinds) == 1 else [part for part in level if type(part) is kind]
            members += chain.from_iterable(map(give, of_kind))
    if _unchanging.issuperset(map(type, members)):
        return []
    for kind in set(map(type, members)):
        _members_of(kind)
    return [part for part in members if type(part) not in _unchanging]


def _members_of(kind: type) -> Callable[[Any], Iterable[Any]] | None:
    try:
        return _members[kind]
    except KeyError:
        if len(_members) >= _KINDS_MAX:  # classes made on the fly
            for each in list(_members)[_KINDS_MAX // 2 :]:
                _members.pop(each, None)
            _unchanging.clear()
            _unchanging.update(_SCALARS)
        found = _members[kind] = _find(kind)
        return found


def _find(kind: type) -> Callable[[Any], Iterable[Any]] | None:
    if issubclass(kind, dict):  # asked of the class: an object may raise
        return dict.values
    if issubclass(kind, tuple):
        return tuple.__iter__
    names = [(cls.__module__, cls.__name__) for cls in kind.__mro__]
    if kind.__module__ in _IMMUTABLE or ("numpy", "generic") in names:
        _unchanging.add(kind)
    elif names[0] == ("collections", "deque"):
        return iter
    elif any("__dataclass_fields__" in vars(cls) for cls in kind.__mro__):
        return _attributes
    return None


def _attributes(part: Any) -> Iterable[Any]:
    held = getattr(part, "__dict__", None)
    return held.values() if type(held) is dict else ()
