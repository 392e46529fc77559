"""Arrays of numbers as the format has them, little-endian on every machine. Nothing else asks for the byte order."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from typing import Any

__all__ = ["packed", "unpacked"]

_IS_BIG_ENDIAN = sys.byteorder == "big"


def packed(code: str, values: Iterable[Any]) -> bytes:
    """The bytes of numbers: code "H", "I" and "Q" for unsigned ones of 16, 32 and 64 bits, "f" for floats of 32.

    Raises:
        OverflowError: one is too large for it.
    """
    found = array(code, values)
    if _IS_BIG_ENDIAN:
        found.byteswap()
    return found.tobytes()


def unpacked(code: str, data: bytes) -> array[Any]:
    """The numbers that `packed` made these bytes of.

    Raises:
        ValueError: their length is no multiple of a number's.
    """
    found = array(code, data)
    if _IS_BIG_ENDIAN:
        found.byteswap()
    return found
