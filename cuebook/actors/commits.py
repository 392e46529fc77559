"""One transaction of the Journal: which waiting appends go into it, and what each of them is answered. Awaits
nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cuebook.actors.messages import Append, Appended, AppendFailed
from cuebook.actors.stream_messages import AppendEvents, EventsAppended, EventsRefused, RemoveStream, StreamGone
from cuebook.errors import WriterConflict
from cuebook.persistence.journal.streams import StreamTable
from cuebook.persistence.records.record import Entry, Kind
from cuebook.runtime.cells.actor import Delivery

__all__ = ["Appending", "Commit", "Refusal", "answered", "gathered"]

TRANSACTION_BYTES_MAX = 64 * 1024 * 1024


Appending = Append | AppendEvents | RemoveStream
"""What goes into a transaction."""


class Refusal(NamedTuple):
    """Why something is not on disk: name of the error's class, and its text."""

    error: str
    text: str


@dataclass(slots=True)
class Commit:
    """What is to be appended, and for whom; `ends` has where each one's entries end, `opens` who opened a stream."""

    entries: list[Entry] = field(default_factory=list)
    states: dict[int, bytes] = field(default_factory=dict)
    waiting: list[Delivery] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    opens: set[int] = field(default_factory=set)
    size: int = 0

    def add(self, delivery: Delivery, streams: StreamTable) -> None:
        """Take one append in; one that may not write is answered at once."""
        message = delivery.message
        place = len(self.entries)
        if isinstance(message, RemoveStream):
            self._remove(delivery, streams)
            return
        if isinstance(message, AppendEvents):
            try:
                opening = streams.claim(message.stream, message.writer, message.first, message.count)
            except WriterConflict as conflict:
                delivery.reply(EventsRefused(type(conflict).__name__, str(conflict)))
                return
            if opening is not None:
                self.opens.add(len(self.waiting))
                self.entries.append(opening)
                place += 1
        new = message.entries
        self.entries.extend(new)
        for position, state in message.states:
            self.states[place + position] = state
        self.size += sum(len(entry.head) + len(entry.body or b"") for entry in new)
        self.waiting.append(delivery)
        self.ends.append(len(self.entries))

    def _remove(self, delivery: Delivery, streams: StreamTable) -> None:
        entry = streams.remove(delivery.message.type, delivery.message.id)
        if entry is None:
            delivery.reply(StreamGone(False))
            return
        self.entries.append(entry)
        self.waiting.append(delivery)
        self.ends.append(len(self.entries))

    def stored(self, seqs: list[int]) -> None:
        """It is on disk: answer all."""
        for delivery, end in zip(self.waiting, self.ends, strict=True):
            if isinstance(delivery.message, AppendEvents):
                delivery.reply(EventsAppended())
            elif isinstance(delivery.message, RemoveStream):
                delivery.reply(StreamGone(True))
            else:
                answered(delivery, Appended(delivery.message.ticket, seqs[end - 1] if end else 0))

    def refused(self, refusal: Refusal, streams: StreamTable) -> dict[int, Refusal]:
        """It is surely not on disk: answer all. Gives the runs of which something was lost that nobody waits for."""
        broken = {}
        for place, delivery in enumerate(self.waiting):
            message = delivery.message
            if isinstance(message, AppendEvents):
                streams.give_back(message.stream, message.first, was_opened=place in self.opens)
                delivery.reply(EventsRefused(*refusal))
                continue
            if isinstance(message, RemoveStream):
                streams.restore(message.type, message.id, self.entries[self.ends[place] - 1].run)
                delivery.reply(EventsRefused(*refusal))
                continue
            if not delivery.is_open and delivery.sender is None:
                broken[message.run] = refusal
            answered(delivery, AppendFailed(message.ticket, *refusal))
        return broken


def gathered(backlog: deque[Delivery], streams: StreamTable, broken: dict[int, Refusal]) -> Commit:
    """A transaction of the appends that head the backlog, which are taken off it.

    Args:
        broken: runs whose appends are refused; one that opens is so no more.
    """
    commit = Commit()
    while backlog and commit.size < TRANSACTION_BYTES_MAX and isinstance(backlog[0].message, Appending):
        delivery = backlog.popleft()
        message = delivery.message
        if isinstance(message, Append):
            if any(entry.kind is Kind.RUN_OPENED for entry in message.entries):
                broken.pop(message.run, None)  # a number whose opening was not kept is given to the next run
            if message.run in broken:
                answered(delivery, AppendFailed(message.ticket, *broken[message.run]))
                continue
        commit.add(delivery, streams)
    return commit


def answered(delivery: Delivery, answer: Any) -> None:
    """Answer who asks; tell who told, or asked an earlier incarnation of the Journal."""
    if delivery.is_open:
        delivery.reply(answer)
    elif delivery.sender is not None:
        delivery.sender.tell_nowait(answer)
