"""The state of one stream, as its records tell it one after the other. Knows no event and no file."""

from __future__ import annotations

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.stream_heads import (
    FOLLOWED,
    Duties,
    DutyRow,
    Events,
    Received,
    SnapshotKept,
    StreamOpened,
)

__all__ = ["StreamState"]


class StreamState:
    """What the journal says of one durable actor.

    Attributes:
        number: the stream's, below 0. opened: its first record.
        events: number of its last event. first: of the first one that is in the journal; 0 where there is none.
        snapshots: number of the record and head of each snapshot, in order; the older ones' bytes may be gone.
        followed: up to where it has followed the events of others, by the id of the journal in hex.
        duties: what it owes, by key. last_at: when something was last kept, seconds since the epoch.
    """

    def __init__(self, number: int, opened: StreamOpened) -> None:
        self.number = number
        self.opened = opened
        self.events = 0
        self.first = 0
        self.snapshots: list[tuple[int, SnapshotKept]] = []
        self.duties: dict[str, DutyRow] = {}
        self.last_at = opened.at
        self.followed: dict[str, int] = {}

    def add_events(self, seq: int, head: Events) -> None:
        """Fold in an EVENTS record.

        Raises:
            JournalCorrupt: it does not continue the stream.
        """
        if head.first != self.events + 1 and (self.events or self.snapshots):
            raise JournalCorrupt(
                f"record {seq}: the events of {self.opened.type} {self.opened.id!r} go from {self.events} to "
                f"{head.first}",
                seq=seq,
            )
        self.first = self.first or head.first
        self.events = head.last
        self.last_at = head.at

    def add_snapshot(self, seq: int, head: SnapshotKept) -> None:
        """Fold in a SNAPSHOT record.

        Raises:
            JournalCorrupt: it is of another event than the last one.
        """
        if head.number != self.events and (self.first or head.number < self.events):
            raise JournalCorrupt(
                f"record {seq}: the state of {self.opened.type} {self.opened.id!r} is of event {head.number}, "
                f"not of {self.events}",
                seq=seq,
            )
        self.events = head.number
        self.snapshots.append((seq, head))
        del self.snapshots[: -head.keep]
        self.last_at = head.at

    def add_duties(self, head: Duties) -> None:
        """Fold in a DUTIES record: what is owed, and what is owed no more."""
        for row in head.rows:
            if row[2] is None:
                self.duties.pop(row[0], None)
            else:
                self.duties[row[0]] = row

    def add_received(self, head: Received) -> None:
        """Fold in a RECEIVED record."""
        for sender, number in head.rows:
            if sender.startswith(FOLLOWED):
                journal = sender.removeprefix(FOLLOWED)
                self.followed[journal] = max(number, self.followed.get(journal, 0))
