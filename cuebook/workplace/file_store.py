"""Versions of files in a folder of blobs: each content once, large ones in pieces, so that a small change is small.

Shared by all that keep files in one `.cuebook/`, in any number of processes. Knows no workspace and no manifest's use.
"""
# Names of files are bytes here, which pathlib does not take:
# ruff: noqa: PTH116

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cuebook.errors import JournalCorrupt
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.blobs.reflink import clone_into
from cuebook.persistence.trust.plain_file import open_plain
from cuebook.workplace.cutting import Readable, pieces_of
from cuebook.workplace.locking import FolderLock
from cuebook.workplace.manifest import FileVersion, Piece

__all__ = ["WHOLE_BYTES_MAX", "Content", "FileStore"]

WHOLE_BYTES_MAX = 8 << 20
"""A file up to this size is one blob; a larger one is cut into pieces."""
_COPY_BYTES = 1 << 20

Content = tuple[bytes, int, tuple[Piece, ...]]
"""Digest and size of a content, and its pieces where it has some."""


class FileStore:
    """Contents of files by their sha256.

    Args:
        folder: of its blobs; made at the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs = BlobStore(folder)
        self._lock = FolderLock(folder.with_name(f"{folder.name}.lock"))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While this lasts nothing is collected: from the first content that is kept until a journal refers to it."""
        with self._lock.shared():
            yield

    def keep(self, file: Readable) -> Content:
        """Keep what is in an open file from where it stands; it is on disk when this returns.

        Raises:
            JournalFull, JournalError: it could not be written; what was kept before is as it was.

        Cost: one read; one sha256 and one write of what is not there yet, with two fsync for each blob.
        """
        start = file.read(WHOLE_BYTES_MAX + 1)
        if len(start) <= WHOLE_BYTES_MAX:
            return self.blobs.write(start), len(start), ()
        whole, size = hashlib.sha256(), 0
        pieces: list[Piece] = []
        for piece in pieces_of(_Continued(start, file)):
            whole.update(piece)
            size += len(piece)
            pieces.append((self.blobs.write(piece), len(piece)))
        return whole.digest(), size, tuple(pieces)

    def adopt(self, path: Path) -> Content:
        """Keep a file of this file system whole, whatever its size, by giving it another name: it is gone from here.

        Raises:
            JournalFull, JournalError: it could not be kept; it lies where it was.

        Cost: one read and one sha256.
        """
        digest, size = self.blobs.adopt(path)
        return digest, size, ()

    def put(self, version: FileVersion, target: IO[bytes]) -> None:
        """Write a file's content into an open, empty file, sharing its blocks where the file system can.

        Raises:
            JournalCorrupt: a blob is missing or damaged. OSError: it could not be written.
        """
        if not version.pieces:
            self._put_whole(version, target)
            return
        whole = hashlib.sha256()
        for digest, length in version.pieces:
            data = self.blobs.read(digest, length)
            whole.update(data)
            target.write(data)
        if whole.digest() != version.digest:
            raise JournalCorrupt(f"the pieces of {version.digest.hex()} in {self.folder} are those of another file")

    def read(self, version: FileVersion) -> bytes:
        """A file's content.

        Raises:
            JournalCorrupt: a blob is missing or damaged.
        """
        parts = version.pieces or ((version.digest, version.size),)
        return b"".join(self.blobs.read(digest, length) for digest, length in parts)

    def check(self, version: FileVersion) -> None:
        """Raise JournalCorrupt unless all blobs of a file are there, with their lengths. Cost: a stat each."""
        for digest, length in version.pieces or ((version.digest, version.size),):
            self.blobs.check(digest, length)

    def drop_damaged(self, version: FileVersion) -> None:
        """Delete those blobs of a file that are damaged, so that they are seen to be missing. Cost: one read."""
        for digest, length in version.pieces or ((version.digest, version.size),):
            try:
                self.blobs.read(digest, length)
            except JournalCorrupt:
                self.blobs.remove(digest)

    def verify(self, version: FileVersion) -> None:
        """Raise JournalCorrupt unless all blobs of a file are there and whole. Cost: one read, piece by piece."""
        for digest, length in version.pieces or ((version.digest, version.size),):
            self.blobs.read(digest, length)

    def collect(self, is_needed: Callable[[bytes], bool]) -> tuple[int, int]:
        """Delete each blob that is not needed; gives how many, and their bytes.

        Args:
            is_needed: asked for each digest. It has to know of all that keep files here: data sets and experiments.

        Raises:
            WorkplaceError: somebody is keeping files just now.
        """
        with self._lock.alone():
            count = size = 0
            for digest in list(self.blobs.digests()):
                if not is_needed(digest):
                    size += os.stat(self.blobs.path_of(digest)).st_size
                    self.blobs.remove(digest)
                    count += 1
            return count, size

    def _put_whole(self, version: FileVersion, target: IO[bytes]) -> None:
        path = self.blobs.path_of(version.digest)
        self.blobs.check(version.digest, version.size)
        with open(open_plain(path)[0], "rb") as source:
            is_clone = version.size > _COPY_BYTES and clone_into(source.fileno(), target.fileno())
            found = hashlib.sha256()
            while data := source.read(_COPY_BYTES):
                found.update(data)
                if not is_clone:
                    target.write(data)
        if found.digest() != version.digest:
            raise JournalCorrupt(f"blob {version.digest.hex()} in {self.folder} is damaged: its content has changed")


class _Continued:
    """A file that is read on from what was read of it already."""

    def __init__(self, start: bytes, file: Readable) -> None:
        self._start = start
        self._file = file

    def read(self, size: int) -> bytes:
        start, self._start = self._start[:size], self._start[size:]
        return start or self._file.read(size)
