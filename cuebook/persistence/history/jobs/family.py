"""The family of jobs: how the records of a job are folded, and what of them stays.

Knows no stream and no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.family import Fold, Numbering
from cuebook.persistence.history.jobs.job import JobRun
from cuebook.persistence.history.state import JournalState
from cuebook.persistence.records.job_heads import JobClosed, JobOpened, StageKept, StageState, StepKept
from cuebook.persistence.records.record import Entry, Kind, Record

__all__ = ["JobFamily"]


class JobFamily:
    """What is kept of jobs: all of it stays, as what a later run takes over may be from any earlier one.

    Of checkpoints those stay that are of stages that are not done.
    """

    @property
    def folds(self) -> Mapping[Kind, Fold]:
        return _FOLDS

    def staying(self, state: JournalState, kept: frozenset[int], *, drop_events: bool) -> _JobsStaying:
        del kept, drop_events
        return _JobsStaying(state)

    def salvaged(self, state: JournalState, record: Record) -> Entry | None:
        del state, record
        return None


class _JobsStaying:
    def __init__(self, state: JournalState) -> None:
        self._states = frozenset(seq for kept in state.job.states.values() for seq, _, _ in kept)

    def keeps(self, record: Record) -> bool:
        return record.kind is not Kind.STAGE_STATE or record.seq in self._states

    def keeps_state(self, record: Record) -> bool:
        return record.seq in self._states

    def last_words(self, numbering: Numbering, journal_id: bytes) -> Sequence[Entry]:
        del numbering, journal_id
        return ()


def _opened(state: JournalState, record: Record) -> None:
    if record.run in state.job.runs:
        raise JournalCorrupt(f"record {record.seq} opens run {record.run} of its job again", seq=record.seq)
    state.job.runs[record.run] = JobRun(record.run, JobOpened.decode(record.head))


def _stage(state: JournalState, record: Record) -> None:
    _run(state, record)
    state.job.add_stage(record.seq, record.run, StageKept.decode(record.head))


def _stage_state(state: JournalState, record: Record) -> None:
    _run(state, record)
    state.job.add_state(record.seq, record.run, StageState.decode(record.head))


def _step(state: JournalState, record: Record) -> None:
    _run(state, record)
    state.job.add_step(record.seq, record.run, StepKept.decode(record.head))


def _closed(state: JournalState, record: Record) -> None:
    _run(state, record).closed = JobClosed.decode(record.head)


def _run(state: JournalState, record: Record) -> JobRun:
    try:
        return state.job.runs[record.run]
    except KeyError:
        text = f"record {record.seq} belongs to run {record.run} of a job, which was never opened"
        raise JournalCorrupt(text, seq=record.seq) from None


_FOLDS: dict[Kind, Fold] = {
    Kind.JOB_OPENED: _opened,
    Kind.STAGE_KEPT: _stage,
    Kind.STAGE_STATE: _stage_state,
    Kind.STEP_KEPT: _step,
    Kind.JOB_CLOSED: _closed,
}
