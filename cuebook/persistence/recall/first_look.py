"""Which earlier calls may be among a few new ones, told by the bytes of the arguments as they lie in the journal.

Whoever looks once need not decode a million calls: equal arguments are equal bytes. May name a place for nothing, and
leaves none out. Knows no run's state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cuebook.persistence.history.arguments import Block, block_keys, plain_parts
from cuebook.persistence.history.arguments_read import blocks_of
from cuebook.persistence.history.reuse import PLACE_BITS
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.records.record import Record
from cuebook.persistence.records.run_heads import Arguments

__all__ = ["FEW_CALLS", "ArgumentsAt", "places_by_bytes"]

_SINGLY_MAX = 4
FEW_CALLS = 64
"""For more calls than these, going through all bytes for each of them takes longer than decoding all."""


class ArgumentsAt(NamedTuple):
    """Number and head of a record of arguments, which has a body."""

    seq: int
    head: Arguments


def places_by_bytes(file: JournalRecords, heads: Sequence[ArgumentsAt], wanted: Sequence[Block]) -> dict[int, set[int]]:
    """The runs that may have had one of these calls; of each, the starts of its blocks shifted by `PLACE_BITS`.

    Args:
        file: the journal.
        heads: the records of arguments that count, in ascending order.
        wanted: the new calls, at most `FEW_CALLS`.

    Raises:
        JournalCorrupt: a record is damaged or missing.
    Cost: 10 us a record, 2.5 ms a megabyte of arguments, and 0.2 ms more a megabyte for each call.
    """
    keys = [key for block in wanted for key in block_keys(block)]
    # A call in a block of plain data lies there as it is, in any other block as its key. That the new call is in a
    # block of keys does not tell how it would lie in one of plain data: these may all have it.
    parts = None if any(block.form for block in wanted) else [part for block in wanted for part in plain_parts(block)]
    found: dict[int, set[int]] = {}
    for record, head in _read(file, heads):
        sought = keys if head.form else parts
        if not _may_have(record.body or b"", sought):
            continue
        start = head.start
        for block in blocks_of(record, head):
            if _may_have(block.identity, sought):
                found.setdefault(record.run, set()).add(start >> PLACE_BITS)
            start += block.count
    return found


def _read(file: JournalRecords, heads: Sequence[ArgumentsAt]) -> Iterator[tuple[Record, Arguments]]:
    """These records, each with its head: such as stand side by side in one go."""
    first = 0
    while first < len(heads):
        end = first + 1
        while end < len(heads) and heads[end].seq == heads[end - 1].seq + 1:
            end += 1
        if end - first <= _SINGLY_MAX:
            records: Iterable[Record] = (file.record(each.seq) for each in heads[first:end])
        else:
            records = file.records(after=heads[first].seq - 1, until=heads[end - 1].seq)
        yield from zip(records, (each.head for each in heads[first:end]), strict=True)
        first = end


def _may_have(body: bytes, texts: Sequence[bytes] | None) -> bool:
    return texts is None or any(text in body for text in texts)
