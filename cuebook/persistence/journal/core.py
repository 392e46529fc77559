"""One open journal of this process, shared by all who opened its file: appends, in order, and settles doubtful commits.

Knows no actor and decodes no body. Whoever wants it goes through `journal.JournalWriter`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cuebook.errors import JournalCorrupt, JournalError, JournalFull
from cuebook.persistence.journal.contents import ContentsBook, leave_book, read_book
from cuebook.persistence.journal.header import check_end, first_head, opened_by
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.journal.retention import Retention
from cuebook.persistence.journal.streams import StreamTable
from cuebook.persistence.journal.turnstile import Turnstile
from cuebook.persistence.records.chain import FIRST_LINK, checked, checked_row, rows_of
from cuebook.persistence.records.families import KEEPING, kept_by
from cuebook.persistence.records.head import Owner
from cuebook.persistence.records.record import Entry
from cuebook.persistence.records.row import Row, Tail
from cuebook.persistence.records.run_heads import DISK_FULL, JournalOpened
from cuebook.persistence.stores.port import Holder, Medium

__all__ = ["CutShort", "JournalCore"]


@dataclass(frozen=True, slots=True)
class CutShort:
    """What an earlier process could not write any more: how its runs have ended.

    Attributes:
        holder: that process. trouble: why, for people.
        runs_max: the highest number of a run that it can have begun.
    """

    holder: Holder
    trouble: str
    runs_max: int


@dataclass(frozen=True, slots=True)
class _Commit:
    rows: list[Row]
    states: list[tuple[int, bytes]]
    drops: list[int]

    @property
    def end(self) -> tuple[int, bytes]:
        return self.rows[-1][0], self.rows[-1][3]


class JournalCore:
    """A store, the seat from which it is written, and where its chain ends."""

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self.seat = medium.seat()
        self.store = medium.store()
        self.users = 0
        self.seq = 0
        self.hash = b""
        self.header: JournalOpened
        self.key: Hashable | None = None
        self.is_new = False
        self.cut_short: CutShort | None = None
        self._turn = Turnstile()
        self._runs_max = 0
        self._numbering = threading.Lock()
        self._retention: Retention | None = None
        self._contents: ContentsBook | None = None
        self._is_in_doubt = False
        self._watchers: dict[object, Callable[[], None]] = {}
        self._trouble = ""
        self.streams = StreamTable(JournalRecords(medium, self.store.reading).select)

    async def open(self) -> None:
        """Take the seat, open the store, write the first record of a new journal, check the last one of an old one."""
        existed = self.medium.is_there()
        self.seat.take()
        before = self.seat.before
        if not existed:
            self.seat.clear()
        elif before is not None:  # whoever comes while the journal is being opened is told who has it
            self.seat.note(before.journal_id, before.seq, before.hash)
        try:
            await self._open_store()
        except BaseException:
            await self.close()
            raise
        if before is not None and before.trouble:
            self.cut_short = CutShort(before.holder, before.trouble, self._runs_max)

    async def append(self, entries: Sequence[Entry], states: Mapping[int, bytes]) -> list[int]:
        """As `JournalWriter.append`, in its turn."""
        if not entries:
            return []
        async with self._turn:
            if self._is_in_doubt:
                self._continue_after(await self._reopened())
            self._check_in_place()
            if states and self._retention is None:
                self._retention = Retention(self._kept_states())
            contents = self._contents = self._contents or await self._read_contents()
            part, seq = contents.due(entries, self.seq), self.seq
            # The chain is made here and not before: what was in doubt may have moved its end.
            rows = rows_of(entries if part is None else [*entries, part], seq, self.hash)
            kept = [(rows[position][0], body) for position, body in sorted(states.items())]
            retention = self._retention
            if retention is None:
                await self._commit(_Commit(rows, kept, []))
            else:
                plan = retention.plan(entries, states, self.seq)
                await self._commit(_Commit(rows, kept, plan.drops))
                # Behind the commit: had it failed, the next plan would drop states that are the newest on disk.
                retention.accept(plan)
            contents.accept(entries, seq, part)
        return [row[0] for row in rows[: len(entries)]]

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """As `JournalWriter.watch`."""
        key = object()
        self._watchers[key] = watcher

        def unwatch() -> None:
            self._watchers.pop(key, None)

        return unwatch

    def next_run(self) -> int:
        """A number that no run of this journal has."""
        with self._numbering:
            self._runs_max += 1
            return self._runs_max

    async def close(self) -> None:
        """Wait for what is being appended, then let go of store and seat."""
        async with self._turn:
            try:
                await self.store.close()
            finally:
                if self.seq:
                    self.seat.note(self.header.journal_id, self.seq, self.hash, is_held=False, trouble=self._trouble)
                    if self._contents is not None:
                        leave_book(self.header.journal_id, (self.seq, self.hash), self._contents)
                self.seat.release()

    async def _open_store(self) -> None:
        before = self.seat.before
        tail = await self.store.open()
        if tail.seq == 0:
            if before is not None and before.seq:
                raise JournalCorrupt(
                    f"{self.medium.name} is empty, but {before.seq} records were committed to it; "
                    f"{self.seat.reset} to begin anew",
                    seq=1,
                )
            self._continue_after(tail)
            await self._write_first()
            self._contents = ContentsBook()
        else:
            self._check_opened(tail)
            self._contents = await self._read_contents()
        self.key = self.medium.key()
        self._say_end()

    async def _write_first(self) -> None:
        self.is_new = True
        self.header = first_head()
        await self._commit(_Commit(rows_of([self.header.entry(0)], 0, self.hash), [], []))

    def _check_opened(self, tail: Tail) -> None:
        name = self.medium.name
        with self.store.reading() as reading:
            self.header = opened_by(reading.row(1), name)
            check_end(self.medium, reading, self.header.journal_id, self.seat.before)
            if checked_row(reading.row(tail.seq), tail.seq).hash != tail.hash:
                raise JournalCorrupt(f"record {tail.seq} of {name} is damaged", seq=tail.seq)
        self._continue_after(tail)

    async def _commit(self, batch: _Commit) -> None:
        try:
            await self.store.insert(batch.rows, batch.states, batch.drops)
        except asyncio.CancelledError:
            # Only a loop that is ending gets here (whoever appends is shielded); its batch may be stored all the same,
            # and other loops that share this journal go on from where it really ends.
            await self._settle(batch)
            raise
        except JournalError as error:
            if isinstance(error, JournalFull):
                self._trouble = DISK_FULL
            if not await self._settle(batch):
                raise
        self.seq, self.hash = batch.end
        self._say_end()

    async def _settle(self, batch: _Commit) -> bool:
        """Whether a batch of unknown fate is stored: reopen, and look. Either way the chain goes on from there."""
        # An error of a commit does not say that nothing was written: after a failed fsync pages may have reached the
        # disk or not, and a retry on the same connection would believe the kernel's cache. Only reopening, which reads
        # what is there and syncs it anew, tells; until it succeeds nothing is appended.
        self._is_in_doubt = True
        tail = await self._reopened()
        found = (tail.seq, tail.hash or FIRST_LINK)
        if found not in {batch.end, (self.seq, self.hash)}:
            raise JournalCorrupt(f"{self.medium.name} ends in a record that this process did not write", seq=tail.seq)
        is_stored = found == batch.end
        self._continue_after(tail)
        if self.seq:
            self._say_end()
        return is_stored

    async def _reopened(self) -> Tail:
        try:
            return await self.store.open()
        except JournalError as error:
            raise type(error)(f"{error}; whether the last records were stored shows when it can be opened") from error

    def _continue_after(self, tail: Tail) -> None:
        self.seq, self.hash = tail.seq, tail.hash or FIRST_LINK
        self._is_in_doubt = False
        self._retention = self._contents = None

    async def _read_contents(self) -> ContentsBook:
        found = await read_book(JournalRecords(self.medium, self.store.reading), self.header.journal_id, self.seq)
        with self._numbering:
            self._runs_max = max(self._runs_max, found.runs)
        return found

    def _say_end(self) -> None:
        self.seat.note(self.header.journal_id, self.seq, self.hash, trouble=self._trouble)
        for watcher in tuple(self._watchers.values()):
            watcher()

    def _check_in_place(self) -> None:
        if self.key is not None and self.medium.key() != self.key:
            raise JournalError(
                f"{self.medium.name} was moved, replaced or deleted while it was in use; "
                "what was committed is in the file that was moved"
            )

    def _kept_states(self) -> Iterator[tuple[int, Owner]]:
        with self.store.reading() as reading:
            alive = frozenset(reading.states())
            for record in checked(reading.scan(0, kinds=sorted(KEEPING), bodies=False), bodies=False):
                told = kept_by(record) if record.seq in alive else None
                if told is not None:
                    yield record.seq, told.owner
