"""Which earlier result each call takes, where calls come one at a time from a source without a length.

Knows no file of the journal; once calls no longer line up, an index in a temporary file of its own.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Self

from cuebook.persistence.history.arguments import Block, block_keys
from cuebook.persistence.history.call_form import Call, CallForm
from cuebook.persistence.history.reuse import EarlierRun, set_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

__all__ = ["Cursor"]


class _Track:
    """An earlier run that has been the same list so far: its keys, one block in memory at a time."""

    def __init__(self, run: EarlierRun, left: bytearray) -> None:
        self.run = run
        self.left = left
        self._keys = _keys(run.blocks)

    def next_key(self) -> bytes | None:
        return next(self._keys, None)


def _keys(blocks: Sequence[Block]) -> Iterator[bytes]:
    for block in blocks:
        yield from block_keys(block)


class Cursor:
    """Claims earlier results for calls that are fed one at a time, in the order in which they are read.

    Each result is claimed at most once, and a call finds one wherever one is left: so n equal calls need n
    results. Runs that began with the same calls are compared place by place; the first call that is not
    found there builds an index of what is left, in a temporary file that is gone with the cursor.

    Args:
        earlier: runs of the same function.
        form: how its calls are known.

    Cost: 2 us a call that stands where it stood, else some 10 us, and once 3 us a result that is left.
    Memory: a byte a result, and 8 MB.
    """

    def __init__(self, earlier: Sequence[EarlierRun], form: CallForm | None = None) -> None:
        self._key = (CallForm() if form is None else form).key
        newest_first = sorted(earlier, key=lambda run: -run.number)
        self._runs = [(run, bytearray(run.completed)) for run in newest_first if run.completed.count(1)]
        self._lefts = {run.number: left for run, left in self._runs}
        self._tracks = [_Track(run, left) for run, left in self._runs]
        self._unclaimed = sum(left.count(1) for _, left in self._runs)
        self._place = 0
        self._index: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def claim(self, call: Call) -> tuple[int, int] | None:
        """The run and the place of the result that the next call takes; None where it has to be computed."""
        if not self._unclaimed:
            return None
        key, place = self._key(call), self._place
        self._place += 1
        found: tuple[int, int] | None = None
        going_on: list[_Track] = []
        for track in self._tracks:
            if track.next_key() == key:
                going_on.append(track)
                if found is None and place < len(track.left) and track.left[place]:
                    found = (track.run.number, place)
        self._tracks = going_on
        found = found or self._look_up(key)
        if found is not None:
            self._lefts[found[0]][found[1]] = 0
            self._unclaimed -= 1
        return found

    def close(self) -> None:
        """Drop the index. The cursor finds nothing more."""
        self._unclaimed = 0
        if self._index is not None:
            self._index.close()
            self._index = None

    def _look_up(self, key: bytes) -> tuple[int, int] | None:
        if self._index is None:
            self._index = self._build()
        while True:
            row = self._index.execute(
                "SELECT rowid, run, place FROM calls WHERE key = ? ORDER BY rowid LIMIT 1", (key,)
            ).fetchone()
            if row is None:
                return None
            number, run, place = row
            self._index.execute("DELETE FROM calls WHERE rowid = ?", (number,))
            if self._lefts[run][place]:  # else it was claimed at its own place in the meantime
                return run, place

    def _build(self) -> sqlite3.Connection:
        index = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # a file that SQLite deletes itself
        index.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000;")
        index.execute("CREATE TABLE calls (key BLOB NOT NULL, run INTEGER NOT NULL, place INTEGER NOT NULL)")
        index.execute("BEGIN")
        index.executemany("INSERT INTO calls VALUES (?, ?, ?)", self._unclaimed_rows())
        index.execute("CREATE INDEX by_key ON calls (key)")
        index.execute("COMMIT")
        return index

    def _unclaimed_rows(self) -> Iterator[tuple[bytes, int, int]]:
        for run, left in self._runs:
            start = 0
            for block in run.blocks:
                spans = list(set_places(left, start, start + block.count))
                if spans:
                    keys = block_keys(block)
                    for at, stop in spans:
                        for place in range(at, stop):
                            yield keys[place - start], run.number, place
                start += block.count
