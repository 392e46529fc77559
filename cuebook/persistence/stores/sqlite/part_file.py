"""`PATH.part`: a database that is being written, to be renamed to PATH when it is whole.

Knows no record.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cuebook.errors import JournalError
from cuebook.persistence.stores.sqlite.files import JournalFiles
from cuebook.persistence.stores.sqlite.location import sync_folder
from cuebook.persistence.stores.sqlite.schema import opened_connection
from cuebook.persistence.trust.file_status import status_at
from cuebook.persistence.trust.texts import refusal
from cuebook.persistence.trust.users import current_user
from cuebook.persistence.trust.verdicts import SQLITE_SIDES, refused_alone

__all__ = ["PART", "PartFile", "part_of"]

PART = ".part"
_SQLITE_BEGINNING = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class PartFile:
    """An unfinished database.

    Attributes:
        path: of the file. connection: the only one to it.
    """

    path: Path
    connection: sqlite3.Connection

    def finish(self, target: Path) -> None:
        """Close it and give it its name, on disk when this returns."""
        self.connection.close()
        self.path.replace(target)
        sync_folder(target.parent)


@contextlib.contextmanager
def part_of(target: Path) -> Iterator[PartFile]:
    """An empty database beside `target`, of this user's alone; what a killed program left of one is taken away.

    Whatever is not finished is gone at the end of the block.

    Raises:
        JournalNotTrusted: something else has its name, or that of a file beside it; nothing was touched.
        JournalError: a file has its name that no journal can have left; it was not touched.
        OSError, sqlite3.Error: it cannot be made.
    """
    path = target.with_name(target.name + PART)
    _clear(path)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = None
    try:
        with JournalFiles(path) as files:
            files.hold_names(with_blobs=False)
            # Nobody else opens it, and what is not finished is thrown away: it needs no rollback journal on disk.
            alone = ("PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = MEMORY", "PRAGMA synchronous = FULL")
            connection = files.opened(lambda: opened_connection(path, *alone))
            yield PartFile(path, connection)
    finally:
        if connection is not None:
            connection.close()
        for end in ("", *SQLITE_SIDES):
            with contextlib.suppress(OSError):
                Path(f"{path}{end}").unlink()


def _clear(path: Path) -> None:
    """Take away what a killed program left.

    Raises:
        JournalNotTrusted: something is there that is no plain file, or somebody else's.
    """
    user = current_user()
    there = [(end, status) for end in ("", *SQLITE_SIDES) if (status := status_at(f"{path}{end}")) is not None]
    for end, status in there:
        problem = None if user is None else refused_alone(status, user)
        if problem is not None:
            raise refusal(problem, Path(f"{path}{end}"))
    if path.exists() and not _is_unfinished(path):
        raise JournalError(f"{path} is in the way, and is no unfinished journal: rename or remove it")
    for end, _ in there:
        Path(f"{path}{end}").unlink()


def _is_unfinished(path: Path) -> bool:
    with path.open("rb") as file:
        beginning = file.read(len(_SQLITE_BEGINNING))
    return beginning in (b"", _SQLITE_BEGINNING)
