"""Values for calls and callers: whole, or not at all. Where a reading tool shows a placeholder, they are told why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cuebook.errors import MalformedMessage
from cuebook.persistence.blobs.transient import TransientBlobs
from cuebook.persistence.values import ValueDecoder
from cuebook.wire.codec import UNPACK_ERRORS, Unpacker, malformed

__all__ = ["NotRebuilt", "Undecoded", "WholeDecoder", "split_values"]


@dataclass(frozen=True, slots=True)
class NotRebuilt:
    """Stands for a value of which some part could not be rebuilt here: which, and why."""

    reason: str


class Undecoded:
    """Stands for a decoder where values are decoded later, or never: gives the bytes of each."""

    def decode(self, data: bytes | memoryview) -> bytes:
        """Those of one value."""
        return bytes(data)

    def decode_many(self, data: bytes | memoryview, count: int) -> list[bytes]:
        """Those of each of several values."""
        return split_values(bytes(data), count)


class WholeDecoder:
    """Decodes as `ValueDecoder` does, but gives `NotRebuilt` for a value with an `Unresolved` in it.

    Args:
        decoder: its own; it trusts.
        transient: the blobs that it reads, where each is dropped once its value is there.

    Attributes:
        misses: how many values were not rebuilt so far.
    """

    def __init__(self, decoder: ValueDecoder, transient: TransientBlobs | None = None) -> None:
        self._decoder = decoder
        self._transient = transient
        self.misses = 0

    def decode(self, data: bytes | memoryview) -> Any:
        """The value of these bytes; raises as `ValueDecoder.decode`."""
        decoder = self._decoder
        before = decoder.unresolved_count
        value = decoder.decode(data)
        if decoder.unresolved_count == before:
            return value
        self.misses += 1
        return NotRebuilt(decoder.newest_unresolved)

    def decode_many(self, data: bytes | memoryview, count: int) -> list[Any]:
        """The values of `count` encodings one after the other; raises and costs as `ValueDecoder.decode_many`."""
        decoder = self._decoder
        before = decoder.unresolved_count
        values = decoder.decode_many(data, count)
        if decoder.unresolved_count != before:
            if self._transient is not None:
                self._transient.keep_read()
            values = [self.decode(part) for part in split_values(bytes(data), count)]
        if self._transient is not None:
            self._transient.drop_read()
        return values


def split_values(data: bytes, count: int) -> list[bytes]:
    """The encodings of `count` values that stand one after the other, each alone.

    Raises:
        MalformedMessage: they are others than so many.
    """
    unpacker = Unpacker(None, max_buffer_size=max(len(data), 1))
    unpacker.feed(data)
    parts = []
    start = 0
    try:
        for _ in range(count):
            unpacker.skip()
            end = unpacker.tell()
            parts.append(data[start:end])
            start = end
    except UNPACK_ERRORS as error:
        raise malformed(data, error) from error
    if start != len(data):
        raise MalformedMessage(f"{len(data)} bytes hold more than {count} values")
    return parts
