"""The heads of what a journal says of itself, so that nobody has to go through it all: derived, made again at will.

Knows no store and no other kind of record.
"""

from __future__ import annotations

import itertools
import operator
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.arrays import packed, unpacked
from cuebook.persistence.records.head import Head
from cuebook.persistence.records.record import Entry, Kind, Record

__all__ = ["DERIVED", "CallsKnown", "Contents", "KnownBlocks", "calls_known_entry", "contents_entry", "known_blocks"]

DERIVED = frozenset({Kind.CONTENTS, Kind.CALLS_KNOWN})
"""The kinds that say nothing which other records do not; a journal that is written anew goes without them."""

_BLOCK_BYTES = 16
_CALL_BYTES = 5
_BLOCKS_MAX = 256
_RUN_MAX = 1 << 62
"""The number of a run that leaves room for all that follow."""


@dataclass(frozen=True, slots=True)
class Contents(Head):
    """Which records there are since the last one of this kind, those of results and failures, and of others, left out.

    Attributes:
        before: number of the record of this kind before; 0 where there is none.
        count: how many numbers of records its body has.
        runs: the highest number of a run so far; 0 where there is none.
    """

    kind: ClassVar[Kind] = Kind.CONTENTS
    _types = (int, int, int)

    before: int
    count: int
    runs: int

    def listed(self, record: Record) -> array[int]:
        """The numbers in the body of the record that has this head, ascending.

        Raises:
            JournalCorrupt: they are not, or not of records between the one before and this one, or `runs` is no number
                of a run.
        """
        try:
            found = unpacked("Q", record.body or b"")
        except ValueError:
            found = array("Q")
        inner = not found or (self.before < found[0] and found[-1] < record.seq)
        is_sound = self.before >= 0 and 0 <= self.runs <= _RUN_MAX and inner
        if len(found) != self.count or not is_sound or not all(map(operator.lt, found, found[1:])):
            raise JournalCorrupt(f"record {record.seq} lists what cannot be", seq=record.seq)
        return found


def contents_entry(before: int, runs: int, listed: Iterable[int]) -> Entry:
    """The record that lists these."""
    body = packed("Q", listed)
    return Contents(before, len(body) // 8, runs).entry(0, body)


@dataclass(frozen=True, slots=True)
class CallsKnown(Head):
    """By which keys calls are found again, of some blocks of arguments in the order of the journal.

    Where blocks begin and end is told by the number of a record of arguments, and how many of its blocks are included.

    Attributes:
        first_seq, first_block: up to where the record of this kind before goes; 0 and 0 for the first one.
        last_seq, last_block: up to where this one goes.
        blocks, calls: how many of each are in its body.
    """

    kind: ClassVar[Kind] = Kind.CALLS_KNOWN
    _types = (int, int, int, int, int, int)

    first_seq: int
    first_block: int
    last_seq: int
    last_block: int
    blocks: int
    calls: int


class KnownBlocks(NamedTuple):
    """What a record of calls has in its body.

    Attributes:
        runs, starts: of each block, at most 256, the number of its run and of its first call in it.
        keys: the first four bytes of each call's key as a number, ascending.
        blocks: the block of each of these calls.
    """

    runs: array[int]
    starts: array[int]
    keys: array[int]
    blocks: bytearray


def known_blocks(head: CallsKnown, record: Record) -> KnownBlocks:
    """What is in the body of the record that has this head. What it says may be wrong: whoever is told looks there.

    Raises:
        JournalCorrupt: its body is not of the size that the head tells.
    """
    body, calls = record.body or b"", head.calls
    if (
        not 0 <= head.blocks <= _BLOCKS_MAX
        or calls < 0
        or len(body) != _BLOCK_BYTES * head.blocks + _CALL_BYTES * calls
    ):
        raise JournalCorrupt(f"record {record.seq} does not have the calls that it tells of", seq=record.seq)
    ends = list(itertools.accumulate((8 * head.blocks, 8 * head.blocks, 4 * calls)))
    return KnownBlocks(
        unpacked("Q", body[: ends[0]]),
        unpacked("Q", body[ends[0] : ends[1]]),
        unpacked("I", body[ends[1] : ends[2]]),
        bytearray(body[ends[2] :]),
    )


def calls_known_entry(first: tuple[int, int], last: tuple[int, int], known: KnownBlocks) -> Entry:
    """The record of calls between two places, each the number of a record and how many of its blocks are included."""
    head = CallsKnown(*first, *last, len(known.runs), len(known.keys))
    body = packed("Q", known.runs), packed("Q", known.starts), packed("I", known.keys), bytes(known.blocks)
    return head.entry(0, b"".join(body))
