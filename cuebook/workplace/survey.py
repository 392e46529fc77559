"""What lies below some names of a folder, compared with what is to be there; nothing is kept. Knows no store.

It finds something to say of everything, also of what could not be kept: a socket, or a file that nobody may read.
"""
# Names of files are bytes here, which pathlib does not take:
# ruff: noqa: PTH114, PTH115

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from cuebook.workplace.manifest import FileForm, FileVersion, Manifest

__all__ = ["is_our_part", "parts_left", "survey"]

_PART = re.compile(rb"\.cuebook-[0-9a-f]{16}\.part\Z")


def is_our_part(name: bytes) -> bool:
    """Whether a file has the name of one that we write and that is not finished."""
    return _PART.match(name) is not None


def survey(root: Path, wanted: Manifest) -> dict[bytes, FileVersion]:
    """What is below the outputs of a manifest now, by name.

    Only a file as large as the one that is wanted is read; any other has no digest here.

    Cost: a stat for each file, one read and one sha256 of each that may be as it is wanted.
    """
    versions = wanted.by_name()
    found: dict[bytes, FileVersion] = {}
    for output in wanted.outputs:
        for name, status in _below(os.fsencode(root), output):
            found[name] = _seen(os.path.join(os.fsencode(root), name), name, status, versions.get(name))
    return found


def parts_left(root: Path, wanted: Manifest) -> Iterator[bytes]:
    """Paths of what one who was killed while he brought files back has left unfinished."""
    above = {os.path.dirname(os.path.join(os.fsencode(root), output)) for output in wanted.outputs}
    folders = {os.path.join(os.fsencode(root), output) for output in wanted.outputs}
    for folder in above:
        yield from (entry.path for entry in _entries(folder) if is_our_part(entry.name))
    for folder in folders:
        if not os.path.islink(folder):
            for path, _, names in os.walk(folder):
                yield from (os.path.join(path, name) for name in names if is_our_part(name))


def _entries(folder: bytes) -> list[os.DirEntry[bytes]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _below(root: bytes, name: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    path = os.path.join(root, name)
    try:
        status = os.lstat(path)
    except OSError:
        return
    yield name, status
    if stat.S_ISDIR(status.st_mode):
        for entry in sorted(_entries(path), key=lambda entry: entry.name):
            if not is_our_part(entry.name):
                yield from _below(root, b"%b/%b" % (name, entry.name))


def _seen(path: bytes, name: bytes, status: os.stat_result, wanted: FileVersion | None) -> FileVersion:
    mode = stat.S_IMODE(status.st_mode) & 0o777
    if stat.S_ISDIR(status.st_mode):
        return FileVersion(name, FileForm.FOLDER, mode)
    if stat.S_ISLNK(status.st_mode):
        leads = os.readlink(path)
        return FileVersion(name, FileForm.LINK, 0o777, len(leads), leads)
    may_be = stat.S_ISREG(status.st_mode) and wanted is not None and wanted.size == status.st_size
    return FileVersion(name, FileForm.FILE, mode, status.st_size, _digest(path) if may_be else b"")


def _digest(path: bytes) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""
