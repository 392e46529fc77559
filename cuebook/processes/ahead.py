"""Messages that are sent ahead to an actor in another process, within a window. Knows no socket."""

from __future__ import annotations

from cuebook.processes.flight import Flight
from cuebook.processes.ports import ProcessLink
from cuebook.processes.traces import pack_marks
from cuebook.runtime.cells.envelope import Entry, size_of
from cuebook.runtime.cells.mailbox import Mailbox, MailboxSpec
from cuebook.runtime.cells.ports import CellCore

__all__ = ["WINDOW", "Ahead"]

WINDOW = 512
"""Messages that are sent ahead of the child, at most; half of the mailbox's capacity where that is less."""
WINDOW_BYTES = 16 * 1024 * 1024
BATCH_BYTES = 4 * 1024 * 1024


class Ahead:
    """What one actor's child was sent, and how much more it may be sent.

    Attributes:
        flight: what is not settled.
    """

    __slots__ = ("_window", "flight")

    def __init__(self, spec: MailboxSpec) -> None:
        self._window = 1 if spec.priorities else max(1, min(WINDOW, spec.capacity // 2))
        self.flight: Flight[Entry] = Flight()

    def take(self, mailbox: Mailbox) -> list[list[Entry]]:
        """What may be sent now, in batches; empty where nothing waits, or enough is on its way."""
        room = self._window - len(self.flight)
        if room <= 0 or self.flight.size >= WINDOW_BYTES:
            return []
        batches: list[list[Entry]] = []
        size = 0
        for entry in mailbox.take_many(room):
            size += size_of(entry[0])
            if not batches or size > BATCH_BYTES:
                batches.append([])
                size = size_of(entry[0])
            batches[-1].append(entry)
        return batches

    def send(self, batch: list[Entry], link: ProcessLink, cell: CellCore, incarnation: int) -> None:
        """Send these at once."""
        flight = self.flight
        first = flight.next_number
        frames, asks, senders = [], [], []
        size = 0
        for entry in batch:
            frame, sender, reply = entry[:3]
            link.teach(frame)
            is_ask = reply is not None
            flight.send(entry, len(frame), is_ask=is_ask)
            size += len(frame)
            frames.append(frame)
            asks.append(is_ask)
            senders.append(None if sender is None else link.address(sender))
        is_any, is_all = any(asks), all(asks)
        from_whom = senders if any(senders) else None
        which = (True if is_all else asks) if is_any else None
        traces = pack_marks(batch) if cell.system.observation.observers else None
        link.deliver([cell.serial, incarnation, first, frames, which, from_whom, traces], size)
