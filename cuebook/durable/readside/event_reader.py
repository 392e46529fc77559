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
from cuebook.persistence.records.record import Kind, Picked
from cuebook.persistence.records.stream_heads import WHOLE, Events, StreamOpened
from cuebook.runtime.tasks.exits import is_exit, own
from cuebook.wording import text_of

__all__ = ["EventReader"]

PAGE = 64
"""Records that are read at once."""

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
        self._page: deque[Picked] = deque()
        self._streams: dict[int, StreamOpened | None] = {}
        self._streams_read = 0
        self._removed: set[int] = set()
        self._removed_at = 0

    def next(self) -> list[Read] | None:
        """The events of one more record, which may be none, each with its position; None: all were read.

        Raises:
            UnknownEvent: one cannot be read as its class is today. JournalNotTrusted: only code could rebuild it.
            RecoveryFailed: its upcaster raised. JournalError: the journal cannot be read.
            In all of them the next call tries the same record again.
        """
        if not self._page:
            seq, index, _ = self._position
            after = seq if index == WHOLE else seq - 1
            self._page.extend(self._ledger.file.select(Kind.EVENTS, None, after=after, limit=PAGE))
            if not self._page:
                return None
            select = self._ledger.file.select
            self._removed, self._removed_at = removed_streams(select, self._removed, after=self._removed_at)
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

    def _unread(self, record: Picked) -> Iterator[Read]:
        """The events of a record that were not read yet."""
        opened = self._stream(record.run)
        if opened is None or record.run in self._removed:
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

    def _stream(self, number: int) -> StreamOpened | None:
        """What is known of a stream, which is opened before its first event; None where it is of no type of ours."""
        while number not in self._streams:
            page = self._ledger.file.select(Kind.STREAM_OPENED, None, after=self._streams_read)
            for record in page:
                opened = StreamOpened.decode(record.head)
                self._streams[record.run] = opened if opened.type in self._kept else None
            if not page:
                raise RecoveryFailed(f"{self._ledger.file.name} has events of stream {number}, which was never opened")
            self._streams_read = page[-1].seq
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
