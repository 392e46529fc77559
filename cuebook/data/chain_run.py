"""One running of a chain: its steps become lazy frames of polars, its row functions kept frames, its end a data set.

What is kept is taken over; what follows from it is not even looked at.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cuebook.data.chain_lineage import ChainLineage, ChainLineages, saved_hash
from cuebook.data.errors import DataError
from cuebook.data.kept_frames import KeptFrames, whole_file
from cuebook.data.plan import DatasetStep, RelationStep, RowStep, SourceStep, Step, above
from cuebook.data.polars_at_hand import polars
from cuebook.data.polars_errors import told
from cuebook.data.pushing import pushed
from cuebook.data.rows.step_run import RowStepRun
from cuebook.engines.calls.current import current_call
from cuebook.errors import JournalCorrupt, StageError
from cuebook.persistence.history.jobs.job import KeptStage
from cuebook.stages.current import current_job
from cuebook.stages.datasets import find_dataset
from cuebook.stages.job import Job, program_job
from cuebook.workplace.chain_frames import CODE, PART, decoded_objects, metadata_for, metadata_of, users_rows

__all__ = ["ChainRun"]


class ChainRun:
    """Runs chains in the job that holds here, for one operation.

    Args:
        stopping: set from outside: row functions are stopped, and what they have finished is kept.

    Raises:
        StageError: it is inside of a call of `chunk()`. JobBusy: the job is being run by another process.
    """

    def __init__(self, stopping: threading.Event | None = None) -> None:
        if current_call() is not None:
            raise StageError(
                "a chain is run inside of a call of chunk(): run it in the program, and give rows to calls"
            )
        found = current_job(program_job)
        assert isinstance(found, Job)
        self._job = found
        self._kept = KeptFrames(found)
        self._lineages = ChainLineages(found.book.hiding)
        self._stopping = stopping or threading.Event()
        self._frames: dict[Step, KeptStage] = {}
        self._numbers: dict[Step, int] = {}
        self._refusals: dict[Step, str] = {}

    # -- what the face asks for ---------------------------------------------------------------------------------------

    def save(self, step: Step, name: str, damage: str = "") -> KeptStage:
        """Have a chain as a data set of this name: the one that is kept, or a new version.

        Args:
            step: its last step. name: of the data set. damage: why the one that was kept cannot be used.

        Raises:
            CallFailed, DataError: it failed; what is finished is kept.
        """
        with self._alone(step, name) as step:
            lineage = self._lineages.of(step)
            hash_, number = saved_hash(name, lineage), self._job.number_of(name)
            self._number(step)
            kept, refusal = self._kept.find(name, hash_, lineage)
            if kept is not None and not self._is_to_be_retried(step, kept):
                return kept
            if kept is not None:
                refusal = "rows of it have failed"
            before = self._job.state.by_name.get((name, number))
            reasons = self._kept.reasons(before, lineage, damage or refusal)
            self._kept.begin(name, hash_, reasons)
            self._kept.saving = name
            return self._saved(step, name, number, lineage=lineage, hash_=hash_, reasons=reasons)

    def frame(self, step: Step) -> Any:
        """The rows of a chain as the user sees them."""
        return decoded_objects(self.streamed(step, lambda lazy: lazy.collect()))

    def streamed(self, step: Step, end: Callable[[Any], Any]) -> Any:
        """What `end` makes of the lazy frame of a chain."""
        step = pushed(step)
        self._number(step)
        with self._telling(step):
            return end(self.lazy(step))

    def codes(self, step: Step) -> dict[str, int]:
        """How many rows of a data set, or of a function, were made by which code."""
        if not isinstance(step, RowStep | DatasetStep):
            return {}
        pl, path = polars(), self._path_of(step)
        digests = metadata_of(path).get("codes", {})
        lazy = pl.scan_parquet(path)
        if CODE not in lazy.collect_schema().names():
            return {}
        counted = lazy.filter(pl.col(PART) >= 0).group_by(CODE, maintain_order=True).agg(pl.len()).collect()
        return {digests.get(str(code), str(code)): count for code, count in counted.rows()}

    # -- lazy frames --------------------------------------------------------------------------------------------------

    def lazy(self, step: Step) -> Any:
        """The lazy frame of a step, without our own columns; what has to be done before is done."""
        if isinstance(step, SourceStep):
            return step.scan()
        if isinstance(step, RelationStep):
            frames = [self.lazy(step.of)] if step.other is None else [self.lazy(step.of), self.lazy(step.other)]
            return step.apply(*frames)
        return users_rows(polars().scan_parquet(self._path_of(step)))

    def _path_of(self, step: Step) -> Path:
        """The Parquet of a data set or a row step; one that is damaged is made again where its chain is known."""
        kept = self._kept_of(step)
        files = self._job.workplace.files
        try:
            return whole_file(files, kept.head)
        except JournalCorrupt as error:
            if isinstance(step, DatasetStep) and step.of is None:
                raise
            reason = self._kept.say_damaged(kept, error)
        self._frames.pop(step, None)
        if isinstance(step, DatasetStep):
            assert step.of is not None
            self._frames[step] = self.save(step.of, step.name, reason)
        else:
            self._refusals[step] = reason
        return whole_file(files, self._kept_of(step).head)

    def _kept_of(self, step: Step) -> KeptStage:
        found = self._frames.get(step)
        if found is None:
            if isinstance(step, DatasetStep):
                found = self._job.state.stages.get(step.hash)
                if found is None or found.head.value != step.value:
                    found = find_dataset(step.name, step.version).kept
            else:
                assert isinstance(step, RowStep)
                found = self._rows_of(step)
            self._frames[step] = found
        return found

    # -- row steps ----------------------------------------------------------------------------------------------------

    def _rows_of(self, step: RowStep) -> KeptStage:
        """The kept frame of a row step: the one that is there, or a new one."""
        lineage = self._lineages.of(step)
        name = self._named(step)
        kept, refusal = self._kept.find(name, lineage.hash, lineage)
        refusal = self._refusals.pop(step, "") or refusal
        options = step.options
        is_retried = kept is not None and (options.retries_failed or not options.collects) and self._has_failed(kept)
        if kept is not None and not refusal and not is_retried:
            return kept
        refusal = refusal or ("rows of it have failed" if is_retried else "")
        reasons = self._kept.reasons(self._kept.newest(name), lineage, refusal)
        self._kept.begin(name, lineage.hash, reasons, is_said=False)
        run = RowStepRun(self._job, self._kept, step, name=name, lineage=lineage, stopping=self._stopping)
        lazy = self.lazy(step.of)
        with self._telling(step):
            return run.made(lazy, reasons)

    def _named(self, step: RowStep) -> str:
        """By which the rows of a step are kept: the data set that is being made, its columns, and which one of several
        steps that give the same ones it is.
        """
        number = self._numbers.get(step, 1)
        name = step.name if number == 1 else f"{step.name} {number}"
        return name if self._kept.saving is None else f"{self._kept.saving}: {name}"

    def _number(self, step: Step) -> None:
        """Number the row steps of a chain that give the same columns, from its beginning."""
        counts: dict[str, int] = {}
        for each in reversed(list(above(step))):
            if isinstance(each, RowStep):
                self._numbers[each] = counts[each.name] = counts.get(each.name, 0) + 1

    def _whole(self, kept: KeptStage) -> Path:
        return whole_file(self._job.workplace.files, kept.head)

    # -- data sets ----------------------------------------------------------------------------------------------------

    def _saved(
        self, step: Step, name: str, number: int, *, lineage: ChainLineage, hash_: bytes, reasons: list[str]
    ) -> KeptStage:
        began = time.time()
        if isinstance(step, RowStep):
            self._path_of(step)
            rows = self._kept_of(step)
            noted = metadata_of(self._whole(rows))
            file: Path | KeptStage = rows
            count = rows.head.rows or 0
        else:
            file = self._temporary()
            lazy = self.lazy(step)
            noted = {"failed": self._failed_above(step)}
            with self._telling(step):
                lazy.sink_parquet(file, metadata=metadata_for(noted))
            count = polars().scan_parquet(file).select(polars().len()).collect().item()
        try:
            return self._kept.keep(
                name, number, hash_, file=file, rows=count, lineage=lineage, began=began, reasons=reasons
            )
        finally:
            if isinstance(file, Path):
                file.unlink(missing_ok=True)

    def _failed_above(self, step: Step) -> int:
        """How many rows of the row steps of a chain have failed."""
        found = [each for each in above(step) if isinstance(each, RowStep) and each in self._frames]
        return sum(metadata_of(self._whole(self._frames[each])).get("failed", 0) for each in found)

    def _is_to_be_retried(self, step: Step, kept: KeptStage) -> bool:
        options = [each.options for each in above(step) if isinstance(each, RowStep)]
        is_wanted = any(each.retries_failed for each in options) or not any(each.collects for each in options)
        return bool(options) and is_wanted and self._has_failed(kept)

    def _has_failed(self, kept: KeptStage) -> bool:
        """Whether a kept frame lacks rows that have failed; one that cannot be read says so when it is used."""
        try:
            noted = metadata_of(self._job.workplace.files.blobs.path_of(kept.head.digest))
        except (OSError, ValueError, polars().exceptions.PolarsError):
            return False
        return bool(noted.get("failed"))

    def _temporary(self) -> Path:
        folder = self._job.book.folder / "rows"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / f"{uuid.uuid4().hex}.parquet"

    # -- around -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _telling(self, step: Step) -> Iterator[None]:
        """Errors of polars name the line of the user's program."""
        try:
            yield
        except polars().exceptions.PolarsError as error:
            raise DataError(told(error, step)) from error

    @contextmanager
    def _alone(self, step: Step, name: str) -> Iterator[Step]:
        """A chain as it is to be run, while no other thread saves the same one."""
        step = pushed(step)
        key = saved_hash(name, self._lineages.of(step))
        while True:
            with self._job.counting:
                before = self._job.running.get(key)
                if before is None:
                    self._job.running[key] = Future()
                    break
            before.result()
        try:
            yield step
        finally:
            with self._job.counting:
                future = self._job.running.pop(key)
            future.set_result(None)
