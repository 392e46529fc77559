"""Rows that were finished before: in the side file of a run that did not end, or in what an earlier run has kept.

Knows no engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cuebook.api.journal import Journal
from cuebook.data.polars_at_hand import polars
from cuebook.data.rows.frames import ROW, RowFrames
from cuebook.workplace.chain_frames import CODE, HIDDEN, KEY, PART

__all__ = ["EarlierRows", "rows_in_journal", "rows_in_parquet"]

_PART_ROWS = 50_000


class EarlierRows:
    """Finished rows by their keys.

    Args:
        frames: of them, the ones that count first in front.

    Attributes:
        count: how many calls they are of.
    """

    def __init__(self, frames: Sequence[Any]) -> None:
        pl = polars()
        there = [frame for frame in frames if frame.height]
        self._frame = None
        self.count = 0
        if there:
            whole = pl.concat(there, how="vertical_relaxed")
            self._frame = whole.unique([KEY, PART], keep="first", maintain_order=True)
            self.count = self._frame[KEY].n_unique()

    def of(self, batch: Any) -> Any:
        """The rows of those keys of a batch that are known: the function's columns, ours, and the row of the batch.

        Args:
            batch: a frame with the columns KEY and ROW.
        """
        if self._frame is None:
            return None
        found = batch.select(ROW, KEY).join(self._frame, on=KEY, how="inner")
        return found if found.height else None


def rows_in_parquet(path: Path, names: Sequence[str], codes: Sequence[int] | None) -> Any:
    """The rows of a kept step.

    Args:
        path: of its Parquet. names: the function's columns. codes: of which code's making; None: whichever.
    """
    pl = polars()
    lazy = pl.scan_parquet(path)
    if not {KEY, *names} <= set(lazy.collect_schema().names()):
        return pl.DataFrame()
    if codes is not None:
        lazy = lazy.filter(pl.col(CODE).is_in(list(codes)))
    return lazy.select(*names, *HIDDEN).collect()


def rows_in_journal(path: Path, frames: RowFrames, codes: Sequence[int] | None, trust: str | None) -> list[Any]:
    """The rows in a side file.

    Args:
        path: of it. frames: makes frames of them. codes: as for `rows_in_parquet`. trust: as for `chunk()`.

    Raises:
        JournalNotTrusted, JournalError: it cannot be used.
    """
    if not path.exists():
        return []
    found: list[Any] = []
    given: list[Any] = []
    with Journal.open(path, trust=trust) as journal:
        for result in journal.results(run="all"):
            value = result.value
            if _is_of_rows(value, frames, codes):
                given.append(value)
            if len(given) >= _PART_ROWS:
                found.append(frames.frame(given))
                given = []
    return [*found, frames.frame(given)] if given else found


def _is_of_rows(value: Any, frames: RowFrames, codes: Sequence[int] | None) -> bool:
    """Whether a result is of this code, and of calls that give rows as these do."""
    if type(value) is not list or len(value) != 3 or (codes is not None and value[1] not in codes):
        return False
    width = len(frames.outputs.names)
    is_single = len(value[0]) == 16
    return (frames.is_batch or is_single) and all(len(row) == width for row in value[2])
