"""Where a large file is cut into pieces: by its content, so that a change moves no cut but those beside it.

A gear hash (Xia et al., "FastCDC", 2016) over the last 32 bytes of each place; numpy computes it for a whole block in
five doublings. Without numpy pieces have one size: then a change in place is as cheap, and an insertion is not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any, Protocol

__all__ = ["PIECE_BYTES", "PIECE_BYTES_MAX", "PIECE_BYTES_MIN", "Readable", "pieces_of"]

PIECE_BYTES_MIN, PIECE_BYTES, PIECE_BYTES_MAX = 1 << 17, 1 << 19, 1 << 21
"""Bounds of a piece's length, and about what it is beyond the least."""
_MASK_BITS = PIECE_BYTES.bit_length() - 1
_WINDOW = 32
_BLOCK_BYTES = 1 << 18
_READ_BYTES = 1 << 22


class Readable(Protocol):
    """What is read from its beginning to its end."""

    def read(self, size: int, /) -> bytes: ...


def pieces_of(file: Readable) -> Iterator[bytes]:
    """The content of a file, piece by piece; each is at most PIECE_BYTES_MAX long, and none is empty.

    Cost: 4 ns a byte with numpy.
    """
    waiting = b""
    while True:
        more = file.read(_READ_BYTES)
        waiting += more
        start = 0
        for end in _cuts(waiting, is_last=not more):
            yield waiting[start:end]
            start = end
        waiting = waiting[start:]
        if not more:
            return


def _cuts(data: bytes, *, is_last: bool) -> Iterator[int]:
    """Where the pieces end; unless it is the last of the data, the rest that may still grow is left."""
    places = _places(data)
    start, next_place = 0, 0
    while start < len(data):
        while next_place < len(places) and places[next_place] < start + PIECE_BYTES_MIN:
            next_place += 1
        end = min(places[next_place] if next_place < len(places) else len(data), start + PIECE_BYTES_MAX)
        if end == len(data) and end - start < PIECE_BYTES_MAX and not is_last:
            return
        yield end
        start = end


def _places(data: bytes) -> list[int]:
    """Behind which bytes the content asks for a cut."""
    gear = _gear()
    if gear is None:
        return list(range(PIECE_BYTES, len(data), PIECE_BYTES))
    found: list[int] = []
    for start in range(0, len(data), _BLOCK_BYTES):
        before = max(start - _WINDOW + 1, 0)
        found += _places_in(data[before : start + _BLOCK_BYTES], gear, before, start)
    return found


def _places_in(block: bytes, gear: Any, offset: int, first: int) -> list[int]:
    numpy = gear[0]
    hashes = gear[1][numpy.frombuffer(block, numpy.uint8)]
    width = 1
    while width < _WINDOW:  # of the last `width` bytes each; then of twice as many
        hashes[width:] += hashes[:-width] << numpy.uint32(width)
        width *= 2
    places = numpy.flatnonzero(hashes >> numpy.uint32(32 - _MASK_BITS) == 0) + offset
    return [int(place) + 1 for place in places if place >= first]


@cache
def _gear() -> Any:
    """Numpy and its table of 256 random numbers, the same for ever; None where there is no numpy."""
    try:
        import numpy as np
    except ImportError:
        return None
    chosen = random.Random(32)
    return np, np.array([chosen.getrandbits(32) for _ in range(256)], np.uint32)
