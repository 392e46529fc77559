"""Whether msgpack may pack a list or dict as it is, or must have parts of it wrapped first, found at C speed.

Knows the built-in types alone.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Entangled, Shared
from cuebook.persistence.values.standard import Wrapped
from cuebook.wire.codec import ExtType

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FIXED", "SIZED", "is_flat", "packs_as_it_is", "wrapped"]

FIXED = frozenset({type(None), bool, int, float})
SIZED = frozenset({str, bytes})
FLAT = FIXED | {str}
DISTORTED = frozenset({bytearray, memoryview, ExtType})
"""Types that msgpack writes without asking, but not as what they are."""
CONTAINERS_FREE = 65_536
"""So many containers are walked before it is checked whether the same ones come again and again."""
SHARING_MAX = 4
FEW = 32
LEVELS_MAX = 900
"""Lists and dicts nested deeper than this are more than msgpack reads (1023 levels, measured)."""


def is_flat(value: list[Any] | dict[Any, Any]) -> bool:
    """Whether a list or dict holds nothing but numbers, None and str."""
    if not FLAT.issuperset(map(type, value)):
        return False
    return type(value) is list or FLAT.issuperset(map(type, value.values()))  # type: ignore[union-attr]


def packs_as_it_is(value: list[Any] | dict[Any, Any], large: int) -> bool:
    """Whether every part down to the next special type may go to msgpack as it is.

    Parameters:
        value: a list or dict, of exactly these types.
        large: length in bytes over which a `bytes` part has to be taken out.

    Raises:
        Entangled: it contains itself, or the same parts so often that writing each would never end.
        Shared: it contains one list or dict in two places.

    Cost: 0.5 us for each of a few containers, 30 ns a part of many.
    """
    waiting = [value]
    seen: list[int] = []
    for _ in range(FEW):
        part: Any = waiting.pop()
        seen.append(id(part))
        kinds = set(map(type, part))
        if type(part) is dict:
            part = part.values()
            kinds.update(map(type, part))
        if not kinds <= FLAT:
            if not kinds.isdisjoint(DISTORTED) or (bytes in kinds and _has_large([part], large)):
                return False
            if list in kinds or dict in kinds:
                waiting += [inner for inner in part if type(inner) is list or type(inner) is dict]
        if not waiting:
            if len(set(seen)) != len(seen):
                raise Shared
            return True
        if len(waiting) > FEW:
            break
    return _levels_pack(waiting, value, large, set(seen))


def _levels_pack(containers: list[Any], value: Any, large: int, seen: set[int]) -> bool:
    """The same for many containers: all of one depth are looked at together."""
    walked = 0
    is_shared = False
    for _ in range(LEVELS_MAX):
        ids = set(map(id, containers))
        is_shared = is_shared or len(ids) != len(containers) or not seen.isdisjoint(ids)
        seen |= ids
        lists = [part for part in containers if type(part) is list]
        dicts = [part for part in containers if type(part) is dict]
        kinds = set(map(type, _members(lists, dicts)))
        kinds.update(map(type, chain.from_iterable(dicts)))
        if kinds <= FLAT:
            return _unless(is_shared)
        if not kinds.isdisjoint(DISTORTED) or (
            bytes in kinds and _has_large([*lists, *map(dict.values, dicts)], large)
        ):
            return False
        if list not in kinds and dict not in kinds:
            return _unless(is_shared)
        containers = [part for part in _members(lists, dicts) if type(part) is list or type(part) is dict]
        walked += len(containers)
        if walked > CONTAINERS_FREE and walked > CONTAINERS_FREE + SHARING_MAX * _distinct(value):
            raise Entangled
    raise Entangled


def _unless(is_shared: bool) -> bool:
    if is_shared:
        raise Shared
    return True


def _members(lists: list[Any], dicts: list[Any]) -> Iterator[Any]:
    """What the containers of one depth hold, keys aside."""
    return chain(chain.from_iterable(lists), chain.from_iterable(map(dict.values, dicts)))


def _has_large(containers: list[Any], large: int) -> bool:
    return any(type(part) is bytes and len(part) > large for part in chain.from_iterable(containers))


def _distinct(value: Any) -> int:
    """How many different lists and dicts can be reached through lists and dicts."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        part = stack.pop()
        if id(part) not in seen:
            seen.add(id(part))
            members = part.values() if type(part) is dict else part
            stack += [member for member in members if type(member) is list or type(member) is dict]
    return len(seen)


def wrapped(value: Any, large: int, shared: frozenset[int] = frozenset()) -> Any:
    """The same lists and dicts with every part wrapped that msgpack must not write by itself.

    Parameters:
        value: anything; what is neither list nor dict stays as it is, unless it has to be wrapped.
        large: length over which a `bytes` (in bytes) or a `str` (in bytes of UTF-8) is wrapped.
        shared: ids of the lists and dicts that are wrapped below the value.
    """
    kind = type(value)
    if kind is list:
        return [_wrapped_part(part, large, shared) for part in value]
    if kind is dict:
        return {wrapped(key, large): _wrapped_part(part, large, shared) for key, part in value.items()}
    if kind in DISTORTED or (kind in SIZED and _is_large(value, large)):
        return Wrapped(value)
    return value


def _wrapped_part(value: Any, large: int, shared: frozenset[int]) -> Any:
    return Wrapped(value) if shared and id(value) in shared else wrapped(value, large, shared)


def _is_large(value: Any, large: int) -> bool:
    if type(value) is str and len(value) <= large < 4 * len(value):
        return len(value.encode("utf-8", "surrogatepass")) > large
    return len(value) > large
