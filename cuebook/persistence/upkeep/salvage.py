"""Recovery: a new journal from all that is whole in a damaged one.

Knows no value. The damaged file is only read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.history.replay import JournalState, apply, family_of
from cuebook.persistence.journal.header import first_head
from cuebook.persistence.journal.rewriting import Rewriting, note_end
from cuebook.persistence.records.chain import checked_row
from cuebook.persistence.records.contents_heads import DERIVED
from cuebook.persistence.records.families import kept_by
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.row import Row
from cuebook.persistence.records.run_heads import JournalOpened
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.stores.port import Medium, Reading
from cuebook.persistence.values.blob_references import copy_blobs

__all__ = ["Salvaged", "recover"]

_MISSES_MAX = 2000
_MADE_ANEW = DERIVED | {Kind.JOURNAL}
"""What a new journal has of its own."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What recovery did.

    Attributes:
        path: the new journal.
        records: how many records were kept.
        lost: first and last number (in the old journal) of each stretch of records that is lost.
        blobs: how many blobs were copied whole.
    """

    path: Path
    records: int
    lost: tuple[tuple[int, int], ...]
    blobs: int


def recover(place: str | os.PathLike[str] | Medium, new: str | os.PathLike[str] | Medium) -> Salvaged:
    """Write to `new` every record of the journal at `place` that is provably as it was committed.

    A record counts as whole when its hash fits it and the hash of the record before it; records of a run whose
    opening is lost, and arguments after lost ones, go with them. No wrong value gets into the new journal.

    Raises:
        JournalError: there is no such file, something is at `new`, or it cannot be written.
        JournalNotTrusted: a file of either of them, or a blob, is a link, no plain file, or somebody else's.
        JournalCorrupt: nothing can be read from it at all.
    """
    source, target = medium_of(place), medium_of(new)
    target.check_free()
    source.blobs().check_plain()
    target.prepare()
    note = source.seat().noted()
    state = JournalState()
    seen, kept = 0, list[int]()
    with source.salvaging() as reading:
        expected = min(max(_end(reading), note.seq if note else 0), source.records_max())
        found = _whole_records(reading, expected)
        first = next(found, None)
        opened = first_head(_old_head(first), expected, note.hash if note and note.seq == expected else b"")
        with target.creating() as rows:
            writing = Rewriting(rows, opened)
            for record in _all(first, found):
                seen = record.seq
                entry = _fitting(state, record)
                if entry is not None:
                    kept.append(seen)
                    if record.kind not in _MADE_ANEW:
                        writing.append(entry, _whole_state(reading, record))
            writing.flush()
    blobs = copy_blobs(source.blobs(), target.blobs())
    note_end(target, opened.journal_id, writing.seq, writing.hash)
    return Salvaged(Path(target.name), len(kept), tuple(_gaps(kept, max(expected, seen))), blobs)


def _all(first: Record | None, rest: Iterator[Record]) -> Iterator[Record]:
    if first is not None:
        yield first
    yield from rest


def _old_head(first: Record | None) -> JournalOpened | None:
    if first is None or first.kind is not Kind.JOURNAL:
        return None
    return JournalOpened.decode(first.head)


def _end(reading: Reading) -> int:
    try:
        return reading.end()
    except JournalError:
        return 0


def _whole_records(reading: Reading, end: int) -> Iterator[Record]:
    """The records whose hash fits; a stretch that cannot be read is tried one by one."""
    last, misses = 0, 0
    while last < end or (end == 0 and misses < _MISSES_MAX):
        last += 1
        row = _row(reading, last)
        misses = misses + 1 if row is None else 0
        if row is not None:
            with contextlib.suppress(JournalCorrupt):
                yield checked_row(row, last)


def _row(reading: Reading, seq: int) -> Row | None:
    try:
        return reading.row(seq)
    except JournalError:
        return None


def _fitting(state: JournalState, record: Record) -> Entry | None:
    """The record as it can be kept beside those that were kept before it; None where it cannot."""
    try:
        apply(state, record)
    except JournalCorrupt:
        family = family_of(record.kind)
        return None if family is None else family.salvaged(state, record)
    return Entry(record.kind, record.run, record.head, record.body)


def _whole_state(reading: Reading, record: Record) -> bytes | None:
    told = kept_by(record)
    if told is None:
        return None
    try:
        body = reading.state(record.seq)
    except JournalError:
        return None
    if body is None or hashlib.sha256(body).digest() != told.digest:
        return None
    return body


def _gaps(kept: list[int], end: int) -> Iterator[tuple[int, int]]:
    last = 0
    for seq in [*kept, end + 1]:
        if seq > last + 1:
            yield last + 1, seq - 1
        last = seq
