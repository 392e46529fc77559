"""Large buffers as files beside the journal, named by the sha256 of their content.

Knows neither values nor records: a blob is bytes, a digest and a length.
"""
# Workers import this at start, and pathlib takes longer to import than all of it:
# ruff: noqa: PTH102, PTH104, PTH108, PTH208

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from cuebook.errors import JournalCorrupt, JournalError, JournalFull
from cuebook.persistence.trust.plain_file import check_folder, check_plain, not_plain, open_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DIGEST_BYTES", "BlobStore", "TransientBlobs"]

DIGEST_BYTES = 32
_PART_END = ".part"
_CHUNK_BYTES = 4 * 1024 * 1024
_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})


class BlobStore:
    """A folder of blobs: `ab/cdef...`, each written once and whole, on disk before its digest is known.

    Any number of processes may write to one folder at the same time. The folder is made at the first write.

    Parameters:
        folder: path of the folder; it need not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.path.abspath(folder)

    def path_of(self, digest: bytes) -> str:
        """Path of the file of a blob, whether it exists or not."""
        name = digest.hex()
        return os.path.join(self.folder, name[:2], name[2:])

    def write(self, data: bytes | bytearray | memoryview) -> bytes:
        """Keep a buffer and return its digest (32 bytes); file and folders are synced when this returns.

        One that is there with this content is kept; one that was damaged is written anew.

        Raises:
            JournalNotTrusted: what has its name is no plain file, or a folder's is no folder; nothing is followed.
            JournalFull, JournalError: it could not be written; nothing half-written stands under the digest.

        Cost: one sha256 and one write of the buffer, no copy; two fsync, more for a new folder.
        """
        view = memoryview(data).cast("B")
        digest = _sha256(view)
        path = self.path_of(digest)
        try:
            self._make_room(path)
            if not _holds(path, view):
                _write_file(path, view)
            _sync_folder(os.path.dirname(path))
        except OSError as error:
            raise self._unwritten(digest, error) from error
        return digest

    def read(self, digest: bytes, length: int) -> bytes:
        """The content of a blob.

        Parameters:
            digest: 32 bytes, as `write` returned it.
            length: in bytes.

        Raises:
            JournalCorrupt: it is missing or its content is not what was written; the message names it.
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
        """The content of a blob whose length is not known; None where it is damaged.

        Raises:
            JournalError: it cannot be read. JournalNotTrusted: what has its name is no plain file.
        """
        path = self.path_of(digest)
        try:
            with open(self._descriptor(digest), "rb") as file:
                data = file.read()
        except OSError as error:
            raise JournalError(f"{path} cannot be read: {error.strerror}") from error
        return data if _sha256(memoryview(data)) == digest else None

    def check(self, digest: bytes, length: int) -> None:
        """Raise JournalCorrupt unless the blob is there with this length; its content is not read."""
        try:
            with open(self._descriptor(digest), "rb") as file:
                found = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise self._missing(digest, error) from error
        self._check_length(digest, length, found)

    def read_into(self, digest: bytes, target: memoryview) -> None:
        """Fill a writable buffer with a blob of exactly its length; errors and cost as `read`."""
        try:
            with open(self._descriptor(digest), "rb", buffering=0) as file:
                self._check_length(digest, target.nbytes, os.fstat(file.fileno()).st_size)
                done = 0
                while done < target.nbytes:
                    count = file.readinto(target[done : done + _CHUNK_BYTES])
                    if not count:
                        break
                    done += count
        except OSError as error:
            raise self._missing(digest, error) from error
        self._check_content(digest, target)

    def mapped(self, digest: bytes, length: int) -> None:
        """None: what is kept is read and checked, and not used where it lies."""
        del digest, length

    def digests(self) -> Iterator[bytes]:
        """The digest of every blob in the folder, in order of name; unfinished files are not blobs.

        Raises:
            JournalNotTrusted: it, or a folder in it, is a link or no folder.
        """
        for prefix in self._prefixes():
            for name in _files(os.path.join(self.folder, prefix)):
                digest = _digest_of(prefix + name)
                if digest is not None:
                    yield digest

    def check_plain(self) -> None:
        """Look at all of it, before anything is done with it.

        Raises:
            JournalNotTrusted: a blob, or a folder, is a link, has a second name, or is nothing of that kind.

        Cost: one look at each file, none is opened.
        """
        for digest in self.digests():
            check_plain(self.path_of(digest))

    def verify(self) -> Iterator[tuple[bytes, str]]:
        """Read every blob; yield the digest of each that is damaged, with the reason.

        Cost: one read and one sha256 of all blobs, in bounded memory.
        """
        for digest in self.digests():
            reason = self._damage(digest)
            if reason is not None:
                yield digest, reason

    def remove(self, digest: bytes) -> None:
        """Delete a blob that nothing refers to any more; one that is missing is no error."""
        _remove(self.path_of(digest))

    def sweep(self) -> None:
        """Delete what writers that were killed left unfinished; only where nobody writes."""
        for prefix in self._prefixes():
            for name in _files(os.path.join(self.folder, prefix)):
                if name.endswith(_PART_END):
                    _remove(os.path.join(self.folder, prefix, name))

    def _prefixes(self) -> Iterator[str]:
        """The names of the folders that blobs lie in; none is followed to somewhere else."""
        if not check_folder(self.folder):
            return
        for name in _names(self.folder):
            if len(name) == 2 and check_folder(os.path.join(self.folder, name)):
                yield name

    def _make_room(self, path: str) -> None:
        """See to it that a blob's folders are there, themselves and not links to others."""
        folder = os.path.dirname(path)
        if not (check_folder(self.folder) and check_folder(folder)):
            _make_folder(folder)

    def _descriptor(self, digest: bytes) -> int:
        return open_plain(self.path_of(digest))[0]

    def _damage(self, digest: bytes) -> str | None:
        try:
            with open(self._descriptor(digest), "rb") as file:
                import hashlib

                found = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            return f"cannot be read: {error.strerror or error}"
        return None if found == digest else "its content has changed"

    def _check_length(self, digest: bytes, expected: int, found: int) -> None:
        if expected != found:
            raise JournalCorrupt(
                f"blob {digest.hex()} in {self.folder} is damaged: it has {found} bytes instead of {expected}"
            )

    def _check_content(self, digest: bytes, view: memoryview) -> None:
        if _sha256(view) != digest:
            raise JournalCorrupt(f"blob {digest.hex()} in {self.folder} is damaged: its content has changed")

    def _unwritten(self, digest: bytes, error: OSError) -> JournalError:
        kind = JournalFull if error.errno in _FULL_ERRNOS else JournalError
        return kind(f"cannot write blob {digest.hex()} in {self.folder}: {error.strerror or error}")

    def _missing(self, digest: bytes, error: OSError) -> JournalCorrupt:
        what = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror or error}"
        return JournalCorrupt(f"blob {digest.hex()} in {self.folder} {what}")


class TransientBlobs(BlobStore):
    """Blobs on their way from one process to another, of which nothing is kept: each is read once, and then dropped.

    Each write makes a file of its own, so that dropping one never takes away what another still has to read.

    Parameters:
        folder: path of the folder; it need not exist.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__(folder)
        self._read: set[str] = set()

    def path_of(self, digest: bytes) -> str:
        """Path of a file with this content, one that was not read yet where there is one."""
        plain = super().path_of(digest)
        folder, name = os.path.split(plain)
        paths = [os.path.join(folder, found) for found in _names(folder) if found.startswith(f"{name}.")]
        return next((path for path in paths if path not in self._read), paths[0] if paths else plain)

    def write(self, data: bytes | bytearray | memoryview) -> bytes:
        """As `BlobStore.write`, but not synced, and twice the same content is two files."""
        view = memoryview(data).cast("B")
        digest = _sha256(view)
        path = super().path_of(digest)
        try:
            self._make_room(path)
            _write_file(f"{path}.{os.getpid()}-{os.urandom(8).hex()}", view, is_synced=False)
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


def _sha256(view: memoryview) -> bytes:
    import hashlib  # loads OpenSSL: 10 ms that a worker without large values does not pay

    return hashlib.sha256(view).digest()


def _digest_of(name: str) -> bytes | None:
    if len(name) != 2 * DIGEST_BYTES:
        return None
    try:
        return bytes.fromhex(name)
    except ValueError:
        return None


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: str) -> list[str]:
    """The names in a folder of blobs, sorted.

    Raises:
        JournalNotTrusted: one that a blob has, or will have, is that of a link, a folder or the like.
    """
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    for entry in found:
        is_ours = entry.name.endswith(_PART_END) or len(entry.name) == 2 * DIGEST_BYTES - 2
        if is_ours and not entry.is_file(follow_symlinks=False):
            raise not_plain(entry.path)
    return [entry.name for entry in found]


def _make_folder(folder: str) -> None:
    """Create a folder (0700) with its parents, each entry synced in the folder that holds it."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder) or "."
    _make_folder(parent)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return
    _sync_folder(parent)


def _remove(path: str) -> None:
    """Take a name away; a link goes, and not what it leads to."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError) as error:
        if os.path.isdir(path):
            raise not_plain(path) from error
        raise JournalError(f"{path} cannot be removed: {error.strerror}") from error


def _holds(path: str, view: memoryview) -> bool:
    """Whether the file has exactly this content: a damaged one would never heal if its name were believed."""
    try:
        descriptor, found = open_plain(path)
        with open(descriptor, "rb") as file:
            if found.st_size != view.nbytes:
                return False
            for start in range(0, view.nbytes, _CHUNK_BYTES):
                part = view[start : start + _CHUNK_BYTES]
                if file.read(part.nbytes) != part:
                    return False
    except OSError:
        return False
    return True


def _write_file(path: str, view: memoryview, *, is_synced: bool = True) -> None:
    temporary = os.path.join(os.path.dirname(path), f".{os.getpid()}-{os.urandom(8).hex()}{_PART_END}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        try:
            done = 0
            while done < view.nbytes:
                done += os.write(descriptor, view[done:])
            if is_synced:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
