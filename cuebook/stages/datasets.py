"""Data sets: what stages have kept, by name and version. The journals of the jobs are the one truth of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuebook.errors import JournalError, StageError
from cuebook.notices import notice
from cuebook.persistence.history.jobs.job import JobState, KeptStage
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.records.job_heads import StageKept, StageRead
from cuebook.persistence.trust.option import trust_of
from cuebook.stages.job_name import JOURNAL, script_of_program
from cuebook.stages.stage_run import current_stage
from cuebook.stages.stored_value import read_value
from cuebook.stages.versions import TakenVersion, Versions
from cuebook.workplace.location import Workplace, find_workplace

if TYPE_CHECKING:
    from cuebook.stages.job import Job

__all__ = ["Dataset", "DatasetShelf", "datasets", "delete_dataset", "find_dataset", "identity_of", "read_dataset"]


@dataclass(frozen=True)
class Dataset:
    """One version of a data set.

    Attributes:
        name, version: of it.
        rows: how many it has; None where it has none.
        size: of its bytes as they are kept.
        created: when, in seconds since the epoch.
        job: name of the job whose stage has made it.
        lineage: the hash of that stage, in hex.
        upstream: the hashes of what went into it.
        format: how it is kept: "value", or the kind of frame that is kept as Parquet.
    """

    name: str
    version: int
    rows: int | None
    size: int
    created: float
    job: str
    lineage: str
    upstream: tuple[str, ...]
    format: str
    kept: KeptStage = field(repr=False, compare=False)
    journal: Path = field(repr=False, compare=False)
    workplace: Workplace = field(repr=False, compare=False)

    def read(self) -> Any:
        """Its value.

        Raises:
            JournalCorrupt: it is missing or damaged. RecoveryFailed: a part of it cannot be rebuilt here.
        """
        with open_reader(self.journal) as reader:
            is_trusted = reader.verdict().writers <= trust_of(None)
            body = partial(_body, reader, self.kept.seq)
            return read_value(self.kept.head, body, self.workplace.files, trusted=is_trusted)[0]


def _body(reader: Any, seq: int) -> bytes:
    return reader.record(seq).body or b""


class DatasetShelf:
    """All data sets of one `.cuebook/`, each journal read once.

    Args:
        workplace: where they are kept.
    """

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self.versions = Versions(workplace.folder / "datasets")
        self._states: dict[str, JobState | None] = {}

    def names(self) -> Iterator[str]:
        """The names of those that have a version."""
        return (name for name in self.versions.names() if self.of(name))

    def of(self, name: str) -> list[Dataset]:
        """The versions of one, oldest first."""
        return [found for taken in self.versions.of(name) if (found := self._found(taken)) is not None]

    def job_state(self, folder: str) -> JobState | None:
        """What is kept of a job; None where its journal cannot be read, and that is said once."""
        if folder not in self._states:
            try:
                with open_reader(self.journal(folder)) as reader:
                    self._states[folder] = state_of(reader).job
            except JournalError as error:
                notice(f"the data sets of job {folder} are left out: {error}")
                self._states[folder] = None
        return self._states[folder]

    def journal(self, folder: str) -> Path:
        """The journal of a job."""
        return self._workplace.folder / "jobs" / folder / JOURNAL

    def _found(self, taken: TakenVersion) -> Dataset | None:
        state = self.job_state(taken.job)
        for kept in () if state is None else state.by_seq.values():
            head = kept.head
            if (head.stage, head.version) == (taken.name, taken.version):
                return self._dataset(kept, head, state.name if state else "", taken.job)
        return None

    def _dataset(self, kept: KeptStage, head: StageKept, job: str, folder: str) -> Dataset:
        upstream = tuple(each.hex() for each in head.upstream)
        return Dataset(
            head.stage, head.version, head.rows, head.size, head.at + head.seconds, job, head.hash.hex(), upstream,
            head.form, kept, self.journal(folder), self._workplace,
        )  # fmt: skip


def datasets(*, all_versions: bool = False) -> list[Dataset]:
    """The data sets that are kept here, in order of name: the newest version of each, or all of them.

    Args:
        all_versions: all of them.

    Cost: one look at the journal of each job that has made one.
    """
    workplace = _workplace()
    if workplace is None:
        return []
    shelf = DatasetShelf(workplace)
    return [each for name in shelf.names() for each in (shelf.of(name) if all_versions else shelf.of(name)[-1:])]


def read_dataset(name: str, version: int | None = None) -> Any:
    """The value of a data set.

    Inside of a stage it counts as something that the stage reads: the stage is done again once it has changed.

    Args:
        name: the stage's. version: None: the one that this run of the job has made or taken over, else the newest.

    Raises:
        StageError: there is no such data set. JournalCorrupt: its value is missing or damaged.
    """
    return find_dataset(name, version).read()


def find_dataset(name: str, version: int | None = None) -> Dataset:
    """A data set, without its value; inside of a stage it counts as read.

    Args:
        name, version: as for `read_dataset`.

    Raises:
        StageError: there is no such data set.
    """
    from cuebook.stages.current import current_if_any
    from cuebook.stages.job import Job

    job = current_if_any()
    found = _chosen(name, version, job if isinstance(job, Job) else None)
    head = found.kept.head
    if isinstance(job, Job):
        job.values[head.value] = (head.hash, head.value, head.stage)
    run = current_stage.get()
    if run is not None:
        run.has_read(StageRead("dataset", name, version or 0, head.hash + head.value))
        run.has_used(head.hash)
    return found


def identity_of(job: Job, name: str, version: int | None) -> bytes:
    """By what a data set is known now: its lineage and its value; empty where there is none."""
    used = job.used.get(name)
    if version is None and used is not None:
        return used[1] + used[2]
    try:
        head = _chosen(name, version, None).kept.head
    except StageError:
        return b""
    return head.hash + head.value


def delete_dataset(name: str, version: int | None = None) -> int:
    """Delete a data set: all of its versions, or one; gives how many. The space is freed by `cuebook gc`.

    The stage that has made it is done again by the next run that needs it.

    Args:
        name: the stage's. version: only this one.

    Raises:
        StageError: there is none.
    """
    workplace = _workplace()
    versions = None if workplace is None else Versions(workplace.folder / "datasets")
    found = [] if versions is None else [each for each in versions.of(name) if version in (None, each.version)]
    if versions is None or not found:
        raise _not_there(name, version)
    for each in found:
        versions.delete(name, each.version)
    return len(found)


def _chosen(name: str, version: int | None, job: Job | None) -> Dataset:
    if version is None and job is not None and name in job.used:
        version = job.used[name][0]
    workplace = _workplace()
    found = [] if workplace is None else DatasetShelf(workplace).of(name)
    for each in reversed(found):
        if version in (None, each.version):
            return each
    raise _not_there(name, version)


def _workplace() -> Workplace | None:
    return find_workplace(script_of_program())


def _not_there(name: str, version: int | None) -> StageError:
    which = f"data set {name}" if version is None else f"version {version} of data set {name}"
    return StageError(f"there is no {which}; cuebook dataset list shows those that there are")
