"""Backup: a copy of a journal that may be in use, with its -wal and its blobs.

Knows no record.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from cuebook.errors import JournalError
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.stores.sqlite.location import located, make_folder
from cuebook.persistence.stores.sqlite.lock import FileLock
from cuebook.persistence.stores.sqlite.part_file import part_of
from cuebook.persistence.stores.sqlite.rewriting import refuse_existing
from cuebook.persistence.stores.sqlite.schema import journal_error
from cuebook.persistence.values.blob_references import copy_blobs

__all__ = ["backup", "note_end"]


def backup(path: str | os.PathLike[str], new: str | os.PathLike[str]) -> int:
    """Copy the journal at `path`, as it is committed now, to `new`; gives the number of records in the copy.

    The writer goes on meanwhile. The copy has the same journal id, and is on disk when this returns.

    Raises:
        JournalError: there is no journal, there is something at `new`, or it cannot be written. JournalCorrupt: the
            journal is damaged. JournalNotTrusted: a file of either of them, or a blob, is a link, no plain file, or
            somebody else's.
    Cost: reads the journal and its blobs once and writes them once.
    """
    target = located(new)
    refuse_existing(target.path)
    make_folder(target.path.parent)
    with open_reader(path) as reader:
        BlobStore(reader.blobs_folder).check_plain()
        try:
            with part_of(target.path) as part:
                reader.backup(part.connection)
                part.connection.execute("PRAGMA journal_mode = DELETE")
                # Blobs are written before the records that refer to them: those of the copy are all there by now.
                copy_blobs(reader.blobs_folder, target.blobs_folder)
                part.finish(target.path)
        except (sqlite3.Error, OSError) as error:
            raise journal_error(error, target.path, "written") from error
    with open_reader(target.path, check_end=False) as copied:
        last = copied.record(copied.last_seq)
        note_end(target.lock_path, copied.journal_id, last.seq, last.hash)
    return last.seq


def note_end(lock_path: Path, journal_id: bytes, seq: int, hash_: bytes) -> None:
    """Note beside a new journal where it ends, so that a later loss shows."""
    lock = FileLock(lock_path)
    with contextlib.suppress(JournalError):
        lock.take()
        lock.note(journal_id, seq, hash_, is_held=False)
    lock.release()
