"""Frames that a job keeps: whether one is there and may be taken over, and how a new one is kept.

Knows no polars beside the notes in a file.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cuebook.data.chain_lineage import ChainLineage
from cuebook.errors import CuebookError, JournalCorrupt
from cuebook.persistence.history.jobs.job import KeptStage
from cuebook.persistence.identity.parts import Part, compare
from cuebook.persistence.records.job_heads import StageKept
from cuebook.stages.progress.stage_news import StageNews
from cuebook.stages.reasons import FIRST_TIME, RESET, change_reasons, reason_line
from cuebook.stages.stage_run import current_stage
from cuebook.stages.stored_value import StageBody, version_of
from cuebook.workplace.chain_frames import CHAIN
from cuebook.workplace.file_store import FileStore

if TYPE_CHECKING:
    from cuebook.stages.job import Job

__all__ = ["KeptFrames", "whole_file"]

_whole: set[tuple[bytes, int]] = set()
"""Digest and time of change of files that were read through in this process."""


def whole_file(files: FileStore, head: StageKept) -> Path:
    """The Parquet of a kept frame, read through once in a process.

    Raises:
        JournalCorrupt: it is missing or damaged.
    """
    path = Path(files.blobs.path_of(head.digest))
    try:
        known = (head.digest, path.stat().st_mtime_ns)
    except OSError:
        known = (head.digest, -1)
    if known not in _whole:
        files.blobs.check_whole(head.digest, head.size)
        _whole.add(known)
    return path


class KeptFrames:
    """The frames of one job.

    Args:
        job: whose they are.

    Attributes:
        saving: name of the data set that is being made; None: none is.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._book = job.book
        self.saving: str | None = None
        self._began: dict[bytes, StageNews] = {}

    def find(self, name: str, hash_: bytes, lineage: ChainLineage) -> tuple[KeptStage | None, str]:
        """The kept frame of a lineage; else None, and why it is not taken ("" where there is none)."""
        kept = self._book.state.stages.get(hash_)
        if kept is None:
            return None, ""
        refusal = self._refusal(kept, name, lineage)
        if refusal:
            return None, refusal
        self._take_over(kept, lineage)
        return kept, ""

    def newest(self, name: str) -> KeptStage | None:
        """What was kept last under a name, whatever it was made of."""
        found = [kept for (each, _), kept in list(self._book.state.by_name.items()) if each == name]
        return max(found, key=lambda kept: kept.seq, default=None)

    def earlier(self, name: str) -> KeptStage | None:
        """The same of frames whose file is whole, unless it is to be left alone."""
        kept = self.newest(name)
        if kept is None or kept.head.form != CHAIN or self.is_reset(kept, name):
            return None
        try:
            whole_file(self._job.workplace.files, kept.head)
        except CuebookError:
            return None
        return kept

    def is_reset(self, kept: KeptStage | None, name: str) -> bool:
        """Whether what earlier runs have done under a name is to be left alone, or all of the data set being made."""
        reset = self._job.reset
        is_older = kept is None or kept.run != self._book.run
        return is_older and (reset.is_all or not reset.stages.isdisjoint((name, self.saving)))

    def reasons(self, before: KeptStage | None, lineage: ChainLineage, refusal: str) -> list[str]:
        """Why a frame is made, where one was before."""
        if refusal:
            return [refusal]
        if before is None:
            return [FIRST_TIME]
        parts = StageBody.decode(self._book.body(before.seq)).parts
        return change_reasons(compare(parts, lineage.parts)) or ["what it is made of has changed"]

    def begin(self, name: str, hash_: bytes, reasons: Sequence[str], *, is_said: bool = True) -> None:
        """Tell why a frame is made, where it was before.

        Args:
            is_said: whether people are told; else only those are who watch each step.
        """
        job = self._job
        if list(reasons) != [FIRST_TIME]:
            job.is_redone[hash_] = name
            if is_said:
                job.said_once(reason_line(name, reasons))
        if RESET in reasons or "it is to be done again" in reasons:
            job.is_reset.add(hash_)
        self._began[hash_] = StageNews(
            hash_, name, 0, "running", reasons=() if list(reasons) == [FIRST_TIME] else reasons
        )
        job.show(self._began[hash_])

    def note(self, hash_: bytes, text: str) -> None:
        """Tell whoever watches something of a frame that is being made."""
        if hash_ in self._began:
            self._job.show(replace(self._began[hash_], note=text))

    def keep(
        self, name: str, number: int, hash_: bytes, *, file: Path | KeptStage, rows: int, lineage: ChainLineage,
        began: float, reasons: Sequence[str], notes: Sequence[Part] = (),
    ) -> KeptStage:  # fmt: skip
        """Keep a Parquet; its record is on disk when this returns, and the file has gone into the store.

        Args:
            file: the Parquet; or a kept frame, whose file it has too. notes: parts that are told and do not count.

        Raises:
            JournalError, WorkplaceError: it could not be kept; the file lies where it was.
        """
        job, hide = self._job, self._book.hiding.hide
        with job.workplace.files.in_use():
            if isinstance(file, Path):
                digest, size, _ = job.workplace.files.adopt(file)
            else:
                digest, size = file.head.digest, file.head.size
            version = job.versions.take(name, self._book.folder.name)
            head = StageKept(
                hash_, name, number, version, CHAIN, digest, size, (), rows, digest[:16], began, time.time() - began,
                lineage.upstream, lineage.reads, b"", tuple(hide(reason) for reason in reasons),
            )  # fmt: skip
            body = StageBody((*lineage.parts, *notes), lineage.packages, None)
            kept = self._book.keep_stage(head, body.encode(hide))
        self._know(kept)
        job.show(StageNews(hash_, name, 0, "done", rows=rows, seconds=head.seconds, version=version))
        return kept

    def say_damaged(self, kept: KeptStage, error: JournalCorrupt) -> str:
        """A kept frame turned out to be damaged: its file goes; gives the reason for making it again."""
        self._job.workplace.files.blobs.remove(kept.head.digest)
        return f"its stored value is damaged ({error})"

    def _refusal(self, kept: KeptStage, name: str, lineage: ChainLineage) -> str:
        job, head = self._job, kept.head
        if self.is_reset(kept, name):
            return RESET if job.reset.is_all else "it is to be done again"
        if kept.run != self._book.run and any(each in job.is_reset for each in lineage.upstream):
            return "what it follows is to be done again"
        if not job.versions.is_there(head.stage, head.version):
            return "its data set was deleted"
        try:
            job.workplace.files.check(version_of(head))
        except CuebookError as error:
            return f"its stored value cannot be read ({error})"
        return ""

    def _take_over(self, kept: KeptStage, lineage: ChainLineage) -> None:
        head = kept.head
        self._book.skip(kept.seq)
        self._job.show(StageNews(head.hash, head.stage, 0, "skipped", rows=head.rows, version=head.version))
        self._know(kept)
        if lineage.unseen:
            names = ", ".join(lineage.unseen[:3])
            self._job.said_once(
                f"{head.stage} has parts that cuebook cannot see into ({names}): it is taken over even if these have "
                "changed; name what it depends on with depends=, or set version="
            )

    def _know(self, kept: KeptStage) -> None:
        head = kept.head
        self._job.used[head.stage] = (head.version, head.hash, head.value)
        self._job.values[head.value] = (head.hash, head.value, head.stage)
        run = current_stage.get()
        if run is not None:
            run.has_used(head.hash)
            for read in head.reads:
                run.has_read(read)
