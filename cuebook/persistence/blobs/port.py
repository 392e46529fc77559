"""The port of blobs: large buffers by the sha256 of their content. Knows neither values nor records.

Light: worker processes import it at start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DIGEST_BYTES", "BlobPlace", "BlobSink", "BlobSource", "Blobs"]

DIGEST_BYTES = 32


class BlobPlace(NamedTuple):
    """Where blobs lie, as plain data that goes to workers; each makes its own `Blobs` of it.

    Attributes:
        kind: what holds them: "folder", "transient" (a folder of which each file is read once), or a store's name.
        where: the place, in that store's words.
    """

    kind: str
    where: str


class BlobSink(Protocol):
    """Where an encoder puts large buffers."""

    def write(self, data: bytes | bytearray | memoryview) -> bytes:
        """Keep a buffer and return what it is known by (32 bytes)."""


class BlobSource(Protocol):
    """Where a decoder finds them."""

    def check(self, digest: bytes, length: int) -> None:
        """Raise unless it is there with this length; its content need not be read."""

    def read_into(self, digest: bytes, target: memoryview) -> None:
        """Fill a writable buffer with one of exactly its length."""

    def mapped(self, digest: bytes, length: int) -> memoryview | None:
        """A buffer that is used where it lies, and may be written to; None where it has to be read."""


class Blobs(BlobSink, BlobSource, Protocol):
    """Bytes by their digest: each written once and whole, on disk before its digest is known.

    Any number of processes may write to one place at the same time.
    """

    @property
    def place(self) -> BlobPlace:
        """Where they lie, for other processes, which make their own of it (`stores.media.blobs_at`)."""

    def write(self, data: bytes | bytearray | memoryview) -> bytes:
        """Keep a buffer and return its digest (32 bytes); it is on disk then.

        One that is there with this content is kept; one that was damaged is written anew.

        Raises:
            JournalFull, JournalError: it could not be written; nothing half-written stands under the digest.
        """

    def read(self, digest: bytes, length: int) -> bytes:
        """The content of a blob.

        Raises:
            JournalCorrupt: it is missing or its content is not what was written; the message names it.
        """

    def read_into(self, digest: bytes, target: memoryview) -> None:
        """Fill a writable buffer with a blob of exactly its length; errors as `read`."""

    def check(self, digest: bytes, length: int) -> None:
        """Raise JournalCorrupt unless the blob is there with this length; its content need not be read."""

    def whole(self, digest: bytes) -> bytes | None:
        """The content of a blob whose length is not known; None where it is damaged.

        Raises:
            JournalError: it cannot be read.
        """

    def digests(self) -> Iterator[bytes]:
        """The digest of every blob, in order; what is unfinished is none."""

    def verify(self) -> Iterator[tuple[bytes, str]]:
        """Read every blob; yield the digest of each that is damaged, with the reason. In bounded memory."""

    def check_plain(self) -> None:
        """Look at all of it, before anything is done with it.

        Raises:
            JournalNotTrusted: something in it leads elsewhere.
        """

    def remove(self, digest: bytes) -> None:
        """Delete a blob that nothing refers to any more; one that is missing is no error."""

    def sweep(self) -> None:
        """Delete what writers that were killed left unfinished; only where nobody writes."""
