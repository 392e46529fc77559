"""A journal's records, read and each checked: what its writer and its readers have in common.

Knows no value and no kind of store, and executes nothing that it reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from cuebook.errors import JournalCorrupt
from cuebook.persistence.blobs.port import Blobs
from cuebook.persistence.records.chain import checked, checked_row, linked
from cuebook.persistence.records.families import kept_by
from cuebook.persistence.records.record import Picked, Record
from cuebook.persistence.stores.port import Medium, Reading

__all__ = ["JournalRecords"]

Readings = Callable[[], AbstractContextManager[Reading]]


class _Chosen(NamedTuple):
    """Which records are wanted: of these kinds, of these runs, with these bytes; None for all."""

    kinds: tuple[int, ...] | None = None
    runs: tuple[int, ...] | None = None
    holding: bytes | None = None


class JournalRecords:
    """What a journal holds. Synchronous, and as free to pass from thread to thread as what it is read by.

    Args:
        medium: where it lies.
        readings: gives what it is read by, for as long as one question takes.
    """

    def __init__(self, medium: Medium, readings: Readings) -> None:
        self._medium = medium
        self._readings = readings

    def records(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        kinds: Collection[int] | None = None,
        runs: Collection[int] | None = None,
        bodies: bool = True,
        holding: bytes | None = None,
    ) -> Iterator[Record]:
        """The records with `seq > after` that were committed when the iteration began, each checked.

        May run while others append; call it again with the last number to follow a live run.

        Args:
            after: number of a record, 0 for all. until: number of the last record that is wanted, None for all.
            kinds, runs: only these; None for all.
            bodies: False leaves bodies out (they are None then), and their damage unseen.
            holding: only those with these bytes in their body; damage may hide them.

        Raises:
            JournalCorrupt: names the first record that is damaged or missing; those before it are whole.
        Cost: about 5 us a record, and 0.5 to 2.5 ms a megabyte of bodies.
        """
        chosen = _Chosen(None if kinds is None else tuple(kinds), None if runs is None else tuple(runs), holding)
        return self._checked(self._readings(), (after, until), chosen, bodies=bodies)

    def records_at(self, seqs: Sequence[int]) -> Iterator[Record]:
        """The records with these numbers, ascending, each checked, without their bodies.

        Raises:
            JournalCorrupt: names the first of them that is damaged or missing.
        Cost: about 6 us a record.
        """
        with self._readings() as reading:
            yield from checked(reading.rows_at(seqs), bodies=False)

    @property
    def last_seq(self) -> int:
        """Number of the last record now."""
        with self._readings() as reading:
            return reading.end()

    def record(self, seq: int) -> Record:
        """One record with its body, checked.

        Raises:
            JournalCorrupt: it is damaged or missing.
        """
        with self._readings() as reading:
            return checked_row(reading.row(seq), seq)

    def select(
        self, kind: int, run: int | None, *, after: int = 0, limit: int = 1024, newest: bool = False
    ) -> list[Picked]:
        """The committed records of a kind in one stream (`run` below 0), or in all streams (None), each checked.

        Args:
            after: number of a record, 0 for all. limit: the most that are wanted.
            newest: in descending order; else ascending.

        Raises:
            JournalCorrupt: one of them is damaged.
        Cost: about 8 us a record.
        """
        with self._readings() as reading:
            return linked(reading.select(kind, run, after=after, limit=limit, newest=newest))

    def state(self, seq: int) -> bytes | None:
        """The bytes of the state that record `seq` tells of; None where they were dropped.

        Raises:
            JournalCorrupt: they are not the bytes that were kept, or record `seq` tells of no state.
        """
        with self._readings() as reading:
            body = reading.state(seq)
            if body is None:
                return None
            told = kept_by(checked_row(reading.row(seq), seq))
        if told is None:
            raise JournalCorrupt(f"record {seq} tells of no state", seq=seq)
        # The bytes lie outside of the chain, where they may be dropped; the digest that says which they are lies in it.
        if hashlib.sha256(body).digest() != told.digest:
            raise JournalCorrupt(f"the state kept by record {seq} is damaged", seq=seq)
        return body

    def states(self) -> list[int]:
        """Numbers of the records whose states are kept."""
        with self._readings() as reading:
            return reading.states()

    def blobs(self) -> Blobs:
        """The values too large for a row."""
        return self._medium.blobs()

    @property
    def name(self) -> str:
        """Where it lies, as people are told."""
        return self._medium.name

    @property
    def path(self) -> Path:
        """The same as a path: of the file, links resolved."""
        return Path(self._medium.name)

    def _checked(
        self,
        readings: AbstractContextManager[Reading],
        span: tuple[int, int | None],
        chosen: _Chosen,
        *,
        bodies: bool,
    ) -> Iterator[Record]:
        after, until = span
        is_selection = chosen != _Chosen()
        end, last = self._committed(), after
        with readings as reading:
            rows = reading.scan(after, until=until, bodies=bodies, **chosen._asdict())
            for record in checked(rows, bodies=bodies, gapless=None if is_selection else after + 1):
                last = record.seq
                yield record
        end = end if until is None else min(end, until)
        if not is_selection and last < end:
            raise JournalCorrupt(f"record {last + 1} of {self.name} is missing", seq=last + 1)

    def _committed(self) -> int:
        """Number of a record that is known to be there."""
        return 0
