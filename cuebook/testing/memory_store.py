"""A store in memory that fails on demand: the public double of the store on disk.

Knows no chain. What it accepts, refuses and promises is what the conformance suite asks of every store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from cuebook.errors import JournalCorrupt, JournalError, JournalFull
from cuebook.persistence.records.row import Row, Tail
from cuebook.persistence.stores.copying import copy_rows
from cuebook.persistence.stores.port import NewRows, Reading
from cuebook.persistence.trust.verdicts import Verdict, Writers
from cuebook.testing.faults import Fault, JournalFaults

__all__ = ["MemoryStore"]


class MemoryStore:
    """A `Store` that forgets everything with its process, and fails as it is told to; a `Reading` of itself too.

    Args:
        faults: what goes wrong; by default nothing.
    """

    def __init__(self, faults: JournalFaults | None = None) -> None:
        self.faults = JournalFaults() if faults is None else faults
        self._rows: list[Row] = []
        self._states: dict[int, bytes] = {}
        self._is_open = False

    async def open(self) -> Tail:
        """As `Store.open`."""
        self._is_open = False
        if self.faults.next_open() is not None:
            raise JournalError("the store in memory cannot be opened, as it was told")
        self._is_open = True
        if not self._rows:
            return Tail(0, b"")
        return Tail(self._rows[-1][0], self._rows[-1][3])

    async def insert(
        self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = (), drop_states: Sequence[int] = ()
    ) -> None:
        """As `Store.insert`."""
        if not self._is_open:
            raise JournalError("the store in memory accepts nothing until it is opened again")
        fault = self.faults.next_append()
        self._is_open = False  # any way out but the last one leaves a doubt
        if fault is Fault.FULL:
            raise JournalFull("the store in memory is full, as it was told")
        if fault is Fault.FAIL:
            raise JournalError("the store in memory cannot be written, as it was told")
        self._check_continues(rows, states)
        if fault is not Fault.TORN_LOST:
            self._rows.extend((*row[:7], None) for row in rows)
            self._states.update(states)
            for seq in drop_states:
                self._states.pop(seq, None)
        if fault is not None:
            raise JournalError("the store in memory cannot be synced, as it was told")
        self._is_open = True

    def reading(self) -> AbstractContextManager[Reading]:
        """As `Store.reading`: the store itself."""
        return nullcontext(self)

    def last(self) -> tuple[int, bytes]:
        """As `Reading.last`."""
        return (self._rows[-1][0], self._rows[-1][3]) if self._rows else (0, b"")

    def end(self) -> int:
        """As `Reading.end`."""
        return len(self._rows)

    def scan(
        self,
        after: int = 0,
        *,
        until: int | None = None,
        kinds: Collection[int] | None = None,
        runs: Collection[int] | None = None,
        bodies: bool = True,
        holding: bytes | None = None,
    ) -> Iterator[Row]:
        """As `Reading.scan`."""
        for row in self._rows[max(after, 0) : len(self._rows) if until is None else until]:
            if (kinds is None or row[1] in kinds) and (runs is None or row[2] in runs):
                if holding is not None and holding not in (row[6] or b""):
                    continue
                before = self._rows[row[0] - 2][3] if row[0] > 1 else None
                yield (*row[:6], row[6] if bodies else None, before)

    def rows_at(self, seqs: Sequence[int]) -> Iterator[Row]:
        """As `Reading.rows_at`."""
        for seq in seqs:
            if not 1 <= seq <= len(self._rows):
                raise JournalCorrupt(f"record {seq} is missing", seq=seq)
            yield (*self._rows[seq - 1][:6], None, None)

    def row(self, seq: int) -> Row | None:
        """As `Reading.row`."""
        return next(self.scan(seq - 1), None) if seq >= 1 else None

    def select(
        self, kind: int, run: int | None, *, after: int = 0, limit: int = 1024, newest: bool = False
    ) -> list[Row]:
        """As `Reading.select`."""
        found = [row for row in self.scan(after, kinds=(kind,)) if (row[2] < 0 if run is None else row[2] == run)]
        return (found[::-1] if newest else found)[:limit]

    def state(self, seq: int) -> bytes | None:
        """As `Reading.state`."""
        return self._states.get(seq)

    def states(self) -> list[int]:
        """As `Reading.states`."""
        return sorted(self._states)

    def damage(self) -> list[str]:
        """As `Reading.damage`: nothing."""
        return []

    def copy_into(self, new: NewRows) -> None:
        """As `Reading.copy_into`."""
        copy_rows(self, new)

    def verdict(self) -> Verdict:
        """As `Store.verdict`: nobody else."""
        return Verdict(Writers.NOBODY)

    async def close(self) -> None:
        """As `Store.close`."""
        self._is_open = False

    def crash_image(self) -> MemoryStore:
        """A store, closed and without faults, that holds what a disk would hold if the power went now."""
        image = MemoryStore()
        image._rows = list(self._rows)
        image._states = dict(self._states)
        return image

    def fill(self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]]) -> None:
        """Exchange all that is in it for other rows and states, at once."""
        self._rows = [(*row[:7], None) for row in rows]
        self._states = dict(states)

    def _check_continues(self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]]) -> None:
        follows = all(row[0] == number for number, row in enumerate(rows, len(self._rows) + 1))
        if not follows or any(seq in self._states for seq, _ in states):
            raise JournalError("the store in memory is append-only: a record continues the last one")
