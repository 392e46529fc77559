"""The bodies of records, by kind. Knows no store and no value."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

from cuebook.persistence.records.run_heads import Completed

__all__ = ["STATES_KEPT", "completed_places"]

STATES_KEPT = 2
"""States kept of one call; the older one is there in case the newest cannot be used."""

_IS_BIG_ENDIAN = sys.byteorder == "big"


def completed_places(head: Completed) -> Sequence[int]:
    """The calls that a COMPLETED record is about, in the order of their values in its body."""
    if head.indexes is None:
        start = head.start or 0
        return range(start, start + head.count)
    return _indexes(head.indexes, head.count)


def _indexes(data: bytes, count: int) -> array[int]:
    places = array("I" if len(data) == 4 * count else "Q")
    places.frombytes(data)
    if _IS_BIG_ENDIAN:
        places.byteswap()
    return places
