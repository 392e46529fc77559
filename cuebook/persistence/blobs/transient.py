"""Blobs on their way from one process to another: each is read once, and then dropped. Knows no value."""
# Workers import this at start, and pathlib takes longer to import than all of it:
# ruff: noqa: PTH108

from __future__ import annotations

import os

from cuebook.persistence.blobs.files import names_in, sha256_of, write_file
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.blobs.port import BlobPlace

__all__ = ["TransientBlobs"]


class TransientBlobs(BlobStore):
    """Blobs on their way from one process to another, of which nothing is kept: each is read once, and then dropped.

    Each write makes a file of its own, so that dropping one never takes away what another still has to read.

    Parameters:
        folder: path of the folder; it need not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__(folder)
        self._read: set[str] = set()

    @property
    def place(self) -> BlobPlace:
        """As `BlobStore.place`."""
        return BlobPlace("transient", self.folder)

    def path_of(self, digest: bytes) -> str:
        """Path of a file with this content, one that was not read yet where there is one."""
        plain = super().path_of(digest)
        folder, name = os.path.split(plain)
        paths = [os.path.join(folder, found) for found in names_in(folder) if found.startswith(f"{name}.")]
        return next((path for path in paths if path not in self._read), paths[0] if paths else plain)

    def write(self, data: bytes | bytearray | memoryview) -> bytes:
        """As `BlobStore.write`, but not synced, and twice the same content is two files."""
        view = memoryview(data).cast("B")
        digest = sha256_of(view)
        path = super().path_of(digest)
        try:
            self._make_room(path)
            write_file(f"{path}.{os.getpid()}-{os.urandom(8).hex()}", view, is_synced=False)
        except OSError as error:
            raise self._unwritten(digest, error) from error
        return digest

    def read(self, digest: bytes, length: int) -> bytes:
        """As `BlobStore.read`; the file is dropped by the next `drop_read`."""
        path = self.path_of(digest)
        data = super().read(digest, length)
        self._read.add(path)
        return data

    def read_into(self, digest: bytes, target: memoryview) -> None:
        """As `BlobStore.read_into`; the file is dropped by the next `drop_read`."""
        path = self.path_of(digest)
        super().read_into(digest, target)
        self._read.add(path)

    def keep_read(self) -> None:
        """What was read will be read again."""
        self._read.clear()

    def drop_read(self) -> None:
        """Delete what was read."""
        for path in self._read:
            try:
                os.unlink(path)
            except OSError:  # it goes with its folder
                continue
        self._read.clear()
