"""Opening what has to be a plain file: never a link, a FIFO, a device or a folder, and without ever waiting.

Knows no journal. Workers read their blobs through it, so it imports next to nothing.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cuebook.errors import JournalNotTrusted

__all__ = ["SAFE_FLAGS", "check_folder", "check_plain", "not_plain", "open_plain"]

_NO_FILE = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR, errno.EOPNOTSUPP})
"""What opening a link, a socket or a folder fails with."""
SAFE_FLAGS = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
"""Added to how a file is opened: no link is followed, and nothing is waited for."""


def open_plain(path: str, flags: int = os.O_RDONLY, mode: int = 0o600) -> tuple[int, os.stat_result]:
    """Open a regular file with one name; gives its descriptor, which is the caller's to close, and what it is.

    Args:
        path: the file. flags: as for `os.open`. mode: of a file that is made, with O_CREAT.

    Raises:
        JournalNotTrusted: something else has this name.
        OSError: as `os.open`.
    """
    try:
        descriptor = os.open(path, flags | SAFE_FLAGS, mode)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise not_plain(path) from error
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise not_plain(path, status)
    return descriptor, status


def check_plain(path: str) -> None:
    """Nothing where a file is plain, or not there.

    Raises:
        JournalNotTrusted: something else has this name.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise not_plain(path, status)


def check_folder(path: str) -> bool:
    """Whether there is a folder, itself and not a link to one.

    Raises:
        JournalNotTrusted: something else has this name.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISDIR(status.st_mode):
        raise not_plain(path, status, is_folder=True)
    return True


def not_plain(path: str, status: os.stat_result | None = None, *, is_folder: bool = False) -> JournalNotTrusted:
    """The error that names what stands where a plain file (or folder) belongs."""
    from cuebook.persistence.trust.texts import refusal_of

    return refusal_of(path, os.lstat(path) if status is None else status, is_folder=is_folder)
