"""The ports of a store: all that a journal, and the care of one, needs of whatever holds its rows.

A further store is a folder beside `sqlite/` that implements `Medium` (from which the others are had), and a line in
`media.py`; the suites in `tests/conformance` say whether it keeps what is promised here. Knows no chain and no file.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from cuebook.persistence.blobs.port import Blobs
from cuebook.persistence.records.row import Row, Tail
from cuebook.persistence.trust.verdicts import Verdict, Writers

__all__ = ["Holder", "Medium", "NewRows", "Note", "Reading", "Store", "WriterSeat"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who writes to a journal: host name, process id, and since when (ISO 8601 in UTC)."""

    host: str
    pid: int
    since: str


@dataclass(frozen=True, slots=True)
class Note:
    """What lies beside a journal: which one it is, where it ended at the last commit, and who holds or held it.

    It is written after each commit and not synced, so it never runs ahead of the journal.

    Attributes:
        trouble: why its last holder could not write any more, for people; empty where it could.
    """

    journal_id: bytes
    seq: int
    hash: bytes
    holder: Holder
    is_held: bool
    trouble: str = ""


class Reading(Protocol):
    """Rows and states as they are read, beside a writer that does not notice. May pass from thread to thread, used by
    one at a time.
    """

    def last(self) -> tuple[int, bytes]:
        """Number and hash of the last row now; 0 and nothing where there is none."""

    def end(self) -> int:
        """Number of the last row now, 0 where there is none; also where its content is damaged."""

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
        """The rows with `seq > after` that were there when the scan began, of these kinds and runs (None: of all).

        None has a number over `until`, where that is given, nor a body without the bytes `holding`.

        Never blocks or disturbs the writer. Without `bodies` each body is None and is not read. In a selection by
        kinds, runs or bytes, and in the first row, the last field holds the hash of the row before.

        Raises:
            JournalError, JournalCorrupt: the store cannot be read (any further).
        """

    def rows_at(self, seqs: Sequence[int]) -> Iterator[Row]:
        """The rows with these numbers, which ascend, as `scan` without bodies.

        Raises:
            JournalError, JournalCorrupt: the store cannot be read, or has not all of them.
        """

    def row(self, seq: int) -> Row | None:
        """One row, with its body and the hash of the row before; None where there is none."""

    def select(
        self, kind: int, run: int | None, *, after: int = 0, limit: int = 1024, newest: bool = False
    ) -> list[Row]:
        """The rows of a kind in one stream (`run` below 0), or in all of them (None), with `seq > after`.

        At most `limit`, in ascending order, or with `newest` in descending order; each with the hash of the row before.

        Raises:
            JournalError, JournalCorrupt: as `scan`.
        """

    def state(self, seq: int) -> bytes | None:
        """The bytes kept for row `seq`, or None where they were dropped or never kept."""

    def states(self) -> list[int]:
        """The rows that states are kept for, ascending."""

    def damage(self) -> list[str]:
        """What the store itself finds wrong with what it keeps, beyond rows and states; empty where all is well."""

    def copy_into(self, new: NewRows) -> None:
        """All rows and states that are committed now, as one picture, into an empty place of whatever store."""

    def verdict(self) -> Verdict:
        """Who else can have written what was opened, now and when it was opened; asked of that, not of a place.

        Raises:
            JournalNotTrusted: something beside it is not what it should be by now.
        """


class Store(Protocol):
    """Rows in ascending order of `seq`, appended in whole batches and never changed; and states beside them.

    `open`, `insert` and `close` are never called at the same time as each other.
    """

    async def open(self) -> Tail:
        """Get ready to insert, and tell where the store ends.

        After an insert that failed or was cancelled, the answer is the truth: what it shows is on disk, and no row
        of that batch can appear later. Opening an open store reopens it.

        Raises:
            JournalError: the store cannot be opened; nothing was changed.
        """

    async def insert(
        self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = (), drop_states: Sequence[int] = ()
    ) -> None:
        """Append `rows`, keep `states` (number of the row, bytes) and drop others, as one: all or nothing.

        When it returns, everything is on disk.

        Raises:
            JournalError: whether the batch was stored is unknown, and the store accepts nothing until `open()`.
        """

    def reading(self) -> AbstractContextManager[Reading]:
        """What was inserted, to be read in any thread while a batch is being inserted; any number at a time.

        Raises:
            JournalError: it cannot be read.
        """

    def verdict(self) -> Verdict:
        """As `Reading.verdict`, of what is open for writing."""

    async def close(self) -> None:
        """Let go of everything. Closing twice is fine."""


class WriterSeat(Protocol):
    """Who may write, one at a time: `take()` once, then `note()` after each commit, then `release()`.

    Attributes:
        before: what was noted when it was taken.
        holder: this process, as others are told.
        reset: what a person does so that nothing is noted any more: "delete PATH.lock".
        how_lost: a question that may tell a person why the journal is shorter than was noted.
    """

    before: Note | None

    @property
    def holder(self) -> Holder: ...

    @property
    def reset(self) -> str: ...

    @property
    def how_lost(self) -> str: ...

    def take(self) -> None:
        """Take it, without waiting. It ends with this process, whatever way that one ends.

        Raises:
            JournalBusy: someone has it: who, as far as is known.
            JournalError: it cannot be taken here.
        """

    def note(self, journal_id: bytes, seq: int, hash_: bytes, *, is_held: bool = True, trouble: str = "") -> None:
        """Say where the journal ends now, and why it could not go on, where that is so.

        Not durable at once; nothing happens where the seat is not taken.
        """

    def clear(self) -> None:
        """Forget what was noted of a journal that is not there any more."""

    def release(self) -> None:
        """Let go of it; what was noted stays. Doing it twice is fine."""

    def noted(self) -> Note | None:
        """What is noted now, by whoever; None where nothing is, or nothing whole. Takes nothing."""

    def occupant(self) -> Holder | None:
        """Who has it now; None where nobody does. Takes nothing."""


class NewRows(Protocol):
    """A store that is being filled, which nobody else sees before it is whole."""

    def insert(self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = ()) -> None:
        """Append rows, which continue those before, and keep states."""


class Medium(Protocol):
    """One place that a journal lies in, or will. Making one opens nothing and makes nothing.

    Attributes:
        name: as people are told; for a file its path, links resolved. Two spellings of one place have one name.
    """

    @property
    def name(self) -> str: ...

    def key(self) -> Hashable | None:
        """What this very journal is known by in this process, so that all who open it share it.

        None: it is not there yet; or, once it is open, nobody can share it.
        """

    def is_there(self) -> bool:
        """Whether there is anything."""

    def prepare(self) -> None:
        """Get the surroundings ready for a journal here: folders, say.

        Raises:
            JournalNotTrusted: something there is somebody else's. JournalError: no journal can be here.
        """

    def store(self) -> Store:
        """Where rows are appended, not open yet."""

    def seat(self) -> WriterSeat:
        """Who may write here."""

    def reading(self, trust: Writers) -> AbstractContextManager[Reading]:
        """What is here, for whoever only reads; never blocks or disturbs the writer.

        Args:
            trust: how far others are trusted not to exchange it meanwhile.

        Raises:
            JournalNotTrusted, JournalError, JournalCorrupt, UnsupportedVersion: it cannot be read; nothing was opened.
        """

    def salvaging(self) -> AbstractContextManager[Reading]:
        """As much of it as can be read in any way, where it is damaged; it is not changed.

        Raises:
            JournalError: there is none. JournalCorrupt: not one row can be read. UnsupportedVersion: as `reading`.
        """

    def creating(self) -> AbstractContextManager[NewRows]:
        """A journal made here, whole and on disk when the block ends; if that raises, there is nothing.

        Raises:
            JournalNotTrusted: something in its way is somebody else's.
            JournalError: there is something here already, or it cannot be written.
        """

    def replacing(self) -> AbstractContextManager[NewRows]:
        """The same in place of the journal that is here: when the block ends it is one or the other, and whole.

        Whoever asks has the seat, and reads nothing of it any more when the block ends.

        Raises:
            JournalBusy: others read it. JournalError, JournalNotTrusted: as `creating`. It is as it was.
        """

    def check_free(self) -> None:
        """Raise JournalError if there is anything here, or in the way of a journal."""

    def size_bytes(self) -> int:
        """How much room it takes, blobs aside."""

    def records_max(self) -> int:
        """How many records there can be at most, whatever numbers stand in it or beside it."""

    def blobs(self) -> Blobs:
        """The large values beside its rows."""

    def verdict(self) -> Verdict:
        """Who else can write here now.

        Raises:
            JournalNotTrusted: something here is refused.
        """
