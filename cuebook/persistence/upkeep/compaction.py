"""Compaction: a journal rewritten without what nobody can ask for any more. The only way a journal shrinks.

Crash-safe: the journal is either the old one or the new one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cuebook.errors import CuebookError, JournalBusy, JournalCorrupt, JournalError
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.history.replay import FAMILIES, JournalState, state_of
from cuebook.persistence.history.runs import dropped_runs
from cuebook.persistence.journal.header import first_head
from cuebook.persistence.journal.reader import Reader, open_reader
from cuebook.persistence.records.families import KEEPING
from cuebook.persistence.records.record import Entry, Record
from cuebook.persistence.stores.sqlite.files import JournalFiles, check_beside
from cuebook.persistence.stores.sqlite.location import Location, located, sync_folder
from cuebook.persistence.stores.sqlite.lock import FileLock
from cuebook.persistence.stores.sqlite.rewriting import Rewriting, rewriting
from cuebook.persistence.stores.sqlite.schema import journal_error, opened_connection
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


def compact(path: str | os.PathLike[str], *, drop_events: bool = False) -> Compacted:
    """Rewrite a journal in place, without forgotten runs, states of completed calls and blobs nobody refers to.

    What a kill left of blobs that were being written goes too.

    A forgotten run stays where a run that is not forgotten took results or arguments from it. The new journal has an
    id of its own; its first record names the old one's id, last record and hash.

    Args:
        path: the journal.
        drop_events: whether events of durable actors go too, where a snapshot that is kept has all of them in it. Each
            of these is read first, but for what only code could rebuild. An actor whose state's class has changed since
            in another way than by new fields with defaults needs an upcaster then.

    Raises:
        JournalBusy: it is in use. JournalCorrupt: it is damaged (recover it first), or a snapshot cannot be read that
            would be all there is of an actor. JournalError: the new file cannot be written. JournalNotTrusted: a file
            beside it, or a blob, is no plain file, or somebody else's. In all of them the journal is as it was.
    Cost: reads the journal twice and writes it once; needs that much free space.
    """
    location = located(path)
    if location.key() is None:
        raise JournalError(f"there is no journal at {location.path}")
    check_beside(location.path)
    lock = FileLock(location.lock_path)
    lock.take()
    try:
        return _compacted(location, lock, drop_events=drop_events)
    finally:
        lock.release()


def _compacted(location: Location, lock: FileLock, *, drop_events: bool) -> Compacted:
    BlobStore(location.blobs_folder).check_plain()
    with open_reader(location.path) as reader:
        before, size = reader.last_seq, _size(location.path)
        state = state_of(reader)
        if drop_events:
            _prove_snapshots(reader, state)
        staying = _Staying(reader, state, drop_events=drop_events)
        referred: set[bytes] = set()
        opened = first_head(state.opened, before, reader.record(before).hash)
        with rewriting(location.path, opened, replaces=True) as new:
            _copy(staying, new, referred)
            new.flush()
            reader.close()
            _empty_wal(location.path)
    _drop_side_files(location.path)
    lock.note(opened.journal_id, new.seq, new.hash, is_held=False)
    blobs = _drop_blobs(location.blobs_folder, referred)
    size_after = _size(location.path)
    return Compacted(location.path, before, new.seq, size, size_after, blobs, tuple(sorted(dropped_runs(state))))


def _prove_snapshots(reader: Reader, state: JournalState) -> None:
    decoder = ValueDecoder(trusted=False, blobs=BlobStore(reader.blobs_folder))
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


def _size(path: Path) -> int:
    """Bytes of a journal, with what has not been written into its file yet."""
    wal = Path(f"{path}-wal")
    return path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)


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


def _copy(staying: _Staying, new: Rewriting, referred: set[bytes]) -> None:
    for record, state in staying.records():
        referred.update(blob_references(state))
        referred.update(blob_references(record.body))
        new.append(Entry(record.kind, record.run, record.head, record.body), state)


def _empty_wal(path: Path) -> None:
    # A -wal with frames of the old file would be replayed into the new one.
    try:
        with JournalFiles(path) as files:
            files.hold_names()
            with contextlib.closing(files.opened(lambda: opened_connection(path))) as connection:
                (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise journal_error(error, path, "written") from error
    if busy:
        raise JournalBusy(f"{path} is being read by another process; try again")


def _drop_side_files(path: Path) -> None:
    # Readers of the old file keep theirs; a new one must not find the old file's -shm beside the new file.
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    with JournalFiles(path) as files:
        files.hold_names()
    sync_folder(path.parent)


def _drop_blobs(folder: Path, referred: set[bytes]) -> int:
    blobs = BlobStore(folder)
    unreferred = [digest for digest in blobs.digests() if digest not in referred]
    for digest in unreferred:
        blobs.remove(digest)
    blobs.sweep()
    return len(unreferred)
