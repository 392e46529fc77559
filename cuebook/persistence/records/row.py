"""A record as a store has it: a bare row, and where the rows end. Knows no kind and no store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Row", "Tail"]

Row: TypeAlias = tuple[int, int, int, bytes, int, bytes, bytes | None, bytes | None]
"""seq, kind, run, hash, check, head, body, and (only as read, where asked for) the hash of the record before."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a store ends.

    Attributes:
        seq: number of the last row; 0 in an empty store.
        hash: its hash; empty in an empty store.
    """

    seq: int
    hash: bytes
