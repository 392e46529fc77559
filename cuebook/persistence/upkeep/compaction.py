"""Compaction: a journal rewritten without what nobody can ask for any more. The only way a journal shrinks.

Crash-safe: the journal is either the old one or the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cuebook.errors import CuebookError, JournalCorrupt, JournalError
from cuebook.persistence.blobs.port import Blobs
from cuebook.persistence.history.family import Numbering
from cuebook.persistence.history.replay import FAMILIES, JournalState, state_of
from cuebook.persistence.history.runs import dropped_runs
from cuebook.persistence.journal.header import first_head
from cuebook.persistence.journal.reader import Reader, open_reader
from cuebook.persistence.journal.rewriting import Rewriting
from cuebook.persistence.records.families import KEEPING
from cuebook.persistence.records.record import Entry, Record
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.stores.port import Medium, WriterSeat
from cuebook.persistence.values import ValueDecoder
from cuebook.persistence.values.blob_references import blob_references
from cuebook.wire.codec import unpack

__all__ = ["Compacted", "compact"]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compaction did: records and bytes before and after, and the number of blobs and runs that went."""

    path: Path
    records_before: int
    records_after: int
    bytes_before: int
    bytes_after: int
    blobs_dropped: int
    runs_dropped: tuple[int, ...]


def compact(place: str | os.PathLike[str] | Medium, *, drop_events: bool = False) -> Compacted:
    """Rewrite a journal in place, without forgotten runs, removed actors, checkpoints of completed calls and blobs
    nobody refers to.

    What a kill left of blobs that were being written goes too.

    A forgotten run stays where a run that is not forgotten took results or arguments from it. The new journal has an
    id of its own; its first record names the old one's id, last record and hash.

    Args:
        place: the path of the journal's file, or where it lies.
        drop_events: whether events of durable actors go too, where each snapshot that is kept has all of them in it,
            and all actors that follow others have read them. These snapshots are read first, but for what only code
            could rebuild. An actor whose state's class has changed in another way than by new fields with defaults
            needs an upcaster then.

    Raises:
        JournalBusy: it is in use. JournalCorrupt: it is damaged (recover it first), or a snapshot cannot be read that
            would be all there is of an actor. JournalError: the new file cannot be written. JournalNotTrusted: a file
            beside it, or a blob, is no plain file, or somebody else's. In all of them the journal is as it was.
    Cost: reads the journal twice and writes it once; needs that much free space.
    """
    medium = medium_of(place)
    if not medium.is_there():
        raise JournalError(f"there is no journal at {medium.name}")
    medium.verdict()  # before anything is touched: it raises where something there is refused
    seat = medium.seat()
    seat.take()
    try:
        return _compacted(medium, seat, drop_events=drop_events)
    finally:
        seat.release()


def _compacted(medium: Medium, seat: WriterSeat, *, drop_events: bool) -> Compacted:
    medium.blobs().check_plain()
    with open_reader(medium) as reader:
        before, size = reader.last_seq, medium.size_bytes()
        state = state_of(reader)
        if drop_events:
            _prove_snapshots(reader, state, medium.blobs())
        staying = _Staying(reader, state, drop_events=drop_events)
        referred: set[bytes] = set()
        opened = first_head(state.opened, before, reader.record(before).hash)
        with medium.replacing() as rows:
            new = Rewriting(rows, opened)
            _copy(staying, new, opened.journal_id, referred)
            new.flush()
            reader.close()
    seat.note(opened.journal_id, new.seq, new.hash, is_held=False)
    blobs = _drop_blobs(medium.blobs(), referred)
    dropped = tuple(sorted(dropped_runs(state)))
    return Compacted(Path(medium.name), before, new.seq, size, medium.size_bytes(), blobs, dropped)


def _prove_snapshots(reader: Reader, state: JournalState, blobs: Blobs) -> None:
    decoder = ValueDecoder(trusted=False, blobs=blobs)
    for stream in state.streams.values():
        for seq, head in stream.snapshots:
            body = reader.state(seq)
            try:
                if body is not None:
                    decoder.decode(unpack(body)[0])
            except (CuebookError, ValueError, TypeError, LookupError) as error:
                raise JournalCorrupt(
                    f"record {seq}, the state of {stream.opened.type} {stream.opened.id!r} after event {head.number}, "
                    f"cannot be read: {error}; nothing was dropped, and its events are needed",
                    seq=seq,
                ) from error


class _Staying:
    """What of a journal stays, as each family of records says."""

    def __init__(self, reader: Reader, state: JournalState, *, drop_events: bool) -> None:
        self._reader = reader
        kept = frozenset(reader.states())
        self._by_kind = {
            kind: staying
            for family in FAMILIES
            for staying in [family.staying(state, kept, drop_events=drop_events)]
            for kind in family.folds
        }

    def records(self) -> Iterator[tuple[Record, bytes | None]]:
        """The records in order, each with the bytes of the state that it tells of."""
        for record in self._reader.records(after=1):
            staying = self._by_kind[record.kind]
            if staying.keeps(record):
                has_state = record.kind in KEEPING and staying.keeps_state(record)
                yield record, self._reader.state(record.seq) if has_state else None

    def last_words(self, numbering: Numbering, journal_id: bytes) -> Iterator[Entry]:
        """What the families have to say at the end of the new journal, which has this id."""
        for staying in {id(each): each for each in self._by_kind.values()}.values():
            yield from staying.last_words(numbering, journal_id)


def _copy(staying: _Staying, new: Rewriting, journal_id: bytes, referred: set[bytes]) -> None:
    numbering: list[tuple[int, int, int]] = []
    for record, state in staying.records():
        referred.update(blob_references(state))
        referred.update(blob_references(record.body))
        new.append(Entry(record.kind, record.run, record.head, record.body), state)
        _number(numbering, record.seq, new.last)
    for entry in staying.last_words(numbering, journal_id):
        new.append(entry)


def _number(numbering: list[tuple[int, int, int]], old: int, new: int) -> None:
    """Note the new number of a record: with those before it, where it goes on from them."""
    first, named, count = numbering[-1] if numbering else (0, 0, 0)
    if numbering and old == first + count and new == named + count:
        numbering[-1] = (first, named, count + 1)
    else:
        numbering.append((old, new, 1))


def _drop_blobs(blobs: Blobs, referred: set[bytes]) -> int:
    unreferred = [digest for digest in blobs.digests() if digest not in referred]
    for digest in unreferred:
        blobs.remove(digest)
    blobs.sweep()
    return len(unreferred)
