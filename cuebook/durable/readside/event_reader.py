"""The committed events of some types of durable actors, in the order of the journal. Waits for nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cuebook.durable.events.event_types import EventTypes, Maker
from cuebook.durable.events.kept_events import KeptEvents
from cuebook.durable.ledger import Ledger
from cuebook.durable.readside.envelope import EventEnvelope
from cuebook.durable.readside.position import Offset, Position
from cuebook.errors import CuebookError, RecoveryFailed
from cuebook.persistence.journal.streams import removed_streams
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.stream_heads import WHOLE, Events, StreamOpened
from cuebook.runtime.tasks.exits import is_exit, own
from cuebook.wording import text_of

__all__ = ["EventReader"]

PAGE = 512
"""Records, of any kind, that are looked through at once."""

Read = tuple[EventEnvelope, Position]


class EventReader:
    """Goes through the journal once, from a position on; what was committed meanwhile is found by the next call.

    Args:
        types: how the events of each type are read, by the type's name; those of others are passed over.
        after: where to begin.
    """

    def __init__(self, ledger: Ledger, types: Mapping[str, EventTypes], after: Position) -> None:
        self._ledger = ledger
        self._kept = {name: KeptEvents(ledger, each) for name, each in types.items()}
        self._position = after
        self._read_to = after.seq if after.nth == WHOLE else after.seq - 1
        self._page: deque[Record] = deque()
        self._streams: dict[int, StreamOpened | None] = {}
        self._removed: set[int] = set()
        self._removed_at = 0
        self._looked_at = 0

    def next(self) -> list[Read] | None:
        """The events of one more record, which may be none, each with its position; None: all were read.

        Raises:
            UnknownEvent: one cannot be read as its class is today. JournalNotTrusted: only code could rebuild it.
            RecoveryFailed: its upcaster raised. JournalError: the journal cannot be read.
            In all of them the next call tries the same record again.
        """
        if not self._page and not self._turn_page():
            return None
        if not self._page:
            return []
        read: list[Read] = []
        record = self._page[0]
        try:
            read.extend(self._unread(record))
        except CuebookError:
            if not read:
                raise
            self._position = read[-1][1]  # the ones before it are good
            return read
        self._page.popleft()
        self._position = Position(record.seq, WHOLE, 0)
        return read

    def _unread(self, record: Record) -> Iterator[Read]:
        """The events of a record that were not read yet."""
        opened = self._stream(record.run)
        if opened is None or self._is_removed(record.run):
            return
        kept = self._kept[opened.type]
        head = Events.decode(record.head)
        journal_id = self._ledger.file.journal_id
        for index, (make, value) in enumerate(kept.makers_and_values(record, head)):
            number = head.first + index
            for part, event in enumerate(_made(make, value, f"event {number} of {opened.type} {opened.id!r}")):
                position = Position(record.seq, index, part)
                if position > self._position:
                    offset = Offset(journal_id, position).text()
                    yield EventEnvelope(event, opened.type, opened.id, number, head.at, offset), position

    def _turn_page(self) -> bool:
        """Read on; whether there was anything to read."""
        file = self._ledger.file
        until = min(self._read_to + PAGE, file.last_seq)
        if until <= self._read_to:
            return False
        # By number, and not by the index of streams, which would be sorted for each page.
        self._page.extend(file.records(after=self._read_to, until=until, kinds=(Kind.EVENTS,)))
        self._read_to = until
        return True

    def _is_removed(self, stream: int) -> bool:
        """Whether its actor was removed by now."""
        file = self._ledger.file
        if file.last_seq != self._looked_at:
            self._looked_at = file.last_seq
            self._removed, self._removed_at = removed_streams(file.select, self._removed, after=self._removed_at)
        return stream in self._removed

    def _stream(self, number: int) -> StreamOpened | None:
        """What is known of a stream, which is opened before its first event; None where it is of no type of ours."""
        if number not in self._streams:
            page = self._ledger.file.select(Kind.STREAM_OPENED, number, limit=1)
            if not page:
                raise RecoveryFailed(f"{self._ledger.file.name} has events of stream {number}, which was never opened")
            opened = StreamOpened.decode(page[0].head)
            self._streams[number] = opened if opened.type in self._kept else None
        return self._streams[number]


def _made(make: Maker, value: Any, name: str) -> Sequence[Any]:
    try:
        return make(value)
    except CuebookError:
        raise
    except BaseException as error:
        if is_exit(own(error)):
            raise
        text = f"{name} cannot be read, its upcaster raised: {type(error).__name__}: {text_of(error)}"
        raise RecoveryFailed(text) from error
