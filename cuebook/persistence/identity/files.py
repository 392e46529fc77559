"""`File`: a file that a call takes or returns, which counts by its content, wherever it lies.

Knows no call and no journal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from cuebook.persistence.identity.digest import DIGEST_BYTES

__all__ = ["File", "FileStamp", "MissingFile", "are_used", "remember"]

_PIECE_BYTES = 1 << 20
_SETTLED_NS = 2_000_000_000
_TRIES_MAX = 3
_KNOWN_MAX = 100_000


class MissingFile(FileNotFoundError):
    """A File is not there, or cannot be read."""


_are_used = False


class FileStamp(NamedTuple):
    """A file's content as it was found, and by what it is known again without being read.

    Attributes:
        digest: of the content.
        size, mtime_ns, ctime_ns, inode: of the file then.
        is_settled: whether it had last been written to more than two seconds before it was read; else a later write
            could have left the same times.
    """

    digest: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    is_settled: bool

    def fits(self, status: os.stat_result) -> bool:
        """Whether a file of this status has the content that was read."""
        known = (self.size, self.mtime_ns, self.ctime_ns, self.inode)
        return self.is_settled and known == (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


class File:
    """A file as an argument or a result of a call: it counts by its content and the last part of its name.

    As an argument, by itself or in lists, tuples, sets and dicts, it is a `pathlib.Path` in the call. As a result it is
    kept by its path and the digest of its content: where the file is gone or has changed when the result is to be
    reused, the call is made again.

    Args:
        path: of the file; a relative one is meant from the folder in which the program runs.

    Attributes:
        path: as a `pathlib.Path`.

    Cost: its content is read once, about 1 s a GB, and again only when size, times or inode have changed.
    """

    __slots__ = ("path", "stamp")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        global _are_used
        _are_used = True
        self.path = Path(path)
        self.stamp: FileStamp | None = None

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"File({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return self.path == other.path if isinstance(other, File) else NotImplemented

    def __hash__(self) -> int:
        return hash((File, self.path))

    def __reduce__(self) -> tuple[Any, ...]:
        return File, (str(self.path),)

    def stamped(self) -> FileStamp:
        """The content as it is now.

        Raises:
            MissingFile: there is no such file, or it cannot be read.
        """
        try:
            self.stamp = _stamp(os.path.abspath(self.path))
        except OSError as error:
            reason = "it is a folder" if isinstance(error, IsADirectoryError) else error.strerror or str(error)
            raise MissingFile(f"File({str(self.path)!r}) cannot be read: {reason}") from error
        return self.stamp

    def is_unchanged(self) -> bool:
        """Whether the file still has the content that it had when this File was kept."""
        kept = self.stamp
        try:
            return kept is not None and _stamp(os.path.abspath(self.path), kept).digest == kept.digest
        except OSError:
            return False


File.__module__ = "cuebook"  # what users import is what stands in pickles

_known: dict[str, FileStamp] = {}


def are_used() -> bool:
    """Whether this program has made a `File`."""
    return _are_used


def remember(files: Iterable[tuple[str | os.PathLike[str], FileStamp]]) -> None:
    """Take these contents for known, as long as size, times and inode of the files stay as they were."""
    for path, stamp in files:
        _known.setdefault(os.path.abspath(path), stamp)


def _stamp(path: str, kept: FileStamp | None = None) -> FileStamp:
    status = os.stat(path)  # noqa: PTH116
    for known in (_known.get(path), kept):
        if known is not None and known.fits(status):
            return known
    for _ in range(_TRIES_MAX):
        is_settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
        digest = _digest(path)
        before, status = status, os.stat(path)  # noqa: PTH116
        if (before.st_size, before.st_mtime_ns) == (status.st_size, status.st_mtime_ns):
            break
        is_settled = False
    stamp = FileStamp(digest, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, is_settled)
    if len(_known) >= _KNOWN_MAX:
        _known.clear()
    _known[path] = stamp
    return stamp


def _digest(path: str) -> bytes:
    digest = blake2b(digest_size=DIGEST_BYTES)
    with open(path, "rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.digest()
