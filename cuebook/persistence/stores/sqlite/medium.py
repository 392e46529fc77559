"""A journal in a SQLite file, whole: the file, its lock, its blobs and what lies beside it. Knows no record."""

from __future__ import annotations

import os
import sqlite3
from contextlib import AbstractContextManager, closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.stores.sqlite.files import JournalFiles, check_beside
from cuebook.persistence.stores.sqlite.location import check_platform, located, make_folder
from cuebook.persistence.stores.sqlite.lock import FileLock
from cuebook.persistence.stores.sqlite.mending import readable
from cuebook.persistence.stores.sqlite.new_rows import SqliteNewRows, creating, refuse_existing, replacing
from cuebook.persistence.stores.sqlite.part_file import PART
from cuebook.persistence.stores.sqlite.reading import SqliteReading
from cuebook.persistence.stores.sqlite.schema import check_identity, check_size, journal_error, opened_connection
from cuebook.persistence.trust.verdicts import BLOBS, LOCK, SQLITE_SIDES, Verdict, Writers

if TYPE_CHECKING:
    from cuebook.persistence.stores.sqlite.writing import SqliteStore

__all__ = ["SqliteMedium", "check", "medium"]

_ROW_BYTES_MIN = 32
"""Each row has a hash, which no file system compresses."""
_SMALL_BYTES = 1 << 20
"""So much may lie where the file's space does not count it."""


class SqliteMedium:
    """`Medium` of a path.

    Args:
        path: of the file, which need not exist; links are resolved.

    Raises:
        JournalError: it is a folder or a device, or it is relative and the current folder is gone.
        JournalNotTrusted: it is a link that another user has put into a folder open to others.
    """

    def __init__(self, path: str) -> None:
        self._location = located(path)
        self._path = self._location.path

    @property
    def name(self) -> str:
        """As `Medium.name`: the path."""
        return str(self._path)

    def key(self) -> tuple[int, int] | None:
        """As `Medium.key`: device and inode."""
        return self._location.key()

    def is_there(self) -> bool:
        """As `Medium.is_there`."""
        return self.key() is not None

    def prepare(self) -> None:
        """As `Medium.prepare`: looks at the file and beside it, and makes its folder."""
        self._refuse_second_name()
        check_beside(self._path)
        self._refuse_other_file()
        make_folder(self._path.parent)

    def store(self) -> SqliteStore:
        """As `Medium.store`."""
        from cuebook.persistence.stores.sqlite.writing import SqliteStore  # aiosqlite: not for whoever only reads

        return SqliteStore(self._path)

    def seat(self) -> FileLock:
        """As `Medium.seat`: the lock on `PATH.lock`."""
        return FileLock(self._location.lock_path)

    def reading(self, trust: Writers) -> SqliteReading:
        """As `Medium.reading`. Cost: about 1 ms."""
        return SqliteReading(self._path, trust=trust)

    def salvaging(self) -> AbstractContextManager[SqliteReading]:
        """As `Medium.salvaging`: where SQLite makes no sense of the first page, a copy with a new one is read."""
        return readable(self._path)

    def creating(self) -> AbstractContextManager[SqliteNewRows]:
        """As `Medium.creating`."""
        return creating(self._path)

    def replacing(self) -> AbstractContextManager[SqliteNewRows]:
        """As `Medium.replacing`; needs as much free space again."""
        return replacing(self._path)

    def check_free(self) -> None:
        """As `Medium.check_free`."""
        refuse_existing(self._path)

    def size_bytes(self) -> int:
        """As `Medium.size_bytes`."""
        try:
            size = self._path.stat().st_size
        except OSError as error:
            raise JournalError(f"{self._path} cannot be read: {error.strerror}") from error
        with suppress(OSError):
            size += os.stat(f"{self._path}-wal").st_size  # noqa: PTH116 - what is not in the file yet
        return size

    def records_max(self) -> int:
        """As `Medium.records_max`: by the disk space that the file has, which a sparse one's size does not tell."""
        used = sum(_allocated(Path(f"{self._path}{end}")) for end in ("", "-wal"))
        return (used + _SMALL_BYTES) // _ROW_BYTES_MIN

    def blobs(self) -> BlobStore:
        """As `Medium.blobs`: a folder beside the file."""
        return BlobStore(self._location.blobs_folder)

    def verdict(self) -> Verdict:
        """As `Medium.verdict`."""
        with JournalFiles(self._path) as files:
            return files.verdict()

    def _refuse_other_file(self) -> None:
        """Raise where a file that has no lock yet is no journal of ours: it is to get none."""
        if self._location.lock_path.exists() or not self.is_there() or not self._path.stat().st_size:
            return
        try:
            check_size(self._path)
            with JournalFiles(self._path) as files, closing(files.opened(partial(opened_connection, self._path))) as it:
                check_identity(it, self._path)
        except (sqlite3.Error, UnicodeError) as error:
            problem = journal_error(error, self._path, "read")
            if isinstance(problem, JournalCorrupt):  # what else there is says whoever opens it
                raise problem from error

    def _refuse_second_name(self) -> None:
        try:
            names = self._path.stat().st_nlink
        except OSError:
            return
        if names > 1:
            raise JournalError(f"{self._path} has {names} names (hard links): its lock and -wal would not be shared")


def _allocated(path: Path) -> int:
    try:
        found = path.stat()
    except OSError:
        return 0
    return getattr(found, "st_blocks", 0) * 512 or found.st_size


def check(place: str) -> None:
    """Raise where a text can be no path of a journal, as `stores.media` asks.

    Raises:
        ValueError: it names no file, or what lies beside a journal.
        JournalError: there are no journals on this platform.
    """
    if "\0" in place:
        raise ValueError(f"path={place!r} holds a zero byte, which no name of a file may")
    if not place or place.endswith(os.sep):
        raise ValueError(f'path={place!r} names no file: write one, such as path="{place}results.cue"')
    for end in (*SQLITE_SIDES, LOCK, BLOBS, PART):
        if place.endswith(end) and os.path.basename(place) != end:
            text = f"path={place!r} ends in {end}, as what lies beside a journal does: choose another name"
            raise ValueError(text)
    check_platform(place)


def medium(place: str) -> SqliteMedium:
    """The medium of a path, as `stores.media` asks for it."""
    return SqliteMedium(place)
