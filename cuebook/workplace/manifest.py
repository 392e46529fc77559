"""Which files there were at one moment, and what was in each: plain data, and the names that may be in it.

Knows no store. A name is bytes, as the system has it, so that each that there can be is kept as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cuebook.errors import MalformedMessage, WorkplaceError
from cuebook.wire.codec import pack, unpack

__all__ = ["FileForm", "FileVersion", "Manifest", "Piece", "checked_name", "is_within", "shown"]

Piece = tuple[bytes, int]
"""The digest of a part of a file, and its length."""

_PART_MARK = b".cuebook-"


class FileForm(StrEnum):
    """What a name stands for."""

    FILE = "f"
    LINK = "l"
    FOLDER = "d"


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What one name stood for.

    Attributes:
        name: below the root, its parts with "/" between them.
        form: file, link or folder.
        mode: its permission bits.
        size: bytes of its content; 0 of a folder.
        digest: sha256 of its content; of a link what it leads to; empty of a folder.
        pieces: where the content lies in several blobs: their digests and lengths, in order.
    """

    name: bytes
    form: FileForm
    mode: int
    size: int = 0
    digest: bytes = b""
    pieces: tuple[Piece, ...] = ()

    @property
    def blobs(self) -> Iterator[bytes]:
        """The digests of the blobs that hold its content."""
        if self.form is FileForm.FILE:
            yield from (digest for digest, _ in self.pieces) if self.pieces else (self.digest,)

    def is_same(self, other: FileVersion | None) -> bool:
        """Whether the other one has this content and these rights."""
        mine = (self.form, self.mode, self.size, self.digest)
        return other is not None and mine == (other.form, other.mode, other.size, other.digest)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files below some names of a root, at one moment.

    Attributes:
        outputs: the names that were looked at, files or folders; what is below any of them is in `files`.
        files: in order of name, so that a folder stands before what is in it.
    """

    outputs: tuple[bytes, ...] = ()
    files: tuple[FileVersion, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of all contents."""
        return sum(file.size for file in self.files)

    def by_name(self) -> dict[bytes, FileVersion]:
        """Its files by name."""
        return {file.name: file for file in self.files}

    def blobs(self) -> Iterator[bytes]:
        """The digests of all blobs that it needs."""
        for file in self.files:
            yield from file.blobs

    def encode(self) -> bytes:
        """Its bytes, for a journal."""
        return pack(
            [
                list(self.outputs),
                [[f.name, f.form.value, f.mode, f.size, f.digest, [list(p) for p in f.pieces]] for f in self.files],
            ]
        )

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """The manifest of these bytes.

        Raises:
            WorkplaceError: they are none, or a name in it leads elsewhere. Nothing was written.
        """
        try:
            outputs, rows = unpack(data)
            files = tuple(_version(*row) for row in rows)
            return cls(tuple(checked_name(name) for name in outputs), files)
        except (MalformedMessage, TypeError, ValueError) as error:
            raise WorkplaceError(f"these {len(data)} bytes are no list of files: {error}") from error


def _version(name: bytes, form: str, mode: int, size: int, *content: Any) -> FileVersion:
    digest, pieces = content
    found = tuple((bytes(piece), int(length)) for piece, length in pieces)
    version = FileVersion(checked_name(name), FileForm(form), mode & 0o777, int(size), bytes(digest), found)
    if version.form is FileForm.FILE and any(len(blob) != 32 for blob in (version.digest, *version.blobs)):
        raise ValueError(f"{shown(name)} has no digest")
    return version


def checked_name(name: bytes) -> bytes:
    """A name that stays below its root.

    Raises:
        WorkplaceError: it does not, or is no name.
    """
    parts = name.split(b"/") if isinstance(name, bytes) else []
    if not parts or any(part in (b"", b".", b"..") for part in parts) or b"\0" in name:
        raise WorkplaceError(f"{name!r} is no name of a file below its folder")
    return name


def is_within(name: bytes, folder: bytes) -> bool:
    """Whether a name is this one, or lies below it."""
    return name == folder or name.startswith(folder + b"/")


def shown(name: bytes) -> str:
    """A name for people: with what would steer a terminal as escapes."""
    text = name.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else ascii(text)[1:-1]
