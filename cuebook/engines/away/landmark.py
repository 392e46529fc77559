"""Whether two processes are on one machine, and see the same folder: found out, not configured. Knows no engine."""

# ruff: noqa: PTH108, PTH116 - this looks at paths as the system has them

from __future__ import annotations

import os
import tempfile
from typing import NamedTuple

__all__ = ["Landmark", "Sight", "landmark", "sees", "sight"]

_NONCE_BYTES = 32
_READ_BYTES = 64


class Landmark(NamedTuple):
    """A file that only processes of one machine can open, and what is in it."""

    path: str
    nonce: bytes


class Sight(NamedTuple):
    """What a folder looks like from here: the nearest part of its path that is there, its inode and its time."""

    path: str
    inode: int
    changed_ns: int


_mine: tuple[int, Landmark, int] | None = None


def landmark() -> Landmark:
    """That of this process; it is there as long as the process is."""
    global _mine
    if _mine is None or _mine[0] != os.getpid():
        _mine = (os.getpid(), *_made())
    return _mine[1]


def _made() -> tuple[Landmark, int]:
    nonce = os.urandom(_NONCE_BYTES)
    handle, name = tempfile.mkstemp(prefix="cuebook-landmark-")
    os.write(handle, nonce)
    place = f"/proc/{os.getpid()}/fd/{handle}"
    if os.path.exists(place):
        os.unlink(name)
        return Landmark(place, nonce), handle
    return Landmark(name, nonce), handle


def sees(there: Landmark) -> bool:
    """Whether this process is on the machine of the one whose landmark it is, and may look into it."""
    try:
        with open(there.path, "rb") as file:
            return file.read(_READ_BYTES) == there.nonce
    except OSError:
        return False


def sight(folder: str) -> Sight | None:
    """What a folder, or where it is missing the nearest one above it, looks like from here."""
    path = os.path.abspath(folder)
    while True:
        try:
            found = os.stat(path)
        except OSError:
            above = os.path.dirname(path)
            if above == path:
                return None
            path = above
            continue
        return Sight(path, found.st_ino, found.st_mtime_ns)
