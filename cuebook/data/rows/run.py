"""The run of one row step: its calls on the engine, each finished row in a side file, the results as pieces of Parquet.

Knows no job: where its files lie is said.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from cuebook.api.chunker import stream
from cuebook.data.errors import DataError
from cuebook.data.plan import MAPPED, RowStep
from cuebook.data.polars_at_hand import polars
from cuebook.data.rows.call import row_call
from cuebook.data.rows.frames import ROW, RowFrames
from cuebook.data.rows.input import RowBatch, RowInput
from cuebook.errors import CallFailed
from cuebook.workplace.chain_frames import CODE, HIDDEN, KEY, PART

__all__ = ["FAILURES", "RowCounts", "RowRun"]

PIECE_ROWS = 100_000
AHEAD_BATCHES = 4
"""So many batches of rows, and two more a worker, are read ahead of the one that is waited for."""
FAILURES = ("error", "error_type")
"""The columns of a row that failed, after those that the function gets."""


@dataclass(slots=True)
class RowCounts:
    """What became of the rows of a step.

    Attributes:
        calls: made by this run. reused: rows that were done before. failed: rows that are left out.
        codes: how many rows of the result were made by which code.
    """

    calls: int = 0
    reused: int = 0
    failed: int = 0
    codes: dict[int, int] = field(default_factory=dict)


class RowRun:
    """Runs one step.

    Args:
        step: the step. rows: its input. frames: makes frames of what is given.
        code: number and digest of its function's code. side: the side file. folder: for the pieces.
        stopping: set from outside, it is stopped.
    """

    def __init__(
        self, step: RowStep, rows: RowInput, frames: RowFrames, *, code: tuple[int, str], side: Path, folder: Path,
        stopping: threading.Event,
    ) -> None:  # fmt: skip
        self._step = step
        self._rows = rows
        self._frames = frames
        self._code, self._version = code
        self._side = side
        self._folder = folder
        self._waiting: deque[RowBatch] = deque()
        self._moving = threading.Condition()
        self._is_over = False
        self._held: list[Any] = []
        self._held_rows = 0
        self._failed: list[tuple[Any, ...]] = []
        self.pieces: list[Path] = []
        self.counts = RowCounts()
        self._stopping = stopping

    def run(self) -> None:
        """Do all rows; the pieces are complete when this returns.

        Raises:
            CallFailed: a row failed, and failures are not collected; what is finished is in the side file.
            DataError: a value does not fit into its column. KeyboardInterrupt, SystemExit: as `chunk()`.
        """
        calls = self._calls()
        first = next(calls, None)
        if first is not None:
            try:
                self._take_all(chain([first], calls))
            finally:
                with self._moving:
                    self._is_over = True
                    self._moving.notify_all()
        if not self._held and not self.pieces:
            self._finish(self._rows.nothing())
        self._write()

    def _take_all(self, calls: Iterator[tuple[Any, ...]]) -> None:
        with closing(self._stream(calls)) as results:
            for done in results:
                self._take(done)
                if self._stopping.is_set():
                    raise DataError(f"{self._step.name} was stopped; the rows that it has finished are kept")

    @property
    def failures(self) -> Any:
        """A frame of the rows that failed: what the function got, and the error; None where there is none."""
        if not self._failed:
            return None
        pl = polars()
        params = self._step.params
        columns = {name: [row[index] for row in self._failed] for index, name in enumerate(params)}
        for index, name in enumerate(FAILURES):
            columns[name] = [row[len(params) + index] for row in self._failed]
        return pl.DataFrame(columns, strict=False)

    def _stream(self, calls: Iterator[tuple[Any, ...]]) -> Generator[Any]:
        step = self._step
        call = row_call(step.func, step.outputs, step.kind, self._code, is_batch=step.is_batch)
        options = {"workers": 1, "keep_arguments": False, **step.options.run}
        errors = "collect" if step.options.collects else "raise"
        yield from stream(
            call, calls, path=self._side, ordered=True, version=self._version, reuse="none", errors=errors, **options
        )

    def _calls(self) -> Iterator[tuple[Any, ...]]:
        """The calls, while their batches are put down to wait for what they give."""
        ahead = AHEAD_BATCHES + 2 * int(self._step.options.run.get("workers") or 1)
        for batch in self._rows.batches():
            with self._moving:
                self._moving.wait_for(lambda: len(self._waiting) < ahead or self._is_over)
                if self._is_over:
                    return
                self._waiting.append(batch)
                self._advance()
            yield from batch.calls

    def _take(self, done: Any) -> None:
        with self._moving:
            batch = self._waiting[0]
            error = done.error
            if error is not None:
                self._note_failure(batch, error)
            batch.given.append(None if error is not None else done.value)
            self.counts.calls += 1
            if batch.is_done:
                self._advance()
                self._moving.notify_all()

    def _advance(self) -> None:
        """Finish the batches in front whose calls are all made."""
        while self._waiting and self._waiting[0].is_done:
            self._finish(self._waiting.popleft())

    def _note_failure(self, batch: RowBatch, error: CallFailed) -> None:
        index = len(batch.given)
        values, cause = batch.calls[index][1:], error.__cause__ or error
        if self._step.is_batch:
            rows = list(zip(*values, strict=True))
        else:
            rows = [values]
        self._failed += [(*row, str(cause), type(cause).__name__) for row in rows]
        self.counts.failed += len(rows)

    def _finish(self, batch: RowBatch) -> None:
        """A batch whose calls are all made: its rows go to the pieces."""
        pl = polars()
        there = [(each, rows) for each, rows in zip(batch.given, batch.numbers, strict=True) if each is not None]
        found = [] if batch.known is None else [batch.known.select(*self._step.outputs.names, *HIDDEN, ROW)]
        self.counts.reused += 0 if batch.known is None else batch.known[ROW].n_unique()
        if there or not found:
            found.insert(0, self._frames.frame([each for each, _ in there], [rows for _, rows in there]))
        made = pl.concat(found, how="vertical_relaxed") if len(found) > 1 else found[0]
        for code, count in made.filter(pl.col(PART) >= 0)[CODE].value_counts().rows():
            self.counts.codes[code] = self.counts.codes.get(code, 0) + count
        self._held.append(self._whole(batch.rows, made.sort(ROW, PART)))
        self._held_rows += made.height
        if self._held_rows >= PIECE_ROWS:
            self._write()

    def _whole(self, rows: Any, made: Any) -> Any:
        """The outputs with what of the input stays beside them."""
        step = self._step
        if step.kind == MAPPED:
            kept = rows.drop(KEY, *(name for name in step.outputs.names if name in rows.columns))
        else:
            kept = rows.select(ROW, *(name for name in step.by if name not in step.outputs.names))
        return kept.join(made, on=ROW, how="inner", maintain_order="left_right").drop(ROW)

    def _write(self) -> None:
        if not self._held:
            return
        pl = polars()
        path = self._folder / f"{len(self.pieces)}.parquet"
        pl.concat(self._held, how="vertical_relaxed").write_parquet(path)
        self.pieces.append(path)
        self._held, self._held_rows = [], 0
