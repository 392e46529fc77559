"""A journal in a SQLite file, whole: the file, its lock, its blobs and what lies beside it. Knows no record."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from cuebook.errors import JournalError
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.stores.sqlite.files import JournalFiles, check_beside
from cuebook.persistence.stores.sqlite.location import check_platform, located, make_folder
from cuebook.persistence.stores.sqlite.lock import FileLock
from cuebook.persistence.stores.sqlite.mending import readable
from cuebook.persistence.stores.sqlite.new_rows import SqliteNewRows, creating, refuse_existing, replacing
from cuebook.persistence.stores.sqlite.reading import SqliteReading
from cuebook.persistence.trust.verdicts import Verdict, Writers

if TYPE_CHECKING:
    from cuebook.persistence.stores.sqlite.writing import SqliteStore

__all__ = ["SqliteMedium", "check", "medium"]


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
        """As `Medium.prepare`: looks beside the file, and makes its folder."""
        self._refuse_second_name()
        check_beside(self._path)
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
        waiting = Path(f"{self._path}-wal")  # what is not in the file yet
        return self._path.stat().st_size + (waiting.stat().st_size if waiting.exists() else 0)

    def blobs(self) -> BlobStore:
        """As `Medium.blobs`: a folder beside the file."""
        return BlobStore(self._location.blobs_folder)

    def verdict(self) -> Verdict:
        """As `Medium.verdict`."""
        with JournalFiles(self._path) as files:
            return files.verdict()

    def _refuse_second_name(self) -> None:
        try:
            names = self._path.stat().st_nlink
        except OSError:
            return
        if names > 1:
            raise JournalError(f"{self._path} has {names} names (hard links): its lock and -wal would not be shared")


def check(place: str) -> None:
    """Raise where a text can be no path of a journal, as `stores.media` asks.

    Raises:
        ValueError: it names no file. JournalError: there are no journals on this platform.
    """
    if "\0" in place:
        raise ValueError(f"path={place!r} holds a zero byte, which no name of a file may")
    if not place or place.endswith(os.sep):
        raise ValueError(f'path={place!r} names no file: write one, such as path="{place}results.cue"')
    check_platform(place)


def medium(place: str) -> SqliteMedium:
    """The medium of a path, as `stores.media` asks for it."""
    return SqliteMedium(place)
