"""The replay: a pure fold of the journal's records into the state of every run and stream.

Knows no file, opens no body and runs nothing: what is completed is what this gives back.
"""

from __future__ import annotations

from collections.abc import Iterable

from cuebook.persistence.history.derived.family import ContentsFamily
from cuebook.persistence.history.experiments.family import ExperimentFamily
from cuebook.persistence.history.family import Family, Fold
from cuebook.persistence.history.jobs.family import JobFamily
from cuebook.persistence.history.runs import RunFamily
from cuebook.persistence.history.state import JournalState
from cuebook.persistence.history.streams import StreamFamily
from cuebook.persistence.journal.reader import Reader
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.run_heads import JournalOpened

__all__ = ["FAMILIES", "JournalState", "apply", "family_of", "replay", "state_of"]

FAMILIES: tuple[Family, ...] = (RunFamily(), StreamFamily(), ExperimentFamily(), JobFamily(), ContentsFamily())
"""All that a journal can hold beside its first record."""


def apply(state: JournalState, record: Record) -> None:
    """Fold one more record into `state`.

    Raises:
        JournalCorrupt: it contradicts the records before it; the state is as it was.
    Cost: about 4 us for a COMPLETED record.
    """
    _FOLDS[record.kind](state, record)
    state.last_seq = record.seq


def replay(records: Iterable[Record], state: JournalState | None = None) -> JournalState:
    """Fold `records`, in ascending order, into `state` (a new one where it is None). Bodies may be left out.

    Raises:
        JournalCorrupt: a record contradicts those before it.
    """
    state = JournalState() if state is None else state
    for record in records:
        _FOLDS[record.kind](state, record)
        state.last_seq = record.seq
    return state


def state_of(reader: Reader, state: JournalState | None = None) -> JournalState:
    """The state of every run in an open journal now; with `state`, what was read before is not read again.

    Raises:
        JournalError, JournalCorrupt: as `Reader.records`.
    Cost: 4 us a record.
    """
    after = state.last_seq if state else 0
    return replay(reader.records(after=after, bodies=False), state)


def family_of(kind: Kind) -> Family | None:
    """The family that a kind of records belongs to; None of the journal's first one."""
    return next((family for family in FAMILIES if kind in family.folds), None)


def _journal(state: JournalState, record: Record) -> None:
    state.opened = JournalOpened.decode(record.head)


_FOLDS: dict[Kind, Fold] = {Kind.JOURNAL: _journal}
for _family in FAMILIES:
    _FOLDS.update(_family.folds)
