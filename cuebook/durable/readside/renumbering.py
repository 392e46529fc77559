"""Positions found again in a journal that was compacted since. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection

from cuebook.durable.readside.position import START, Offset, Position
from cuebook.errors import OffsetLost
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Kind
from cuebook.persistence.records.stream_heads import WHOLE, Renumbered

__all__ = ["Renumbering"]


class Renumbering:
    """The numbers that the records of one journal have had, back to its first compaction.

    Args:
        file: the journal.
    """

    def __init__(self, file: JournalWriter) -> None:
        self._file = file
        self._heads = _unbroken(_all_heads(file), file.journal_id)

    @property
    def ids(self) -> list[bytes]:
        """The ids that the journal has had, the newest first."""
        return [self._file.journal_id, *(head.before for head in reversed(self._heads))]

    @property
    def start(self) -> Offset:
        """Before the first event that there ever was."""
        return Offset(self.ids[-1], START)

    def now(self, offset: Offset, types: Collection[str], *, may_miss: bool) -> Position:
        """Where that is in the journal of today.

        Args:
            types: names of the types whose events are read. may_miss: whether some of these may have been dropped.

        Raises:
            OffsetLost: it is of another journal, or behind the end of this one, or events after it were dropped.
        """
        ids = [head.before for head in self._heads] + [self._file.journal_id]
        name = self._file.name
        if offset.journal_id not in ids:
            raise OffsetLost(
                f"offset {offset.text()} is of another journal than {name}, or of one that it was recovered from: read "
                "anew from the beginning, into something new"
            )
        position = offset.position
        for head in self._heads[ids.index(offset.journal_id) :]:
            if not may_miss:
                self._check_nothing_dropped(head, position, types)
            seq, is_there = head.place_of(position.seq)
            position = Position(seq, *position[1:]) if is_there else Position(seq, WHOLE, 0)
        if position.seq > self._file.last_seq:
            raise OffsetLost(
                f"offset {offset.text()} is behind the end of {name}, record {self._file.last_seq}: it was read from a "
                "journal that went on from there, and this is an earlier state of it"
            )
        return position

    def _check_nothing_dropped(self, head: Renumbered, position: Position, types: Collection[str]) -> None:
        for kind in types:
            seq, count = head.dropped.get(kind, (0, 0))
            if seq > position.seq or (seq == position.seq and position.nth < count - 1):
                raise OffsetLost(
                    f"events of {kind} that are to be read were dropped from {self._file.name} by "
                    '`cuebook compact --drop-events`: missing="skip" reads those that are there'
                )


def _all_heads(file: JournalWriter) -> list[Renumbered]:
    heads: list[Renumbered] = []
    after = 0
    while page := file.select(Kind.RENUMBERED, 0, after=after):
        heads += [Renumbered.decode(record.head) for record in page]
        after = page[-1].seq
    return heads


def _unbroken(heads: list[Renumbered], journal_id: bytes) -> list[Renumbered]:
    """Those that lead up to the journal of this id: what was recovered has numbers that none of them knows."""
    found: list[Renumbered] = []
    for head in reversed(heads):
        if head.after != journal_id:
            break
        found.insert(0, head)
        journal_id = head.before
    return found
