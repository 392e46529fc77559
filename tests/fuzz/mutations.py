"""Bytes that somebody may have changed: pieces of true ones, flipped, cut, doubled, moved and blown up."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

HUGE = (b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff")
ODD = (struct.pack(">d", float("nan")), struct.pack(">d", float("inf")), b"\x93" * 64, b"\x81" * 64, b"\x1b[31m", b"\0")


def mutated(corpus: Sequence[bytes], chance: random.Random) -> bytes:
    """One of the corpus, changed at one to six places."""
    data = bytearray(chance.choice(corpus))
    for _ in range(chance.randint(1, 6)):
        _CHANGES[chance.randrange(len(_CHANGES))](data, corpus, chance)
    return bytes(data[: 1 << 20])


def _flip(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _replace(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _cut(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    del data[chance.randint(0, len(data)) :]


def _drop(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    start = chance.randint(0, len(data))
    del data[start : start + chance.randint(1, 16)]


def _double(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    start = chance.randint(0, len(data))
    data[start:start] = data[start : start + chance.randint(1, 64)] * chance.randint(1, 8)


def _insert(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    start = chance.randint(0, len(data))
    data[start : start + chance.choice((0, 1, 4, 8))] = chance.choice((*HUGE, *ODD, chance.randbytes(4)))


def _splice(data: bytearray, corpus: Sequence[bytes], chance: random.Random) -> None:
    other = chance.choice(corpus)
    start = chance.randint(0, len(other))
    at = chance.randint(0, len(data))
    data[at:] = other[start:]


_CHANGES = (_flip, _flip, _replace, _cut, _drop, _double, _insert, _splice)
