"""Files of blobs, whole or not there: written beside their names and renamed, looked at without following a link.

Knows no digest's meaning.
"""
# Workers import this at start, and pathlib takes longer to import than all of it:
# ruff: noqa: PTH102, PTH104, PTH108, PTH208

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cuebook.errors import JournalError
from cuebook.persistence.blobs.port import DIGEST_BYTES
from cuebook.persistence.trust.plain_file import not_plain, open_plain

if TYPE_CHECKING:
    from io import BufferedReader

__all__ = [
    "CHUNK_BYTES",
    "PART_END",
    "blob_names_in",
    "digest_of",
    "file_sha256",
    "holds",
    "make_folder",
    "names_in",
    "remove_file",
    "sha256_of",
    "sync_folder",
    "write_file",
]

PART_END = ".part"
CHUNK_BYTES = 4 * 1024 * 1024


def sha256_of(view: memoryview) -> bytes:
    """What a blob of this content is known by."""
    import hashlib  # loads OpenSSL: 10 ms that a worker without large values does not pay

    return hashlib.sha256(view).digest()


def file_sha256(file: BufferedReader) -> bytes:
    """The same of an open file, read to its end."""
    import hashlib

    return hashlib.file_digest(file, "sha256").digest()


def digest_of(name: str) -> bytes | None:
    """The digest that the name of a file is made of; None where it is made of none."""
    if len(name) != 2 * DIGEST_BYTES:
        return None
    try:
        return bytes.fromhex(name)
    except ValueError:
        return None


def names_in(folder: str) -> list[str]:
    """All names in a folder, sorted; none where there is no folder."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def blob_names_in(folder: str) -> list[str]:
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
        is_ours = entry.name.endswith(PART_END) or len(entry.name) == 2 * DIGEST_BYTES - 2
        if is_ours and not entry.is_file(follow_symlinks=False):
            raise not_plain(entry.path)
    return [entry.name for entry in found]


def make_folder(folder: str) -> None:
    """Create a folder (0700) with its parents, each entry synced in the folder that holds it."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder) or "."
    make_folder(parent)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return
    sync_folder(parent)


def remove_file(path: str) -> None:
    """Take a name away; a link goes, and not what it leads to."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError) as error:
        if os.path.isdir(path):
            raise not_plain(path) from error
        raise JournalError(f"{path} cannot be removed: {error.strerror}") from error


def holds(path: str, view: memoryview) -> bool:
    """Whether the file has exactly this content: a damaged one would never heal if its name were believed."""
    try:
        descriptor, found = open_plain(path)
        with open(descriptor, "rb") as file:
            if found.st_size != view.nbytes:
                return False
            for start in range(0, view.nbytes, CHUNK_BYTES):
                part = view[start : start + CHUNK_BYTES]
                if file.read(part.nbytes) != part:
                    return False
    except OSError:
        return False
    return True


def write_file(path: str, view: memoryview, *, is_synced: bool = True) -> None:
    """Write a file that has its name only once it is whole."""
    # In the same folder, so that the rename is atomic; under a name of its own, so that two who write the same blob do
    # not write into one file. The rename comes behind the sync: a name never stands for bytes that a crash could lose.
    temporary = os.path.join(os.path.dirname(path), f".{os.getpid()}-{os.urandom(8).hex()}{PART_END}")
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


def sync_folder(folder: str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
