"""A new journal made of records of another one, in a place that nobody sees before it is whole.

Knows no file, and not why a journal is rewritten.
"""

from __future__ import annotations

from cuebook.errors import JournalError
from cuebook.persistence.journal.contents import ContentsBook
from cuebook.persistence.records.chain import FIRST_LINK, rows_of
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import JournalOpened
from cuebook.persistence.stores.port import Medium, NewRows

__all__ = ["Rewriting", "note_end"]

_BATCH_BYTES = 16 << 20
_BATCH_ENTRIES = 4096


class Rewriting:
    """The journal that is being written: a chain of its own, in batches. `flush()` when all is appended.

    Args:
        new: where its rows go.
        opened: its first record.

    Attributes:
        seq, hash: number and link of the last record so far that has gone there.
    """

    def __init__(self, new: NewRows, opened: JournalOpened) -> None:
        self.seq = 0
        self.hash = FIRST_LINK
        self._new = new
        self._waiting: list[Entry] = []
        self._states: list[tuple[int, bytes]] = []
        self._bytes = 0
        self._contents = ContentsBook()
        self.append(Entry(Kind.JOURNAL, 0, opened.encode()))

    def append(self, entry: Entry, state: bytes | None = None) -> None:
        """Add a record at the end, and the bytes of the state that it tells of."""
        part = self._contents.due((), self.last)
        if part is not None:
            self._contents.accept((), self.last, part)
            self._waiting.append(part)
        self._contents.accept((entry,), self.last, None)
        self._waiting.append(entry)
        if state is not None:
            self._states.append((self.seq + len(self._waiting), state))
        self._bytes += len(entry.body or b"") + len(state or b"")
        if self._bytes > _BATCH_BYTES or len(self._waiting) >= _BATCH_ENTRIES:
            self.flush()

    @property
    def last(self) -> int:
        """Number of the last record so far, also where it waits."""
        return self.seq + len(self._waiting)

    def flush(self) -> None:
        """Write what waits, as one."""
        rows = rows_of(self._waiting, self.seq, self.hash)
        if not rows:
            return
        self._new.insert(rows, self._states)
        self.seq, self.hash = rows[-1][0], rows[-1][3]
        self._waiting.clear()
        self._states.clear()
        self._bytes = 0


def note_end(medium: Medium, journal_id: bytes, seq: int, hash_: bytes) -> None:
    """Note beside a new journal where it ends, so that a later loss shows."""
    seat = medium.seat()
    try:
        seat.take()
        seat.note(journal_id, seq, hash_, is_held=False)
    except JournalError:  # somebody writes to it already, and notes it himself
        pass
    finally:
        seat.release()
