"""A row step in its job: which rows are done already, where the side file lies, and how what it gives is kept."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuebook.data.chain_lineage import ChainLineage
from cuebook.data.kept_frames import KeptFrames, whole_file
from cuebook.data.plan import RowStep
from cuebook.data.polars_at_hand import polars
from cuebook.data.rows.earlier import EarlierRows, rows_in_journal, rows_in_parquet
from cuebook.data.rows.frames import RowFrames
from cuebook.data.rows.input import RowInput
from cuebook.data.rows.run import RowCounts, RowRun
from cuebook.persistence.history.jobs.job import KeptStage
from cuebook.persistence.identity.digest import blake16
from cuebook.persistence.identity.parts import Part
from cuebook.stages.job_name import folder_name
from cuebook.workplace.chain_frames import PART, metadata_for, metadata_of

if TYPE_CHECKING:
    from cuebook.stages.job import Job

__all__ = ["RowStepRun"]

_SIDE = "rows.cuebook"


class RowStepRun:
    """Runs a row step and keeps what it gives.

    Args:
        job: that it belongs to. kept: its kept frames. step: the step. name: by which its rows are kept.
        lineage: of it. stopping: set from outside, it is stopped.
    """

    def __init__(
        self,
        job: Job,
        kept: KeptFrames,
        step: RowStep,
        *,
        name: str,
        lineage: ChainLineage,
        stopping: threading.Event,
    ) -> None:
        self._job = job
        self._kept = kept
        self._step = step
        self._name = name
        self._lineage = lineage
        self._stopping = stopping
        self._folder = Path()

    def made(self, lazy: Any, reasons: Sequence[str]) -> KeptStage:
        """Run it on a lazy frame; the side file is gone when what it gives is kept.

        Args:
            lazy: the frame. reasons: why it is done.

        Raises:
            CallFailed, DataError: a row failed; what is finished is in the side file.
        """
        with _folder_alone(self._job.book.folder / "rows" / folder_name(self._name)) as self._folder:
            kept = self._made(lazy, reasons)
            shutil.rmtree(self._folder, ignore_errors=True)
            return kept

    def _made(self, lazy: Any, reasons: Sequence[str]) -> KeptStage:
        step, began = self._step, time.time()
        pieces = self._folder / "pieces"
        shutil.rmtree(pieces, ignore_errors=True)
        pieces.mkdir(mode=0o700, parents=True)
        frames = RowFrames.of(step.name, step.outputs, is_batch=step.is_batch)
        earlier, codes = self._earlier(frames)
        code = self._lineage.code_number
        run = RowRun(
            step, RowInput(step, lazy, earlier), frames, code=(code, self._lineage.code.hex()),
            side=self._folder / _SIDE, folder=pieces, stopping=self._stopping,
        )  # fmt: skip
        run.run()
        codes[code] = self._lineage.code.hex()
        notes = _notes(run.counts, codes)
        noted = {
            "codes": {str(number): codes.get(number, "") for number in run.counts.codes},
            "failed": run.counts.failed,
        }
        whole = _joined(run.pieces, pieces / "whole.parquet", noted)
        self._keep_failures(run, began)
        self._tell(run.counts)
        return self._kept.keep(self._name, self._job.number_of(self._name), self._lineage.hash, file=whole,
            rows=sum(run.counts.codes.values()),
            lineage=self._lineage, began=began, reasons=reasons, notes=notes,
        )  # fmt: skip

    def _earlier(self, frames: RowFrames) -> tuple[EarlierRows, dict[int, str]]:
        """The rows that are done, and the digests of the codes that have made them."""
        step, side = self._step, self._folder / _SIDE
        if self._kept.is_reset(None, self._name):
            return EarlierRows([]), {}
        codes = None if self._keeps_old() else [self._lineage.code_number]
        found = rows_in_journal(side, frames, codes, step.options.run.get("trust"))
        digests: dict[int, str] = {}
        kept = self._kept.earlier(self._name)
        if kept is not None:
            path = whole_file(self._job.workplace.files, kept.head)
            found.append(rows_in_parquet(path, step.outputs.names, codes))
            digests = {int(number): digest for number, digest in metadata_of(path).get("codes", {}).items()}
        return EarlierRows(found), digests

    def _keeps_old(self) -> bool:
        if self._step.options.keeps_old and self._kept.saving is None:
            self._job.said_once(
                f"{self._name} keeps no rows of an earlier version (keep=True): only save() says of what"
            )
        return self._step.options.keeps_old and self._kept.saving is not None

    def _keep_failures(self, run: RowRun, began: float) -> None:
        failures = run.failures
        if failures is None:
            return
        title = self._kept.saving or self._name
        name = f"{title}.failures"
        path = self._folder / "pieces" / "failures.parquet"
        failures.write_parquet(path, metadata=metadata_for({}))
        hash_ = blake16(b"failures" + self._lineage.hash)
        self._kept.keep(
            name, self._job.number_of(name), hash_, file=path, rows=failures.height, lineage=self._lineage,
            began=began, reasons=(),
        )  # fmt: skip
        count = run.counts.failed
        self._job.said_once(
            f"{count:,} row{'s' if count != 1 else ''} of {title} failed and {'are' if count != 1 else 'is'} "
            f"left out: see data set {name!r}"
        )

    def _tell(self, counts: RowCounts) -> None:
        if counts.reused:
            self._kept.note(self._lineage.hash, f"{counts.reused:,} rows were done before")


_taken: set[Path] = set()
_taking = threading.Lock()


@contextmanager
def _folder_alone(folder: Path) -> Iterator[Path]:
    """A folder for the rows of one step, which no other thread uses; another one where that is so."""
    with _taking:
        number, free = 1, folder
        while free in _taken:
            number += 1
            free = folder.with_name(f"{folder.name}-{number}")
        _taken.add(free)
    try:
        yield free
    finally:
        with _taking:
            _taken.discard(free)


def _notes(counts: RowCounts, codes: dict[int, str]) -> list[Part]:
    """Which code has made how many rows, where it was more than one."""
    if len(counts.codes) < 2:
        return []
    return [
        Part(f"rows by code {codes.get(number, '')[:12] or number}", codes.get(number, ""), f"{count:,} rows")
        for number, count in counts.codes.items()
    ]


def _joined(pieces: Sequence[Path], target: Path, noted: dict[str, Any]) -> Path:
    """The pieces as one Parquet, which notes what is said of it; of types that differ, the wider one."""
    pl = polars()
    lazy = pl.concat([pl.scan_parquet(piece) for piece in pieces], how="vertical_relaxed")
    lazy.with_columns(pl.col(PART).cast(pl.Int32)).sink_parquet(target, metadata=metadata_for(noted))
    return target
