"""A journal that lies in memory, whole: the double of the one in a file, as the suites of the ports ask for it.

Knows no chain. Blobs are files all the same: workers in other processes read them.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from cuebook.errors import JournalBusy, JournalError
from cuebook.persistence.blobs.folder import BlobStore
from cuebook.persistence.records.row import Row
from cuebook.persistence.stores.port import Holder, Note, Reading, Store
from cuebook.persistence.trust.verdicts import Verdict, Writers
from cuebook.testing.memory_store import MemoryStore

__all__ = ["MemoryMedium"]


class MemoryMedium:
    """`Medium` of a MemoryStore. Each one has a seat of its own: what writes to one store through two media is not
    kept apart, so that a test can leave one behind as a crash would.

    Args:
        store: what holds the rows; None: a new, empty one.
        name: of the journal; its blobs go to a folder of that name and `.blobs`.
        disk: what the journal sees of the store; None: the store itself.
    """

    def __init__(
        self,
        store: MemoryStore | None = None,
        name: str | os.PathLike[str] = "memory.cue",
        *,
        disk: Store | None = None,
    ) -> None:
        self._rows = MemoryStore() if store is None else store
        self._disk: Store = self._rows if disk is None else disk
        self._name = os.path.realpath(name)
        self._seating = _Seating()

    @property
    def name(self) -> str:
        """As `Medium.name`: as if it were a file."""
        return self._name

    def key(self) -> None:
        """As `Medium.key`: nobody shares it."""

    def is_there(self) -> bool:
        """As `Medium.is_there`."""
        return self._rows.end() > 0

    def prepare(self) -> None:
        """As `Medium.prepare`: nothing is needed."""

    def store(self) -> Store:
        """As `Medium.store`."""
        return self._disk

    def seat(self) -> MemorySeat:
        """As `Medium.seat`."""
        return MemorySeat(self._name, self._seating)

    def reading(self, trust: Writers) -> AbstractContextManager[Reading]:
        """As `Medium.reading`."""
        del trust
        if not self.is_there():
            raise JournalError(f"there is no journal at {self._name}")
        return self._rows.reading()

    def salvaging(self) -> AbstractContextManager[Reading]:
        """As `Medium.salvaging`: nothing in memory is damaged."""
        return self.reading(Writers.NOBODY)

    @contextmanager
    def creating(self) -> Iterator[_MemoryRows]:
        """As `Medium.creating`."""
        self.check_free()
        with self.replacing() as new:
            yield new

    @contextmanager
    def replacing(self) -> Iterator[_MemoryRows]:
        """As `Medium.replacing`."""
        new = _MemoryRows()
        yield new
        self._rows.fill(new.rows, new.states)

    def check_free(self) -> None:
        """As `Medium.check_free`."""
        if self.is_there():
            raise JournalError(f"{self._name} exists already; give the path of a new file")

    def size_bytes(self) -> int:
        """As `Medium.size_bytes`: of heads, bodies and states."""
        rows = sum(len(row[5]) + len(row[6] or b"") for row in self._rows.scan())
        return rows + sum(len(self._rows.state(seq) or b"") for seq in self._rows.states())

    def records_max(self) -> int:
        """As `Medium.records_max`."""
        return sum(1 for _ in self._rows.scan(bodies=False))

    def blobs(self) -> BlobStore:
        """As `Medium.blobs`."""
        return BlobStore(f"{self._name}.blobs")

    def verdict(self) -> Verdict:
        """As `Medium.verdict`: nobody else."""
        return Verdict(Writers.NOBODY)


@dataclass(slots=True)
class _Seating:
    """What all seats of one medium have in common."""

    note: Note | None = None
    taken_by: MemorySeat | None = None


class MemorySeat:
    """`WriterSeat` of a MemoryMedium."""

    def __init__(self, name: str, seating: _Seating) -> None:
        self.before: Note | None = None
        self._name = name
        self._seating = seating
        since = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._holder = Holder(socket.gethostname(), os.getpid(), since)

    @property
    def holder(self) -> Holder:
        """As `WriterSeat.holder`."""
        return self._holder

    @property
    def reset(self) -> str:
        """As `WriterSeat.reset`."""
        return "make a new one"

    @property
    def how_lost(self) -> str:
        """As `WriterSeat.how_lost`."""
        return "Was it exchanged for another one?"

    def take(self) -> None:
        """As `WriterSeat.take`."""
        taken_by = self._seating.taken_by
        if taken_by is not None:
            who = taken_by.holder
            text = f"the journal {self._name} is in use by process {who.pid} on {who.host} since {who.since}"
            raise JournalBusy(text, host=who.host, pid=who.pid, since=who.since)
        self._seating.taken_by = self
        self.before = self._seating.note

    def note(self, journal_id: bytes, seq: int, hash_: bytes, *, is_held: bool = True, trouble: str = "") -> None:
        """As `WriterSeat.note`."""
        if self._seating.taken_by is self:
            self._seating.note = Note(journal_id, seq, hash_, self._holder, is_held, trouble)

    def clear(self) -> None:
        """As `WriterSeat.clear`."""
        if self._seating.taken_by is self:
            self._seating.note = self.before = None

    def release(self) -> None:
        """As `WriterSeat.release`."""
        if self._seating.taken_by is self:
            self._seating.taken_by = None

    def noted(self) -> Note | None:
        """As `WriterSeat.noted`."""
        return self._seating.note

    def occupant(self) -> Holder | None:
        """As `WriterSeat.occupant`."""
        taken_by = self._seating.taken_by
        return None if taken_by is None else taken_by.holder


class _MemoryRows:
    """`NewRows` in memory."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.states: list[tuple[int, bytes]] = []

    def insert(self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = ()) -> None:
        """As `NewRows.insert`."""
        self.rows.extend(rows)
        self.states.extend(states)
