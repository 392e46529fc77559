"""Which runs had a call of a given key: an index in memory, 16 bytes a call. Knows no record.

Sorted segments that are merged as they become many, as in a log-structured merge tree (O'Neil et al., 1996).
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Collection, Iterable

from cuebook.persistence.history.reuse import PLACE_BITS

__all__ = ["KnownCalls"]

_KEY_BYTES = 8
_ENTRY_BYTES = 16
_PLACE = struct.Struct(">II")
_U32 = 0xFFFFFFFF
_RECENT_MAX = 1 << 14
_SEGMENT_ENTRIES_MAX = 1 << 18
"""A merge takes some 100 bytes an entry for a moment: longer segments are left as they are."""


class _Segment:
    """Entries in order, as one block of bytes."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data) // _ENTRY_BYTES

    def __getitem__(self, at: int) -> bytes:
        return self.data[at * _ENTRY_BYTES : (at + 1) * _ENTRY_BYTES]

    def places(self, key: bytes) -> Iterable[bytes]:
        """What the entries with this key say."""
        at = bisect.bisect_left(self, key)
        while (entry := self[at])[:_KEY_BYTES] == key:
            yield entry[_KEY_BYTES:]
            at += 1


class KnownCalls:
    """Keys of calls, the runs that had them, and whereabouts in these. Two keys may be taken for one: whoever is told
    of a place looks at it.
    """

    def __init__(self) -> None:
        self._recent: dict[bytes, set[bytes]] = {}
        self._recent_count = 0
        self._segments: list[_Segment] = []

    def add(self, run: int, start: int, keys: Iterable[bytes]) -> None:
        """A run had calls with these keys, in a block of arguments that begins with call `start`."""
        recent, place = self._recent, _PLACE.pack(run & _U32, start >> PLACE_BITS & _U32)
        for key in keys:
            places = recent.setdefault(key[:_KEY_BYTES], set())
            if place not in places:
                places.add(place)
                self._recent_count += 1
        if self._recent_count >= _RECENT_MAX:
            self._store_recent()

    def places(self, keys: Collection[bytes]) -> dict[int, set[int]]:
        """The runs that had a call with one of these keys; of each, the starts of its blocks shifted by `PLACE_BITS`.

        Cost: about 10 us a key and a million calls.
        """
        told: set[bytes] = set()
        for key in {key[:_KEY_BYTES] for key in keys}:
            told.update(self._recent.get(key, ()))
            for segment in self._segments:
                told.update(segment.places(key))
        found: dict[int, set[int]] = {}
        for run, place in map(_PLACE.unpack, told):
            found.setdefault(run, set()).add(place)
        return found

    def __len__(self) -> int:
        return self._recent_count + sum(map(len, self._segments))

    def _store_recent(self) -> None:
        entries = [key + place for key, places in self._recent.items() for place in places]
        self._recent, self._recent_count = {}, 0
        self._segments.append(_sorted(entries))
        while len(self._segments) > 1 and self._is_due():
            second, first = self._segments.pop(), self._segments.pop()
            self._segments.append(_sorted([each[at] for each in (first, second) for at in range(len(each))]))

    def _is_due(self) -> bool:
        first, second = map(len, self._segments[-2:])
        return first < 2 * second and first + second <= _SEGMENT_ENTRIES_MAX


def _sorted(entries: list[bytes]) -> _Segment:
    entries.sort()
    return _Segment(b"".join(entries))
