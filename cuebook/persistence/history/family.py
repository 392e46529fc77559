"""The port of a family of records: what belongs together in a journal, such as runs, or streams.

A feature that keeps records of its own writes their heads (`records/families.py` names the module), and one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from cuebook.persistence.history.state import JournalState
from cuebook.persistence.records.record import Entry, Kind, Record

__all__ = ["Family", "Fold", "Numbering", "Staying"]

Fold: TypeAlias = Callable[[JournalState, Record], None]
"""Folds one record into the state; raises JournalCorrupt, and changes nothing, where it contradicts those before it."""


Numbering: TypeAlias = Sequence[tuple[int, int, int]]
"""Triples `(old, new, count)`: the records `[old, old + count)` have the numbers from `new` on."""


class Staying(Protocol):
    """What of a family's records a compaction leaves in the journal."""

    def keeps(self, record: Record) -> bool:
        """Whether the record stays."""

    def keeps_state(self, record: Record) -> bool:
        """Whether the state that it tells of stays, where it does itself and the state is still there."""

    def last_words(self, numbering: Numbering, journal_id: bytes) -> Sequence[Entry]:
        """What the new journal, which has this id, is told at its end, once every record was asked for."""


class Family(Protocol):
    """What belongs together in a journal."""

    @property
    def folds(self) -> Mapping[Kind, Fold]:
        """Its kinds, and how each is folded in."""

    def staying(self, state: JournalState, kept: frozenset[int], *, drop_events: bool) -> Staying:
        """What of it stays, where the states of the records `kept` are still there."""

    def salvaged(self, state: JournalState, record: Record) -> Entry | None:
        """As much of a record that does not fit those before it as does, folded in; None where nothing of it does."""
