"""The store port: what the journal needs of whatever holds its rows.

Knows no chain, no kind and no file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from cuebook.persistence.records.row import Row, Tail
from cuebook.persistence.trust.verdicts import Verdict

__all__ = ["Store"]


class Store(Protocol):
    """Rows in ascending order of `seq`, appended in whole batches and never changed; and states beside them.

    `open`, `insert` and `close` are never called at the same time as each other; `scan`, `row`, `state` and `states`
    are synchronous and may be used from any thread while a batch is being inserted.
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

    def scan(
        self,
        after: int = 0,
        *,
        kinds: Collection[int] | None = None,
        runs: Collection[int] | None = None,
        bodies: bool = True,
    ) -> Iterator[Row]:
        """The rows with `seq > after` that were there when the scan began, of these kinds and runs (None: of all).

        Never blocks or disturbs the writer. Without `bodies` each body is None and is not read. In a selection by
        kinds or runs, and in the first row, the last field holds the hash of the row before.

        Raises:
            JournalError, JournalCorrupt: the store cannot be read (any further).
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

    def verdict(self) -> Verdict:
        """Who else can have written what was opened, now and when it was opened; asked of that, not of a place.

        Raises:
            JournalNotTrusted: something beside it is not what it should be by now.
        """

    async def close(self) -> None:
        """Let go of everything. Closing twice is fine."""
