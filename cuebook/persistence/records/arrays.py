"""Arrays of numbers as the format has them, little-endian on every machine. Nothing else asks for the byte order."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from contextlib import suppress
from struct import pack
from typing import Any

__all__ = ["packed", "unpacked"]

_IS_BIG_ENDIAN = sys.byteorder == "big"


def packed(code: str, values: Iterable[Any]) -> bytes:
    """The bytes of numbers: code "H", "I" and "Q" for unsigned ones of 16, 32 and 64 bits, "f" for floats of 32.

    Raises:
        OverflowError: one is too large for it.
    """
    if code == "f" and not _IS_BIG_ENDIAN:
        numbers = list(values)
        with suppress(OverflowError):  # too large for a float of 32 bits: that is infinite in an array
            return pack(f"{len(numbers)}f", *numbers)  # in a third of the time
        values = numbers
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
