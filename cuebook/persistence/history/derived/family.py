"""The family of contents: records that say where others are. Nothing of them is folded, and nothing of them stays.

Knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cuebook.persistence.history.family import Fold, Numbering
from cuebook.persistence.history.state import JournalState
from cuebook.persistence.records.contents_heads import DERIVED
from cuebook.persistence.records.record import Entry, Kind, Record

__all__ = ["ContentsFamily"]


class ContentsFamily:
    """What is derived from other records, whose numbers it names: another journal has other ones."""

    @property
    def folds(self) -> Mapping[Kind, Fold]:
        return _FOLDS

    def staying(self, state: JournalState, kept: frozenset[int], *, drop_events: bool) -> _NothingStays:
        del state, kept, drop_events
        return _NothingStays()

    def salvaged(self, state: JournalState, record: Record) -> Entry | None:
        del state, record
        return None


class _NothingStays:
    def keeps(self, record: Record) -> bool:
        del record
        return False

    def keeps_state(self, record: Record) -> bool:
        del record
        return False

    def last_words(self, numbering: Numbering, journal_id: bytes) -> Sequence[Entry]:
        del numbering, journal_id
        return ()


def _nothing(state: JournalState, record: Record) -> None:
    del state, record


_FOLDS: dict[Kind, Fold] = dict.fromkeys(DERIVED, _nothing)
