"""Who may append to which stream of a journal: names to numbers, the next number of each, and its one writer.

Knows no file: it is given the way to look records up. Shared by all who have the journal open in this process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from cuebook.errors import JournalBusy, JournalError, WriterConflict
from cuebook.persistence.records.record import Entry, Kind, Picked
from cuebook.persistence.records.stream_heads import Events, SnapshotKept, StreamOpened, StreamRemoved

__all__ = ["Select", "StreamTable", "opening", "removed_streams"]

Select = Callable[..., list[Picked]]
"""`select(kind, stream, after=, limit=, newest=)`: records of a stream, or of all where it is None."""

NAME_MAX = 64 * 1024
"""Characters of a stream's name."""
_PAGE = 4096


@dataclass(slots=True)
class _StreamInUse:
    """A stream that is in use; `next` counts what was claimed and not yet committed too. `owner`: of its writers."""

    opened: StreamOpened
    next: int
    writer: bytes
    is_kept: bool
    owner: int


class StreamTable:
    """The streams of one open journal, numbered from -1 down. Safe to use from several threads."""

    def __init__(self, select: Select) -> None:
        self._select = select
        self._guard = threading.Lock()
        self._numbers: dict[tuple[str, str], int] = {}
        self._loaded = 0
        self._is_loaded = False
        self._lowest = 0
        self._removed: set[int] = set()
        self._in_use: dict[int, _StreamInUse] = {}

    def take(self, head: StreamOpened, writer: bytes, owner: int = 0) -> tuple[int, int]:
        """Make `writer` the one that may append to a stream, which begins where there is none.

        Nothing is written before its first append.

        Args:
            owner: whose writer it is: it may take the place of another one of the same owner.

        Returns:
            its number, and the number of its last committed event (0: none).

        Raises:
            JournalBusy: a writer of another owner has it.
        """
        with self._guard:
            while self._load(_PAGE):
                pass
            names = self._numbers
            key = (head.type, head.id)
            number = names.get(key)
            is_kept = number is not None
            if number is None:
                self._lowest -= 1
                number = names[key] = self._lowest
            found = self._in_use.get(number)
            if found is not None and found.owner != owner:
                raise JournalBusy(
                    f"{head.type} {head.id!r} is at work in another Runtime of this process, which keeps it in "
                    "the same journal: open one Runtime for a path, and use it for all of them"
                )
            last = self._last(number) if is_kept else 0
            if found is None:
                written = self._opened(number) if is_kept else None
                self._in_use[number] = _StreamInUse(written or head, last + 1, writer, written is not None, owner)
            else:
                found.writer = writer
                found.next = max(found.next, last + 1)
            return number, last

    def claim(self, number: int, writer: bytes, first: int, count: int) -> Entry | None:
        """Let `writer` append events `[first, first + count)` (`count` may be 0) in the next transaction.

        Returns:
            the record that opens the stream, to be put before them; None where it was written.

        Raises:
            WriterConflict: another one writes to the stream now.
        """
        with self._guard:
            stream = self._in_use.get(number)
            if stream is None:
                raise WriterConflict(f"stream {number} was left by its writer, which takes it anew before it appends")
            name = f"{stream.opened.type} {stream.opened.id!r}"
            if stream.writer != writer:
                raise WriterConflict(
                    f"{name} was taken over by another actor of that id, so this one keeps nothing more"
                )
            if stream.next != first:
                raise WriterConflict(
                    f"event {first} of {name} cannot be kept: the next one is {stream.next}, written by another actor"
                )
            stream.next += count
            if stream.is_kept:
                return None
            stream.is_kept = True
            return Entry(Kind.STREAM_OPENED, number, stream.opened.encode())

    def give_back(self, number: int, first: int, *, was_opened: bool) -> None:
        """A claimed append was not committed: its writer has to take the stream anew."""
        with self._guard:
            stream = self._in_use.get(number)
            if stream is None:
                return
            stream.next = min(stream.next, first)
            stream.writer = b""
            if was_opened:
                stream.is_kept = False

    def opened_at(self, number: int) -> float:
        """When a stream that is in use was opened, seconds since the epoch: with its name, that tells one life of an
        actor from the next.
        """
        with self._guard:
            stream = self._in_use.get(number)
            return 0.0 if stream is None else stream.opened.at

    def remove(self, kind: str, id: str) -> Entry | None:
        """Make a stream one that is no more: whoever writes to it now is refused, and the next writer of this name
        begins another one.

        Returns:
            the record that says so; None where nothing is kept of it.
        """
        with self._guard:
            while self._load(_PAGE):
                pass
            number = self._numbers.get((kind, id))
            if number is None:
                return None
            found = self._in_use.pop(number, None)
            is_written = self._opened(number) is not None if found is None else found.is_kept
            del self._numbers[kind, id]
            return Entry(Kind.STREAM_REMOVED, number, StreamRemoved(time.time()).encode()) if is_written else None

    def restore(self, kind: str, id: str, number: int) -> None:
        """A removal was not committed: the stream is there as before, and has to be taken anew."""
        with self._guard:
            self._numbers.setdefault((kind, id), number)

    def leave(self, number: int, writer: bytes) -> None:
        """`writer` appends no more: nothing is remembered of its stream but its number."""
        with self._guard:
            stream = self._in_use.get(number)
            if stream is not None and stream.writer == writer:
                del self._in_use[number]

    def leave_all(self, owner: int) -> None:
        """No writer of this owner appends any more."""
        with self._guard:
            for number in [number for number, stream in self._in_use.items() if stream.owner == owner]:
                del self._in_use[number]

    def load(self, limit: int = 1024) -> bool:
        """Read the names of some more streams, so that none has to be read in one go later; whether there may be
        more.
        """
        with self._guard:
            return self._load(limit)

    def _load(self, limit: int) -> bool:
        if self._is_loaded:
            return False
        if not self._loaded:
            self._removed, _ = removed_streams(self._select)
        page = self._select(Kind.STREAM_OPENED, None, after=self._loaded, limit=limit)
        for record in page:
            self._loaded = record.seq
            self._lowest = min(self._lowest, record.run)
            if record.run in self._removed:
                continue
            head = StreamOpened.decode(record.head)
            self._numbers[head.type, head.id] = record.run
        self._is_loaded = len(page) < limit
        return not self._is_loaded

    def _opened(self, number: int) -> StreamOpened | None:
        """The record that opened a stream, where one was committed."""
        return next(
            (StreamOpened.decode(each.head) for each in self._select(Kind.STREAM_OPENED, number, limit=1)), None
        )

    def _last(self, number: int) -> int:
        last = 0
        for record in self._select(Kind.EVENTS, number, limit=1, newest=True):
            last = Events.decode(record.head).last
        for record in self._select(Kind.SNAPSHOT, number, limit=1, newest=True):
            last = max(last, SnapshotKept.decode(record.head).number)
        return last


def removed_streams(select: Select, removed: set[int] | None = None, *, after: int = 0) -> tuple[set[int], int]:
    """The numbers of the streams that are no more, and of the last record that says so.

    Args:
        removed: what was known up to record `after`; more is added to it.
    """
    removed = set() if removed is None else removed
    while page := select(Kind.STREAM_REMOVED, None, after=after, limit=_PAGE):
        removed.update(record.run for record in page)
        after = page[-1].seq
    return removed, after


def opening(kind: str, id: str, where: str) -> StreamOpened:
    """The head that opens a stream now.

    Raises:
        JournalError: the names are too long to be kept.
    """
    if len(kind) + len(id) + len(where) > NAME_MAX:
        raise JournalError(f"the name of a {kind} is too long for a journal: {len(id):,} characters of id")
    return StreamOpened(kind, id, where, time.time())
