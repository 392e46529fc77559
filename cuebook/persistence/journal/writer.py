"""The journal file: opened once a process, shared by its runs, appended to in whole transactions.

Knows no actor, no value and no meaning of a run; nor what it lies in, which `stores.media` decides.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, Self, TypeVar

from cuebook.errors import JournalError
from cuebook.persistence.journal.core import CutShort, JournalCore
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.journal.streams import StreamTable
from cuebook.persistence.journal.turnstile import Turnstile
from cuebook.persistence.records.record import Entry
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.stores.port import Holder, Medium, Reading
from cuebook.persistence.trust.verdicts import Verdict

__all__ = ["JournalWriter"]

_T = TypeVar("_T")
_NO_STATES: Mapping[int, bytes] = MappingProxyType({})
_open: dict[Hashable, JournalCore] = {}
_door = Turnstile()
_unharmed_tasks: set[asyncio.Task[Any]] = set()


class JournalWriter(JournalRecords):
    """A journal that this process may append to, until `close()`.

    All who open the same file in one process (by any spelling of its path, in any thread's event loop) share one
    connection and one chain; the last one out closes it.
    """

    def __init__(self, core: JournalCore) -> None:
        """Use `JournalWriter.open`."""
        super().__init__(core.medium, self._reading)
        self._core = core
        self._is_open = True

    @classmethod
    async def open(cls, place: str | os.PathLike[str] | Medium) -> JournalWriter:
        """Open the journal at a place, or make one, with its folders.

        Args:
            place: the path of its file, used as given, links resolved; or where it lies.

        Raises:
            JournalBusy: another process writes to it.
            JournalCorrupt: it is no journal, is damaged, or its end is missing. It was not touched.
            UnsupportedVersion: a newer cuebook wrote it. It was not touched.
            JournalNotTrusted: a file beside it is no plain file, or somebody else's. Nothing was touched.
            JournalError: it cannot be read or written.
        """
        opening = _unharmed(_entered(place))
        try:
            return cls(await asyncio.shield(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(_leave_again)
            raise

    @staticmethod
    def is_open_here(place: str | os.PathLike[str] | Medium) -> bool:
        """Whether this process has the journal at a place open for writing."""
        try:
            key = medium_of(place).key()
        except JournalError:
            return False
        return key is not None and key in _open

    def append(
        self, entries: Sequence[Entry], *, states: Mapping[int, bytes] = _NO_STATES
    ) -> asyncio.Future[list[int]]:
        """Append records, all or none, and give their numbers once they are on disk: `await file.append(...)`.

        Appends of several coroutines, of whatever loops, are done one after the other in order of arrival. A caller
        that is cancelled leaves a commit that goes on to its end.

        Args:
            entries: what to append.
            states: bytes of kept states by position in `entries`; of each call the newest two are kept, and none
                once it is completed.

        Raises:
            JournalFull: the disk is full. JournalError: it cannot be written. In both, none of it is stored, unless
                the message says that this is unknown because the file could not be opened again.
        Cost: one transaction with one fsync, whatever the number of entries, and 2 us an entry.
        """
        return asyncio.shield(self.start_append(entries, states=states))

    def start_append(
        self, entries: Sequence[Entry], *, states: Mapping[int, bytes] = _NO_STATES
    ) -> asyncio.Task[list[int]]:
        """As `append`, but the task itself, for who adds a callback to it. Nobody may cancel it."""
        self._check_open()
        return _unharmed(self._core.append(entries, states))

    def next_run(self) -> int:
        """A number for a new run that no other run in this file has, or gets."""
        return self._core.next_run()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call a function whenever more was committed, until the function that this gives is called.

        It is called by whoever commits, in whatever thread and loop, and has to be quick and raise nothing.
        """
        return self._core.watch(watcher)

    @property
    def streams(self) -> StreamTable:
        """Who may append to which stream; shared by all who have this journal open in this process."""
        return self._core.streams

    @property
    def journal_id(self) -> bytes:
        """16 random bytes that name this journal, wherever it is moved."""
        return self._core.header.journal_id

    @property
    def last_seq(self) -> int:
        """Number of the last record."""
        return self._core.seq

    @property
    def cut_short(self) -> CutShort | None:
        """What the process before could not write any more; None where it could."""
        return self._core.cut_short

    @property
    def last_hash(self) -> bytes:
        """The link of the last record: it stands for the whole journal."""
        return self._core.hash

    def verdict(self) -> Verdict:
        """Who besides this user and root can have written what was opened: whether its values may be unpickled.

        Raises:
            JournalNotTrusted: something beside the file is not what it should be by now.
        Cost: about 20 us.
        """
        return self._core.store.verdict()

    def take_news(self) -> bool:
        """Whether this process has just made the journal; True once."""
        is_new, self._core.is_new = self._core.is_new, False
        return is_new

    @property
    def holder(self) -> Holder:
        """Who others are told has this journal."""
        return self._core.seat.holder

    async def close(self) -> None:
        """Let go of the journal; the last one out closes the file, with its -wal moved into it. Twice is fine."""
        if self._is_open:
            self._is_open = False
            self._core.streams.leave_all(id(self))
            await asyncio.shield(_unharmed(_left(self._core)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<JournalWriter {self.name} {'open' if self._is_open else 'closed'} at record {self.last_seq}>"

    def _check_open(self) -> None:
        if not self._is_open:
            raise JournalError(f"{self.name} is closed")

    def _reading(self) -> AbstractContextManager[Reading]:
        self._check_open()
        return self._core.store.reading()

    def _committed(self) -> int:
        return self._core.seq


async def _entered(place: str | os.PathLike[str] | Medium) -> JournalCore:
    async with _door:
        medium = medium_of(place)
        key = medium.key()
        shared = _open.get(key) if key is not None else None
        if shared is not None:
            shared.users += 1
            return shared
        medium.prepare()
        core = JournalCore(medium)
        await core.open()
        core.users = 1
        if core.key is not None:
            _open[core.key] = core
        return core


async def _left(core: JournalCore) -> None:
    async with _door:
        core.users -= 1
        if core.users == 0:
            if core.key is not None and _open.get(core.key) is core:
                del _open[core.key]
            await core.close()


def _unharmed(work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
    # A task of its own: whoever waits for it may be cancelled, the transaction is not. A loop that ends cancels it and
    # waits for it, so that the connection's thread does not report to a loop that is closed.
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):  # begun at once, and not an iteration of the loop later
        task = asyncio.Task(work, loop=loop, eager_start=True)
    else:
        task = loop.create_task(work)
    _unharmed_tasks.add(task)
    task.add_done_callback(_forget_task)
    return task


def _forget_task(task: asyncio.Task[Any]) -> None:
    _unharmed_tasks.discard(task)
    if not task.cancelled():
        task.exception()  # seen, also where the caller is gone


def _leave_again(task: asyncio.Task[JournalCore]) -> None:
    if not task.cancelled() and task.exception() is None:
        _unharmed(_left(task.result()))


def _forget_in_child() -> None:
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
