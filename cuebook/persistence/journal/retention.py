"""Which kept states are dropped: of a call all but the newest two, and all once it is completed; of a stream all but
the newest few.

Knows no store; it decides, and the journal acts in the same transaction as the append.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cuebook.persistence.records.bodies import STATES_KEPT, completed_places
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import Completed, StateKept
from cuebook.persistence.records.stream_heads import SnapshotKept

__all__ = ["Retention", "RetentionPlan"]

_Call: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class RetentionPlan:
    """States to drop, and what is kept of each touched call when that is done."""

    drops: list[int] = field(default_factory=list)
    kept: dict[_Call, list[int]] = field(default_factory=dict)


class Retention:
    """The states kept in a journal, by run and call."""

    def __init__(self, kept: Iterable[tuple[int, int, int]] = ()) -> None:
        """`kept` is (number of the record, run, index of the call; 0 of a stream) of each state in the store,
        ascending.
        """
        self._kept: dict[_Call, list[int]] = {}
        for seq, run, index in kept:
            self._kept.setdefault((run, index), []).append(seq)

    def plan(self, entries: Sequence[Entry], states: Mapping[int, bytes], seq: int) -> RetentionPlan:
        """What appending `entries` after record `seq` does to the states; nothing is changed until `accept`."""
        plan = RetentionPlan()
        for position, entry in enumerate(entries):
            if position in states:
                call, most = _owner_of(entry)
                kept = [*plan.kept.get(call, self._kept.get(call, [])), seq + position + 1]
                plan.drops.extend(kept[:-most])
                plan.kept[call] = kept[-most:]
            elif entry.kind is Kind.COMPLETED and (self._kept or plan.kept):
                for index in completed_places(Completed.decode(entry.head)):
                    call = (entry.run, index)
                    plan.drops.extend(plan.kept.get(call, self._kept.get(call, [])))
                    plan.kept[call] = []
        return plan

    def accept(self, plan: RetentionPlan) -> None:
        """The plan was carried out."""
        for call, kept in plan.kept.items():
            if kept:
                self._kept[call] = kept
            else:
                self._kept.pop(call, None)


def _owner_of(entry: Entry) -> tuple[_Call, int]:
    """Whose state an entry tells of, a call's or a stream's, and how many of the newest are kept."""
    if entry.kind is Kind.SNAPSHOT:
        return (entry.run, 0), SnapshotKept.decode(entry.head).keep
    return (entry.run, StateKept.decode(entry.head).index), STATES_KEPT
