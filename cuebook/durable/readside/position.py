"""Renumbering between the events of a journal, as texts and numbers that can be kept. Knows no journal."""

from __future__ import annotations

import re
from typing import NamedTuple

from cuebook.errors import JournalError
from cuebook.persistence.records.stream_heads import WHOLE, packed_place, place_followed

__all__ = ["START", "Offset", "Position"]

_PARTS_MAX = 1 << 8
_TEXT = re.compile(r"([0-9a-f]{32})-(\d{1,19})\.(\d{1,8})\.(\d{1,3})")


class Position(NamedTuple):
    """Up to where the events of a journal were read, inclusive.

    Attributes:
        seq: number of a record; 0: nothing was read. nth: of the event in it, from 0, or `WHOLE`.
        part: which of the events that an upcaster made of that one.
    """

    seq: int
    nth: int
    part: int

    def packed(self) -> int:
        """As a number that grows with the place.

        Raises:
            JournalError: more than 16 million events in one command, or more than 256 of one upcaster.
        """
        if self.nth > WHOLE or self.part >= _PARTS_MAX:
            raise JournalError(f"record {self.seq} has too many events for one that follows them")
        return packed_place(*self)

    @classmethod
    def unpacked(cls, number: int) -> Position:
        """The inverse of `packed`."""
        return cls(*place_followed(number))


START = Position(0, WHOLE, 0)


class Offset(NamedTuple):
    """A position, and the journal that it is of."""

    journal_id: bytes
    position: Position

    def text(self) -> str:
        """As users keep it."""
        seq, index, part = self.position
        return f"{self.journal_id.hex()}-{seq}.{index}.{part}"

    @classmethod
    def of_text(cls, text: str) -> Offset:
        """The inverse of `text`.

        Raises:
            ValueError: it is no offset.
        """
        found = _TEXT.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise ValueError(f"after= is the `offset` of an event, as it was read, not {text!r}")
        return cls(bytes.fromhex(found[1]), Position(int(found[2]), int(found[3]), int(found[4])))
