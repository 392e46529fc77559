"""Which calls of a run have something: sets of whole numbers that cost memory only where there is something.

A number read from a file decides nothing about memory. Knows no record.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator

__all__ = ["DoneCalls", "Marks"]

_BITS = 12
_PAGE = 1 << _BITS
_FULL = bytearray(b"\1" * _PAGE)
"""Stands for every page that is all set; never written to."""


class Marks:
    """A set of calls; `len()` is one more than the highest that was ever in it.

    Memory: 4 KB for each 4,096 calls of which some are in it, and next to nothing where all are.
    """

    __slots__ = ("_end", "_pages", "ones")

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}
        self._end = 0
        self.ones = 0

    def __len__(self) -> int:
        return self._end

    def __getitem__(self, call: int) -> int:
        page = self._pages.get(call >> _BITS)
        return 0 if page is None else page[call & (_PAGE - 1)]

    def __iter__(self) -> Iterator[int]:
        return (self[call] for call in range(self._end))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Marks | DoneCalls):
            return NotImplemented
        return list(self.spans()) == list(other.spans())

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Marks:
        """Another one that has the same."""
        twin = Marks()
        twin._pages = {number: page if page is _FULL else bytearray(page) for number, page in self._pages.items()}
        twin._end, twin.ones = self._end, self.ones
        return twin

    def add(self, start: int, end: int) -> int:
        """Put calls `[start, end)` in; how many of them are new."""
        fresh = 0
        for number, low, high in _parts(start, end):
            page = self._pages.get(number)
            if page is _FULL:
                continue
            if page is None and high - low == _PAGE:
                self._pages[number] = _FULL
                fresh += _PAGE
                continue
            if page is None:
                page = self._pages[number] = bytearray(_PAGE)
            fresh += high - low - page.count(1, low, high)
            page[low:high] = b"\1" * (high - low)
            if (high == _PAGE or not low) and page.find(0) < 0:
                self._pages[number] = _FULL
        self._end = max(self._end, end)
        self.ones += fresh
        return fresh

    def drop(self, call: int) -> None:
        """Take one out."""
        number, place = call >> _BITS, call & (_PAGE - 1)
        page = self._pages.get(number)
        if page is not None and page[place]:
            if page is _FULL:
                page = self._pages[number] = bytearray(_FULL)
            page[place] = 0
            self.ones -= 1

    def find(self, call: int, end: int | None = None) -> int:
        """The first call in it from `call` on, before `end`; -1 where there is none."""
        end = self._end if end is None else min(end, self._end)
        for number in self._numbers(call, end):
            low = max(call - (number << _BITS), 0)
            found = self._pages[number].find(1, low, min(end - (number << _BITS), _PAGE))
            if found >= 0:
                return (number << _BITS) + found
        return -1

    def gap(self, call: int, end: int) -> int:
        """The first call from `call` on that is not in it; `end` where all before that are."""
        while call < end:
            page = self._pages.get(call >> _BITS)
            if page is None:
                return call
            found = -1 if page is _FULL else page.find(0, call & (_PAGE - 1))
            base = call & ~(_PAGE - 1)
            if found >= 0:
                return min(base + found, end)
            call = base + _PAGE
        return end

    def spans(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
        """The maximal ranges [from, to) of calls in it, within [start, end)."""
        end = self._end if end is None else min(end, self._end)
        at = self.find(start, end)
        while at >= 0:
            stop = self.gap(at, end)
            yield at, stop
            at = self.find(stop, end)

    def flags(self, count: int) -> bytearray:
        """A byte for each of the first `count` calls: 1 where it is in it."""
        found = bytearray(count)
        for start, end in self.spans(0, count):
            found[start:end] = b"\1" * (end - start)
        return found

    def _numbers(self, start: int, end: int) -> range | list[int] | filter[int]:
        """The pages there are that have calls of [start, end), ascending."""
        first, last = start >> _BITS, (end - 1) >> _BITS
        if last - first > 4 * len(self._pages):
            return sorted(number for number in self._pages if first <= number <= last)
        return filter(self._pages.__contains__, range(first, last + 1))


class DoneCalls:
    """The calls of a run that have a result: those that it made, and the ranges that it took from others.

    Args:
        made: those that it made.
    """

    __slots__ = ("_ends", "_made", "_starts")

    def __init__(self, made: Marks) -> None:
        self._made = made
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return max(len(self._made), self._ends[-1] if self._ends else 0)

    def __getitem__(self, call: int) -> int:
        return 1 if self._made[call] or self._taken(call) > call else 0

    def __iter__(self) -> Iterator[int]:
        return (self[call] for call in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Marks | DoneCalls):
            return NotImplemented
        return list(self.spans()) == list(other.spans())

    __hash__ = None  # type: ignore[assignment]

    @property
    def has_taken(self) -> bool:
        """Whether any was taken from another run."""
        return bool(self._starts)

    def take(self, start: int, end: int) -> None:
        """Calls `[start, end)` were taken from others; neighbouring ranges become one."""
        low = bisect.bisect_left(self._ends, start)
        high = bisect.bisect_right(self._starts, end)
        if low < high:
            start, end = min(start, self._starts[low]), max(end, self._ends[high - 1])
        self._starts[low:high] = [start]
        self._ends[low:high] = [end]

    def count(self) -> int:
        """How many there are."""
        return sum(end - start for start, end in self.spans()) if self._starts else self._made.ones

    def find(self, call: int, end: int | None = None) -> int:
        """The first one from `call` on, before `end`; -1 where there is none."""
        end = len(self) if end is None else end
        made = self._made.find(call, end)
        at = bisect.bisect_right(self._ends, call)
        taken = max(self._starts[at], call) if at < len(self._starts) else end
        if taken >= end:
            return made
        return taken if made < 0 else min(made, taken)

    def gap(self, call: int, end: int) -> int:
        """The first call from `call` on that has none; `end` where all before that have one."""
        while call < end:
            after = max(self._made.gap(call, end), min(self._taken(call), end))
            if after == call:
                return call
            call = after
        return end

    def spans(self, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
        """The maximal ranges [from, to) of them, within [start, end)."""
        end = len(self) if end is None else end
        at = self.find(start, end)
        while at >= 0:
            stop = self.gap(at, end)
            yield at, stop
            at = self.find(stop, end) if stop < end else -1

    def flags(self, count: int) -> bytearray:
        """A byte for each of the first `count` calls: 1 where it has one."""
        found = bytearray(count)
        for start, end in self.spans(0, count):
            found[start:end] = b"\1" * (end - start)
        return found

    def _taken(self, call: int) -> int:
        """Where the range ends that was taken from others and has `call`; `call` where none has."""
        at = bisect.bisect_right(self._starts, call) - 1
        return self._ends[at] if at >= 0 and self._ends[at] > call else call


def _parts(start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The pages of calls `[start, end)`, each with the places [from, to) in it."""
    number = start >> _BITS
    while start < end:
        base = number << _BITS
        stop = min(end, base + _PAGE)
        yield number, start - base, stop - base
        start = stop
        number += 1
