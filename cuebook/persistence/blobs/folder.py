"""Large buffers as files beside the journal, named by the sha256 of their content.

Knows neither values nor records: a blob is bytes, a digest and a length.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from cuebook.errors import JournalCorrupt, JournalError, JournalFull
from cuebook.persistence.blobs.files import (
    CHUNK_BYTES,
    PART_END,
    blob_names_in,
    digest_of,
    file_sha256,
    holds,
    make_folder,
    names_in,
    remove_file,
    sha256_of,
    sync_folder,
    write_file,
)
from cuebook.persistence.blobs.port import BlobPlace
from cuebook.persistence.trust.plain_file import check_folder, check_plain, open_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BlobStore"]

_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


class BlobStore:
    """`Blobs` in a folder: `ab/cdef...`. The folder is made at the first write.

    Parameters:
        folder: path of the folder; it need not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.path.abspath(folder)

    @property
    def place(self) -> BlobPlace:
        """As `Blobs.place`."""
        return BlobPlace("folder", self.folder)

    def path_of(self, digest: bytes) -> str:
        """Path of the file of a blob, whether it exists or not."""
        name = digest.hex()
        return os.path.join(self.folder, name[:2], name[2:])

    def write(self, data: bytes | bytearray | memoryview) -> bytes:
        """As `Blobs.write`; file and folders are synced when this returns.

        Raises:
            JournalNotTrusted: what has its name is no plain file, or a folder's is no folder; nothing is followed.

        Cost: one sha256 and one write of the buffer, no copy; two fsync, more for a new folder.
        """
        view = memoryview(data).cast("B")
        digest = sha256_of(view)
        path = self.path_of(digest)
        try:
            self._make_room(path)
            if not holds(path, view):
                write_file(path, view)
            sync_folder(os.path.dirname(path))
        except OSError as error:
            raise self._unwritten(digest, error) from error
        return digest

    def adopt(self, file: str | os.PathLike[str]) -> tuple[bytes, int]:
        """Take a file of the same file system in, whole: it gets a blob's name, and is synced; its digest and size.

        Raises:
            JournalNotTrusted: as `write`. JournalError: it could not be taken in; it lies where it was.

        Cost: one read and one sha256; no copy.
        """
        with open(file, "rb") as content:
            digest = file_sha256(content)
            size = os.fstat(content.fileno()).st_size
            path = self.path_of(digest)
            try:
                self._make_room(path)
                os.fsync(content.fileno())
                os.chmod(file, 0o600)  # noqa: PTH101
                os.rename(file, path)  # noqa: PTH104
                sync_folder(os.path.dirname(path))
            except OSError as error:
                raise self._unwritten(digest, error) from error
        return digest, size

    def check_whole(self, digest: bytes, length: int) -> str:
        """The path of a blob whose content was read and is what it was.

        Raises:
            JournalCorrupt: it is missing or damaged. Cost: one read and one sha256.
        """
        try:
            with open(self._descriptor(digest), "rb") as file:
                self._check_length(digest, length, os.fstat(file.fileno()).st_size)
                found = file_sha256(file)
        except OSError as error:
            raise self._missing(digest, error) from error
        if found != digest:
            raise JournalCorrupt(f"blob {digest.hex()} in {self.folder} is damaged: its content has changed")
        return self.path_of(digest)

    def read(self, digest: bytes, length: int) -> bytes:
        """As `Blobs.read`.

        Raises:
            JournalNotTrusted: what has its name is no plain file. (Whose it is does not matter: the digest does.)

        Cost: one read and one sha256.
        """
        try:
            with open(self._descriptor(digest), "rb") as file:
                found = os.fstat(file.fileno()).st_size
                self._check_length(digest, length, found)
                data = file.read()
        except OSError as error:
            raise self._missing(digest, error) from error
        self._check_content(digest, memoryview(data))
        return data

    def whole(self, digest: bytes) -> bytes | None:
        """As `Blobs.whole`; raises JournalNotTrusted where what has its name is no plain file."""
        path = self.path_of(digest)
        try:
            with open(self._descriptor(digest), "rb") as file:
                data = file.read()
        except OSError as error:
            raise JournalError(f"{path} cannot be read: {error.strerror}") from error
        return data if sha256_of(memoryview(data)) == digest else None

    def check(self, digest: bytes, length: int) -> None:
        """As `Blobs.check`."""
        try:
            with open(self._descriptor(digest), "rb") as file:
                found = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise self._missing(digest, error) from error
        self._check_length(digest, length, found)

    def read_into(self, digest: bytes, target: memoryview) -> None:
        """As `Blobs.read_into`; cost as `read`."""
        try:
            with open(self._descriptor(digest), "rb", buffering=0) as file:
                self._check_length(digest, target.nbytes, os.fstat(file.fileno()).st_size)
                done = 0
                while done < target.nbytes:
                    count = file.readinto(target[done : done + CHUNK_BYTES])
                    if not count:
                        break
                    done += count
        except OSError as error:
            raise self._missing(digest, error) from error
        self._check_content(digest, target)

    def mapped(self, digest: bytes, length: int) -> None:
        """As `Blobs.mapped`: None, as what is kept is read and checked, and not used where it lies."""
        del digest, length

    def digests(self) -> Iterator[bytes]:
        """As `Blobs.digests`, in order of name.

        Raises:
            JournalNotTrusted: it, or a folder in it, is a link or no folder.
        """
        for prefix in self._prefixes():
            for name in blob_names_in(os.path.join(self.folder, prefix)):
                digest = digest_of(prefix + name)
                if digest is not None:
                    yield digest

    def check_plain(self) -> None:
        """As `Blobs.check_plain`.

        Raises:
            JournalNotTrusted: a blob, or a folder, is a link, has a second name, or is nothing of that kind.

        Cost: one look at each file, none is opened.
        """
        for digest in self.digests():
            check_plain(self.path_of(digest))

    def verify(self) -> Iterator[tuple[bytes, str]]:
        """As `Blobs.verify`. Cost: one read and one sha256 of all blobs."""
        for digest in self.digests():
            reason = self._damage(digest)
            if reason is not None:
                yield digest, reason

    def remove(self, digest: bytes) -> None:
        """As `Blobs.remove`."""
        remove_file(self.path_of(digest))

    def sweep(self) -> None:
        """As `Blobs.sweep`."""
        for prefix in self._prefixes():
            for name in blob_names_in(os.path.join(self.folder, prefix)):
                if name.endswith(PART_END):
                    remove_file(os.path.join(self.folder, prefix, name))

    def _prefixes(self) -> Iterator[str]:
        """The names of the folders that blobs lie in; none is followed to somewhere else."""
        if not check_folder(self.folder):
            return
        for name in names_in(self.folder):
            if len(name) == 2 and check_folder(os.path.join(self.folder, name)):
                yield name

    def _make_room(self, path: str) -> None:
        """See to it that a blob's folders are there, themselves and not links to others."""
        folder = os.path.dirname(path)
        if not (check_folder(self.folder) and check_folder(folder)):
            make_folder(folder)

    def _descriptor(self, digest: bytes) -> int:
        return open_plain(self.path_of(digest))[0]

    def _damage(self, digest: bytes) -> str | None:
        try:
            with open(self._descriptor(digest), "rb") as file:
                found = file_sha256(file)
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"
        return None if found == digest else "its content has changed"

    def _check_length(self, digest: bytes, expected: int, found: int) -> None:
        if expected != found:
            raise JournalCorrupt(
                f"blob {digest.hex()} in {self.folder} is damaged: it has {found} bytes instead of {expected}"
            )

    def _check_content(self, digest: bytes, view: memoryview) -> None:
        if sha256_of(view) != digest:
            raise JournalCorrupt(f"blob {digest.hex()} in {self.folder} is damaged: its content has changed")

    def _unwritten(self, digest: bytes, error: OSError) -> JournalError:
        kind = JournalFull if error.errno in _FULL_ERRNOS else JournalError
        return kind(f"cannot write blob {digest.hex()} in {self.folder}: {error.strerror or error}")

    def _missing(self, digest: bytes, error: OSError) -> JournalCorrupt:
        what = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror or error}"
        text = f"blob {digest.hex()} in {self.folder} {what}; `cuebook recover` salvages the results that are whole"
        return JournalCorrupt(text)
