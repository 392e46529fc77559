"""Files as they were opened: what the system says of the very file, whatever its name leads to by now.

On Linux through descriptors that only name a file (`O_PATH`): SQLite's locks are the process's, and are dropped when
an ordinary descriptor of the file is closed (https://sqlite.org/howtocorrupt.html, 2.2), but not with one of these.
Where there are none, or content is to be read, an ordinary one is used, and stays open until this process uses that
file no more. Knows no journal and judges nothing.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import deque
from contextlib import suppress
from typing import Self

from cuebook.persistence.trust.file_status import NOTHING_THERE, status_of
from cuebook.persistence.trust.plain_file import SAFE_FLAGS
from cuebook.persistence.trust.verdicts import Status

__all__ = ["OpenedFile"]

_O_PATH = getattr(os, "O_PATH", 0)
_OWN_DESCRIPTORS = "/proc/self/fd"


class OpenedFile:
    """A file, held: it stays the same one whatever becomes of its name. Use `OpenedFile.at`; a context manager."""

    def __init__(self, path: str, descriptor: int | None, found: os.stat_result) -> None:
        self.path = path
        self.key = (found.st_dev, found.st_ino)
        self._descriptor = descriptor
        self._found = found
        self._is_open = True
        _begin_use(self.key)

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> Self | None:
        """What stands at `path` (a link is not followed); None where there is nothing.

        Raises:
            OSError: it cannot be seen.
        """
        text = os.fspath(path)
        try:
            if _O_PATH:
                descriptor = os.open(text, _O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
                return cls(text, descriptor, os.fstat(descriptor))
            opened = cls(text, None, os.lstat(text))
        except NOTHING_THERE:
            return None
        if stat.S_ISREG(opened._found.st_mode):
            with suppress(PermissionError):  # one that we may not read is known by its name alone
                opened.content_descriptor()
        return opened

    def status(self) -> Status:
        """What the system says of the file now."""
        held = self._descriptor if self._descriptor is not None else next(iter(_ordinary.get(self.key, ())), None)
        if held is None:
            return status_of(self._found, self.path)
        return status_of(os.fstat(held), self.path, f"{_OWN_DESCRIPTORS}/{held}")

    def is_at_its_name(self) -> bool:
        """Whether the name still leads to this file."""
        try:
            found = os.lstat(self.path)
        except OSError:
            return False
        # Not `key`: on an overlay a file may get another number when it is first opened for writing.
        return (found.st_dev, found.st_ino) == self.status().key

    def content_descriptor(self) -> int:
        """A descriptor to read this file with (`os.pread`), and no other file; it is not the caller's to close.

        Raises:
            OSError: it cannot be opened, or its name leads to another file by now.
        """
        with _lock:
            if known := _ordinary.get(self.key):
                return known[0]
            descriptor = self._opened_for_content()
            found = os.fstat(descriptor)
            key = (found.st_dev, found.st_ino)
            if key in _uses:  # whatever it is: closing it would drop the locks of its connections
                _ordinary.setdefault(key, []).append(descriptor)
            else:
                os.close(descriptor)
            if key != self.key or not stat.S_ISREG(found.st_mode):
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), self.path)
            return descriptor

    def _opened_for_content(self) -> int:
        if self._descriptor is not None:
            with suppress(FileNotFoundError):  # /proc is not mounted
                return os.open(f"{_OWN_DESCRIPTORS}/{self._descriptor}", os.O_RDONLY | SAFE_FLAGS & ~os.O_NOFOLLOW)
        return os.open(self.path, os.O_RDONLY | SAFE_FLAGS)

    def close(self) -> None:
        """Let go of the file, behind every SQLite connection to it that whoever holds this has. Twice is fine."""
        if not self._is_open:
            return
        self._is_open = False
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        _end_use(self.key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._is_open:
            self._is_open = False
            _forgotten.append((self.key, self._descriptor))  # the collector may have come while the lock is held


_lock = threading.Lock()
_uses: dict[tuple[int, int], int] = {}
_ordinary: dict[tuple[int, int], list[int]] = {}
"""The ordinary descriptors of a file, by device and inode; closed with the last use of that file."""
_forgotten: deque[tuple[tuple[int, int], int | None]] = deque()


def _begin_use(key: tuple[int, int]) -> None:
    with _lock:
        _uses[key] = _uses.get(key, 0) + 1
    with suppress(IndexError):
        while True:
            forgotten, descriptor = _forgotten.popleft()
            if descriptor is not None:
                os.close(descriptor)
            _end_use(forgotten)


def _end_use(key: tuple[int, int]) -> None:
    with _lock:
        left = _uses.get(key, 1) - 1
        if left:
            _uses[key] = left
            return
        _uses.pop(key, None)
        for descriptor in _ordinary.pop(key, ()):
            os.close(descriptor)
