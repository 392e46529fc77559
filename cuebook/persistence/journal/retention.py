"""Which kept states are dropped: of a call all but the newest two, and all once it is completed; of a stream all but
the newest few.

Knows no store; it decides, and the journal acts in the same transaction as the append.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cuebook.persistence.records.families import dropped_by, kept_by
from cuebook.persistence.records.head import Owner
from cuebook.persistence.records.record import Entry

__all__ = ["Retention", "RetentionPlan"]


@dataclass(slots=True)
class RetentionPlan:
    """States to drop, and what is kept of each touched owner when that is done."""

    drops: list[int] = field(default_factory=list)
    kept: dict[Owner, list[int]] = field(default_factory=dict)


class Retention:
    """The states kept in a journal, by their owners."""

    def __init__(self, kept: Iterable[tuple[int, Owner]] = ()) -> None:
        """`kept` is the number of the record and the owner of each state in the store, ascending."""
        self._kept: dict[Owner, list[int]] = {}
        for seq, owner in kept:
            self._kept.setdefault(owner, []).append(seq)

    def plan(self, entries: Sequence[Entry], states: Mapping[int, bytes], seq: int) -> RetentionPlan:
        """What appending `entries` after record `seq` does to the states; nothing is changed until `accept`."""
        plan = RetentionPlan()
        for position, entry in enumerate(entries):
            told = kept_by(entry) if position in states else None
            if told is not None:
                kept = [*plan.kept.get(told.owner, self._kept.get(told.owner, [])), seq + position + 1]
                plan.drops.extend(kept[: -told.most])
                plan.kept[told.owner] = kept[-told.most :]
            elif self._kept or plan.kept:
                for owner in dropped_by(entry):
                    plan.drops.extend(plan.kept.get(owner, self._kept.get(owner, [])))
                    plan.kept[owner] = []
        return plan

    def accept(self, plan: RetentionPlan) -> None:
        """The plan was carried out."""
        for owner, kept in plan.kept.items():
            if kept:
                self._kept[owner] = kept
            else:
                self._kept.pop(owner, None)
