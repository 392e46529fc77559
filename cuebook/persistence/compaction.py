"""Compaction: a journal rewritten without what nobody can ask for any more. The only way a journal shrinks.

Knows no value. Crash-safe: the journal is either the old one or the new one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cuebook.persistence.blob_references import blob_references
from cuebook.persistence.blobs import BlobStore
from cuebook.persistence.heads import Forgetting, Forgotten
from cuebook.persistence.journal_files import JournalFiles, check_beside
from cuebook.persistence.location import Location, located, sync_folder
from cuebook.persistence.lock import FileLock
from cuebook.persistence.opening import first_head
from cuebook.persistence.reading import Reader, open_reader
from cuebook.persistence.record import Entry, Kind, Record
from cuebook.persistence.replay import JournalState
from cuebook.persistence.rewriting import Rewriting, rewriting
from cuebook.persistence.sqlite_schema import journal_error, opened_connection
from cuebook.persistence.stream_heads import Events
from cuebook.runtime.errors import JournalBusy, JournalError

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
        drop_events: whether events of durable actors go too, where a snapshot that is kept has all of them in it. An
            actor whose snapshots cannot be read (its state's class has changed) cannot be brought back then.

    Raises:
        JournalBusy: it is in use. JournalCorrupt: it is damaged (recover it first). JournalError: the new file cannot
            be written. JournalNotTrusted: a file beside it, or a blob, is no plain file, or somebody else's. In all of
            them the journal is as it was.
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
        before, size = reader.last_seq, location.path.stat().st_size
        state = reader.replay()
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
    size_after = location.path.stat().st_size
    return Compacted(location.path, before, new.seq, size, size_after, blobs, tuple(sorted(staying.dropped)))


def _droppable(state: JournalState) -> set[int]:
    """Forgotten runs that no run which stays refers to."""
    sources: dict[int, set[int]] = {}
    for run in state.runs.values():
        sources[run.number] = {each.source_run for each in run.reused}
        sources[run.number] |= {head.source_run for _, head in run.arguments if head.source_run is not None}
    staying, waiting = set[int](), [run.number for run in state.runs.values() if not run.is_forgotten]
    while waiting:
        number = waiting.pop()
        if number not in staying:
            staying.add(number)
            waiting.extend(sources.get(number, ()))
    return set(state.runs) - staying


class _Staying:
    """What of a journal stays.

    Attributes:
        dropped: numbers of the runs that go.
    """

    def __init__(self, reader: Reader, state: JournalState, *, drop_events: bool) -> None:
        self.dropped = _droppable(state)
        self._reader = reader
        self._state = state
        self._kept = set(reader.states())
        self._covered = self._covered_events() if drop_events else {}

    def records(self) -> Iterator[tuple[Record, bytes | None]]:
        """The records in order, each with the bytes of the state that it tells of."""
        for record in self._reader.records(after=1):
            if record.run in self.dropped or (record.kind is Kind.FORGOTTEN and self._is_moot(record)):
                continue
            if record.kind is Kind.SNAPSHOT:
                if record.seq in self._kept:
                    yield record, self._reader.state(record.seq)
            elif record.kind is Kind.EVENTS:
                if Events.decode(record.head).last > self._covered.get(record.run, 0):
                    yield record, None
            else:
                yield record, self._call_state(record) if record.kind is Kind.STATE else None

    def _covered_events(self) -> dict[int, int]:
        """By stream the last event that is in each snapshot of it which is kept."""
        return {
            number: min(head.number for seq, head in stream.snapshots if seq in self._kept)
            for number, stream in self._state.streams.items()
            if any(seq in self._kept for seq, _ in stream.snapshots)
        }

    def _is_moot(self, record: Record) -> bool:
        head = Forgotten.decode(record.head)
        return head.what is not Forgetting.FUNCTION and head.run in self.dropped

    def _call_state(self, record: Record) -> bytes | None:
        run = self._state.runs[record.run]
        for index, kept in run.states.items():
            if any(seq == record.seq for seq, _ in kept):
                is_done = index < len(run.done) and run.done[index]
                return None if is_done or run.is_forgotten else self._reader.state(record.seq)
        return None


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
