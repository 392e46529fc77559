"""One open journal of this process, shared by all who opened its file: appends, in order, and settles doubtful commits.

Knows no actor and decodes no body. Whoever wants it goes through `journal.JournalFile`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.journal.header import check_end, first_head, opened_by
from cuebook.persistence.journal.retention import Retention
from cuebook.persistence.journal.states import checked_state
from cuebook.persistence.journal.streams import StreamTable
from cuebook.persistence.journal.turnstile import Turnstile
from cuebook.persistence.records.chain import FIRST_LINK, checked, checked_row, linked, rows_of
from cuebook.persistence.records.families import KEEPING, kept_by
from cuebook.persistence.records.head import Owner
from cuebook.persistence.records.record import Entry, Kind, Picked, Record
from cuebook.persistence.records.row import Row, Tail
from cuebook.persistence.records.run_heads import JournalOpened
from cuebook.persistence.stores.port import Store
from cuebook.persistence.stores.sqlite.location import Location, mount_of
from cuebook.persistence.stores.sqlite.lock import FileLock
from cuebook.persistence.trust.verdicts import Verdict

__all__ = ["JournalCore"]


@dataclass(frozen=True, slots=True)
class _Commit:
    rows: list[Row]
    states: list[tuple[int, bytes]]
    drops: list[int]

    @property
    def end(self) -> tuple[int, bytes]:
        return self.rows[-1][0], self.rows[-1][3]


class JournalCore:
    """A store, the lock that guards it (none for a store that is no file), and where its chain ends."""

    def __init__(self, location: Location, store: Store, lock: FileLock | None) -> None:
        self.location = location
        self.lock = lock
        self.users = 0
        self.seq = 0
        self.hash = b""
        self.header: JournalOpened
        self.key: tuple[int, int] | None = None
        self.is_new = False
        self._store = store
        self._turn = Turnstile()
        self._runs_max = 0
        self._numbering = threading.Lock()
        self._retention: Retention | None = None
        self._is_in_doubt = False
        self.streams = StreamTable(self.select)

    async def open(self) -> None:
        """Take the lock, open the store, write the first record of a new journal, check the last one of an old one."""
        existed = self.lock is None or self.location.key() is not None
        if self.lock is not None:
            self.lock.take(locks_are_local=mount_of(self.location.path.parent).locks_are_local)
            if not existed:
                self.lock.clear()
        try:
            await self._open_store()
        except BaseException:
            await self.close()
            raise

    async def append(self, entries: Sequence[Entry], states: Mapping[int, bytes]) -> list[int]:
        """As `JournalFile.append`, in its turn."""
        if not entries:
            return []
        async with self._turn:
            if self._is_in_doubt:
                self._continue_after(await self._reopened())
            self._check_in_place()
            if states and self._retention is None:
                self._retention = Retention(self._kept_states())
            rows = rows_of(entries, self.seq, self.hash)
            kept = [(rows[position][0], body) for position, body in sorted(states.items())]
            retention = self._retention
            if retention is None:
                await self._commit(_Commit(rows, kept, []))
            else:
                plan = retention.plan(entries, states, self.seq)
                await self._commit(_Commit(rows, kept, plan.drops))
                retention.accept(plan)
        return [row[0] for row in rows]

    def next_run(self) -> int:
        """A number that no run of this journal has."""
        with self._numbering:
            self._runs_max += 1
            return self._runs_max

    def records(
        self, after: int, kinds: Sequence[int] | None, runs: Sequence[int] | None, *, bodies: bool
    ) -> Iterator[Record]:
        """As `JournalFile.records`."""
        is_selection = kinds is not None or runs is not None
        end, last = self.seq, after
        rows = self._store.scan(after, kinds=kinds, runs=runs, bodies=bodies)
        for record in checked(rows, bodies=bodies, gapless=None if is_selection else after + 1):
            last = record.seq
            yield record
        if not is_selection and last < end:
            raise JournalCorrupt(f"record {last + 1} of {self.location.path} is missing", seq=last + 1)

    def record(self, seq: int) -> Record:
        """As `JournalFile.record`."""
        return checked_row(self._store.row(seq), seq)

    def state(self, seq: int) -> bytes | None:
        """The bytes of a kept state, checked against the digest in its record."""
        return checked_state(self._store, seq)

    def select(
        self, kind: int, run: int | None, *, after: int = 0, limit: int = 1024, newest: bool = False
    ) -> list[Picked]:
        """As `JournalFile.select`."""
        return linked(self._store.select(kind, run, after=after, limit=limit, newest=newest))

    def verdict(self) -> Verdict:
        """As `JournalFile.verdict`."""
        return self._store.verdict()

    async def close(self) -> None:
        """Wait for what is being appended, then let go of store and lock."""
        async with self._turn:
            try:
                await self._store.close()
            finally:
                if self.lock is not None:
                    if self.seq:
                        self.lock.note(self.header.journal_id, self.seq, self.hash, is_held=False)
                    self.lock.release()

    async def _open_store(self) -> None:
        before = self.lock.before if self.lock else None
        tail = await self._store.open()
        if tail.seq == 0:
            if before is not None and before.seq:
                raise JournalCorrupt(
                    f"{self.location.path} is empty, but {before.seq} records were committed to it; "
                    f"delete {self.location.lock_path} to begin anew",
                    seq=1,
                )
            self._continue_after(tail)
            await self._write_first()
        else:
            self._check_opened(tail)
        self.key = self.location.key() if self.lock else None
        self._say_end()

    async def _write_first(self) -> None:
        self.is_new = True
        self.header = first_head()
        await self._commit(_Commit(rows_of([self.header.entry(0)], 0, self.hash), [], []))

    def _check_opened(self, tail: Tail) -> None:
        self.header = opened_by(next(iter(self._store.scan(0, kinds=[Kind.JOURNAL])), None), self.location.path)
        note = self.lock.before if self.lock else None
        check_end(self.location.path, self.header.journal_id, (tail.seq, tail.hash), note, self._link_at)
        if checked_row(self._store.row(tail.seq), tail.seq).hash != tail.hash:
            raise JournalCorrupt(f"record {tail.seq} of {self.location.path} is damaged", seq=tail.seq)
        self._continue_after(tail)

    def _link_at(self, seq: int) -> bytes:
        row = self._store.row(seq)
        return row[3] if row is not None else b""

    async def _commit(self, batch: _Commit) -> None:
        try:
            await self._store.insert(batch.rows, batch.states, batch.drops)
        except asyncio.CancelledError:
            await self._settle(batch)
            raise
        except JournalError:
            if not await self._settle(batch):
                raise
        self.seq, self.hash = batch.end
        self._say_end()

    async def _settle(self, batch: _Commit) -> bool:
        """Whether a batch of unknown fate is stored: reopen, and look. Either way the chain goes on from there."""
        self._is_in_doubt = True
        tail = await self._reopened()
        found = (tail.seq, tail.hash or FIRST_LINK)
        if found not in {batch.end, (self.seq, self.hash)}:
            raise JournalCorrupt(f"{self.location.path} ends in a record that this process did not write", seq=tail.seq)
        is_stored = found == batch.end
        self._continue_after(tail)
        if self.seq:
            self._say_end()
        return is_stored

    async def _reopened(self) -> Tail:
        try:
            return await self._store.open()
        except JournalError as error:
            raise type(error)(f"{error}; whether the last records were stored shows when it can be opened") from error

    def _continue_after(self, tail: Tail) -> None:
        self.seq, self.hash = tail.seq, tail.hash or FIRST_LINK
        with self._numbering:
            self._runs_max = max(self._runs_max, tail.runs_max)
        self._is_in_doubt = False
        self._retention = None

    def _say_end(self) -> None:
        if self.lock is not None:
            self.lock.note(self.header.journal_id, self.seq, self.hash)

    def _check_in_place(self) -> None:
        if self.key is not None and self.location.key() != self.key:
            raise JournalError(
                f"{self.location.path} was moved, replaced or deleted while it was in use; "
                "what was committed is in the file that was moved"
            )

    def _kept_states(self) -> Iterator[tuple[int, Owner]]:
        alive = frozenset(self._store.states())
        for record in checked(self._store.scan(0, kinds=sorted(KEEPING), bodies=False), bodies=False):
            told = kept_by(record) if record.seq in alive else None
            if told is not None:
                yield record.seq, told.owner
