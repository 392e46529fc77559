"""A row step in its job: which rows are done already, where the side file lies, and how what it gives is kept."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuebook.data.chain_lineage import ChainLineage
from cuebook.data.kept_frames import KeptFrames, whole_file
from cuebook.data.plan import RowStep
from cuebook.data.polars_at_hand import polars
from cuebook.data.rows.earlier import EarlierRows, rows_in_journal, rows_in_parquet
from cuebook.data.rows.frames import RowFrames, object_columns
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
        job: that it belongs to. kept: its kept frames. step: the step. lineage: of it. number: which call of its name.
        stopping: set from outside, it is stopped.

    Attributes:
        title: what is being made, by which its failures are called.
    """

    def __init__(
        self,
        job: Job,
        kept: KeptFrames,
        step: RowStep,
        *,
        lineage: ChainLineage,
        number: int,
        stopping: threading.Event,
    ) -> None:
        self._job = job
        self._kept = kept
        self._step = step
        self._lineage = lineage
        self._number = number
        self._stopping = stopping
        self.title = step.name
        self._folder = job.book.folder / "rows" / f"{folder_name(step.name)}-{number}"

    def made(self, lazy: Any, objects: frozenset[str], reasons: Sequence[str]) -> KeptStage:
        """Run it on a lazy frame; the side file is gone when what it gives is kept.

        Args:
            lazy: the frame. objects: its columns of Python objects. reasons: why it is done.

        Raises:
            CallFailed, DataError: a row failed; what is finished is in the side file.
        """
        step, began = self._step, time.time()
        pieces = self._folder / "pieces"
        shutil.rmtree(pieces, ignore_errors=True)
        pieces.mkdir(mode=0o700, parents=True)
        frames = RowFrames.of(step.name, step.outputs, is_batch=step.is_batch)
        earlier, codes = self._earlier(frames)
        code = self._lineage.code_number
        run = RowRun(
            step, RowInput(step, lazy, objects, earlier), frames, code=(code, self._lineage.code.hex()),
            side=self._folder / _SIDE, folder=pieces, stopping=self._stopping,
        )  # fmt: skip
        run.run()
        codes[code] = self._lineage.code.hex()
        notes = _notes(run.counts, codes)
        noted = {
            "objects": sorted({*object_columns(step.outputs), *objects}),
            "codes": {str(number): codes.get(number, "") for number in run.counts.codes},
            "failed": run.counts.failed,
        }
        whole = _joined(run.pieces, pieces / "whole.parquet", noted)
        self._keep_failures(run, began)
        self._tell(run.counts)
        kept = self._kept.keep(
            step.name, self._number, self._lineage.hash, file=whole, rows=sum(run.counts.codes.values()),
            lineage=self._lineage, began=began, reasons=reasons, notes=notes,
        )  # fmt: skip
        shutil.rmtree(self._folder, ignore_errors=True)
        return kept

    def _earlier(self, frames: RowFrames) -> tuple[EarlierRows, dict[int, str]]:
        """The rows that are done, and the digests of the codes that have made them."""
        step, side = self._step, self._folder / _SIDE
        if self._kept.is_reset(None, step.name):
            return EarlierRows([]), {}
        codes = None if step.options.keeps_old else [self._lineage.code_number]
        found = rows_in_journal(side, frames, codes, step.options.run.get("trust"))
        digests: dict[int, str] = {}
        kept = self._kept.earlier(step.name, self._number)
        if kept is not None:
            path = whole_file(self._job.workplace.files, kept.head)
            found.append(rows_in_parquet(path, step.outputs.names, codes))
            digests = {int(number): digest for number, digest in metadata_of(path).get("codes", {}).items()}
        return EarlierRows(found), digests

    def _keep_failures(self, run: RowRun, began: float) -> None:
        failures = run.failures
        if failures is None:
            return
        name = f"{self.title}.failures"
        path = self._folder / "pieces" / "failures.parquet"
        failures.write_parquet(path, metadata=metadata_for({"objects": []}))
        hash_ = blake16(b"failures" + self._lineage.hash)
        self._kept.keep(
            name, self._number, hash_, file=path, rows=failures.height, lineage=self._lineage, began=began, reasons=(),
        )  # fmt: skip
        count = run.counts.failed
        self._job.said_once(
            f"{count:,} row{'s' if count != 1 else ''} of {self.title} failed and {'are' if count != 1 else 'is'} "
            f"left out: see data set {name!r}"
        )

    def _tell(self, counts: RowCounts) -> None:
        if counts.reused:
            self._job.show(f"{self._step.name}: {counts.reused:,} rows were done before")


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
