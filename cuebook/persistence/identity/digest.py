"""Digests of 16 bytes, and the joining of parts to bytes that no other parts have.

Knows nothing of what the parts mean.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DIGEST_BYTES", "blake16", "joined", "shortened"]

DIGEST_BYTES = 16
_INLINE_MAX = 256


def blake16(data: Any) -> bytes:
    """The 16-byte blake2b digest of bytes or a contiguous buffer. Cost: 0.5 us, and about 1 s a GB."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def shortened(encoded: bytes) -> bytes:
    """Self-delimiting bytes as they are up to 256, else their digest under a tag of its own."""
    return encoded if len(encoded) <= _INLINE_MAX else b"H" + blake16(encoded)


def joined(tag: bytes, parts: Iterable[bytes]) -> bytes:
    """A tag and parts as bytes that no other tag and parts have, at most 256 long."""
    pieces = [tag]
    for part in parts:
        pieces.append(len(part).to_bytes(8, "little"))
        pieces.append(part)
    return shortened(b"".join(pieces))
