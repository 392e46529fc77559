"""The family of experiments: how their records are folded, and that all of them stay. Knows no run and no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.experiments.line import LineState
from cuebook.persistence.history.family import Fold, Numbering
from cuebook.persistence.history.state import JournalState
from cuebook.persistence.records.experiment_heads import (
    AttemptBegun,
    AttemptEnded,
    CheckpointKept,
    CheckpointsDropped,
    ExperimentOpened,
)
from cuebook.persistence.records.record import Entry, Kind, Record

__all__ = ["ExperimentFamily"]


class ExperimentFamily:
    """What is kept of an experiment."""

    @property
    def folds(self) -> Mapping[Kind, Fold]:
        return _FOLDS

    def staying(self, state: JournalState, kept: frozenset[int], *, drop_events: bool) -> _AllStays:
        del state, kept, drop_events
        return _AllStays()

    def salvaged(self, state: JournalState, record: Record) -> Entry | None:
        del state, record
        return None


class _AllStays:
    """An experiment's journal is small: its files lie elsewhere."""

    def keeps(self, record: Record) -> bool:
        del record
        return True

    def keeps_state(self, record: Record) -> bool:
        del record
        return True

    def last_words(self, numbering: Numbering, journal_id: bytes) -> Sequence[Entry]:
        del numbering, journal_id
        return ()


def _opened(state: JournalState, record: Record) -> None:
    if state.line is not None:
        raise JournalCorrupt(f"record {record.seq} opens a second experiment", seq=record.seq)
    state.line = LineState(ExperimentOpened.decode(record.head))


def _line(state: JournalState, record: Record) -> LineState:
    if state.line is None:
        raise JournalCorrupt(f"record {record.seq} belongs to an experiment that was never opened", seq=record.seq)
    return state.line


def _begun(state: JournalState, record: Record) -> None:
    _line(state, record).begin(AttemptBegun.decode(record.head))


def _kept(state: JournalState, record: Record) -> None:
    _line(state, record).add(record.seq, CheckpointKept.decode(record.head))


def _ended(state: JournalState, record: Record) -> None:
    _line(state, record).end(AttemptEnded.decode(record.head))


def _dropped(state: JournalState, record: Record) -> None:
    _line(state, record).drop(CheckpointsDropped.decode(record.head))


_FOLDS: dict[Kind, Fold] = {
    Kind.EXPERIMENT_OPENED: _opened,
    Kind.ATTEMPT_BEGUN: _begun,
    Kind.CHECKPOINT_KEPT: _kept,
    Kind.ATTEMPT_ENDED: _ended,
    Kind.CHECKPOINTS_DROPPED: _dropped,
}
