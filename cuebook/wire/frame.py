"""Frames on a byte stream: a length of 4 bytes, little-endian, then the payload.

Knows no message and no socket: worker processes import it at start.
"""

from __future__ import annotations

import struct

from cuebook.errors import MalformedMessage, MessageTooLarge
from cuebook.wire.codec import FRAME_BYTES_MAX

__all__ = ["HEADER_BYTES", "LINK_BYTES_MAX", "FrameReader", "pack_frame"]

HEADER_BYTES = 4
LINK_BYTES_MAX = FRAME_BYTES_MAX + 64 * 1024
"""Limit of a frame that carries a message of the largest size, with what says where it goes."""
_LENGTH = struct.Struct("<I")


def pack_frame(payload: bytes, limit: int | None = None) -> bytes:
    """The payload with its length before it. Cost: one copy of the payload.

    Raises:
        MessageTooLarge: over `limit` bytes; None: `FRAME_BYTES_MAX`.
        MalformedMessage: empty; no message has no bytes.
    """
    _check(len(payload), FRAME_BYTES_MAX if limit is None else limit)
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Cuts a byte stream into its frames, however the pieces arrive.

    Parameters:
        limit: largest payload in bytes; memory follows what has arrived, never what a length announces.

    Cost: one copy a frame where it lies in one piece, two where it does not; linear in all cases.
    """

    __slots__ = ("_broken", "_limit", "_partial", "_wanted")

    def __init__(self, limit: int = FRAME_BYTES_MAX) -> None:
        self._limit = limit
        self._partial = bytearray()
        self._wanted = 0
        self._broken: Exception | None = None

    @property
    def buffered(self) -> int:
        """Bytes of a frame that has not wholly arrived; 0 where the stream may end cleanly."""
        return len(self._partial)

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """The payloads that these bytes complete, in order.

        Raises:
            MessageTooLarge: a length over the limit.
            MalformedMessage: a length of 0.
                After either the stream is out of step: its reader answers every feed with the same error.
        """
        if self._broken is not None:
            raise self._broken
        try:
            return self._cut(data)
        except (MessageTooLarge, MalformedMessage) as error:
            self._broken = error
            self._partial = bytearray()
            raise

    def _cut(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        frames: list[bytes] = []
        if self._partial:
            data = self._complete(data, frames)
            if self._partial:
                return frames
        view = data if type(data) is bytes else bytes(data)
        start, size, limit, unpack_from = 0, len(view), self._limit, _LENGTH.unpack_from
        while size - start >= HEADER_BYTES:
            length = unpack_from(view, start)[0]
            if not 0 < length <= limit:
                _check(length, limit)
            end = start + HEADER_BYTES + length
            if end > size:
                self._wanted = HEADER_BYTES + length
                break
            frames.append(view[start + HEADER_BYTES : end])
            start = end
        if start < size:
            self._keep(view, start)
        return frames

    def _keep(self, view: bytes, start: int) -> None:
        if len(view) - start < HEADER_BYTES:
            self._wanted = HEADER_BYTES
        self._partial += memoryview(view)[start:]

    def _complete(self, data: bytes | bytearray | memoryview, frames: list[bytes]) -> bytes | memoryview:
        """Add to the partial frame; once it is whole, take it out and give back what lies behind it."""
        rest = memoryview(data)
        while True:
            missing = self._wanted - len(self._partial)
            self._partial += rest[:missing]
            rest = rest[missing:]
            if len(self._partial) < self._wanted:
                return b""
            if self._wanted > HEADER_BYTES:
                break
            length = _LENGTH.unpack_from(self._partial)[0]
            _check(length, self._limit)
            self._wanted = HEADER_BYTES + length
        with memoryview(self._partial) as whole:
            frames.append(bytes(whole[HEADER_BYTES:]))
        self._partial = bytearray()
        return rest


def _check(length: int, limit: int) -> None:
    if length == 0:
        raise MalformedMessage("a frame of 0 bytes: the stream is out of step or was never ours")
    if length > limit:
        raise MessageTooLarge(f"a frame of {length:,} bytes, more than the limit of {limit:,}")
