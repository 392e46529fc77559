"""The events of a record as they were kept, and what makes today's events of each. Knows no actor and no fold."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cuebook.durable.events.event_types import EventTypes, Maker
from cuebook.durable.ledger import Ledger
from cuebook.errors import JournalCorrupt, MalformedMessage
from cuebook.persistence.records.record import Picked, Record
from cuebook.persistence.records.stream_heads import Events, unpacked_places
from cuebook.persistence.values.placeholders import Opaque, Unresolved, placeholder_in, type_of

__all__ = ["KeptEvents"]


class KeptEvents:
    """Reads records of events of one class of durable actors.

    Args:
        types: how its events are read.
    """

    def __init__(self, ledger: Ledger, types: EventTypes) -> None:
        self._ledger = ledger
        self._types = types

    def makers_and_values(self, record: Picked | Record, head: Events) -> Iterator[tuple[Maker, Any]]:
        """For each event that was kept, what makes today's events of it, and what it is to be given.

        Raises:
            UnknownEvent: a class is gone. JournalNotTrusted: only code could rebuild one. JournalCorrupt: these are no
                events. What makes them raises the first two as well, and what an upcaster raises.
        """
        before = self._ledger.decoder.placeholders
        values = self._values(record, head.count)
        makers = self._makers(record, head)
        if self._ledger.decoder.placeholders != before:
            makers = map(self._whole, makers)
        return zip(makers, values, strict=False)

    def _whole(self, make: Maker) -> Maker:
        """What makes the same events, where parts of what was kept are placeholders: they are to be in none."""

        def made(value: Any) -> Sequence[Any]:
            events = make(value)
            for event in events:
                part = placeholder_in(event, Unresolved, Opaque)
                if part is not None and self._ledger.refusal is not None:
                    raise self._ledger.refusal(type_of(part))
                if part is not None:
                    raise self._types.lost_part(event, part)
            return events

        return made

    def _values(self, record: Picked | Record, count: int) -> list[Any]:
        decoder, body = self._ledger.decoder, record.body or b""
        try:
            return [decoder.decode(body)] if count == 1 else decoder.decode_many(body, count)
        except MalformedMessage as error:
            raise JournalCorrupt(f"record {record.seq} holds no events: {error}", seq=record.seq) from error

    def _makers(self, record: Picked | Record, head: Events) -> Iterable[Maker]:
        makers = [self._types.maker(name, refusal=self._ledger.refusal) for name in head.names]
        if head.places is None:
            return itertools.repeat(makers[0])
        try:
            return (makers[place] for place in unpacked_places(head.places, len(makers)))
        except ValueError as error:
            raise JournalCorrupt(f"record {record.seq} holds no events: {error}", seq=record.seq) from error
