"""What a durable actor owes and has received, as the fold of its records. Plain data; sends nothing."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cuebook.durable.owed.duties import Address, Duty
from cuebook.persistence.records.stream_heads import Duties, DutyRow, Received

__all__ = ["KeptDuties", "address_in", "cleared", "number_in"]

_MARK = "\0"
_STALE_MAX = 64


@dataclass(slots=True)
class KeptDuties:
    """The fold.

    Attributes:
        owed: by key; deliveries have keys that no reminder can have.
        numbers: number of the last delivery to each receiver, by the receiver's name.
        seen: number of the last delivery that came from each sender.
    """

    owed: dict[str, DutyRow] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    _times: list[tuple[float, str]] = field(default_factory=list, repr=False, compare=False)

    def take(self, rows: Iterable[DutyRow]) -> None:
        """Fold rows in."""
        for row in rows:
            key, _, frame, target = row
            if frame is None:
                self.owed.pop(key, None)
            else:
                self.owed[key] = row
                self._push(row)
            if target is not None:
                name = address_in(row).name
                self.numbers[name] = max(self.numbers.get(name, 0), number_in(key))

    def receive(self, rows: Iterable[tuple[str, int]]) -> None:
        """Fold deliveries in that were handled."""
        for sender, number in rows:
            self.seen[sender] = max(self.seen.get(sender, 0), number)

    def rows_of(self, duties: Sequence[Duty], now: float) -> list[DutyRow]:
        """Fold new duties in, which get their times and numbers; gives their rows."""
        rows = []
        for duty in duties:
            row = self._row(duty, now)
            self.take((row,))
            rows.append(row)
        return rows

    def _row(self, duty: Duty, now: float) -> DutyRow:
        target = duty.target
        if target is None:
            return duty.key, duty.due_from(now), duty.frame, None
        number = self.numbers.get(target.name, 0) + 1
        return f"{_MARK}{number}{_MARK}{target.name}", now, duty.frame, [target.type, target.id, target.where]

    def packed(self) -> list[Any]:
        """As plain data, for a snapshot."""
        return [list(self.owed.values()), self.numbers, self.seen]

    @classmethod
    def unpacked(cls, data: list[Any]) -> KeptDuties:
        """The inverse of `packed`. Raises what data that does not fit raises."""
        rows, numbers, seen = data
        found = cls(numbers=dict(numbers), seen=dict(seen))
        found.take(Duties.of_fields([rows]).rows)
        found.receive(Received.of_fields([list(seen.items())]).rows)
        return found

    def next_due(self) -> float | None:
        """When something is to be done next, in seconds since 1970; None: never.

        Cost: as many steps as duties were set or cleared since it was asked last, whatever is owed.
        """
        times, owed = self._times, self.owed
        while times and ((row := owed.get(times[0][1])) is None or row[1] != times[0][0]):
            heapq.heappop(times)
        return times[0][0] if times else None

    def _push(self, row: DutyRow) -> None:
        heapq.heappush(self._times, (row[1], row[0]))
        if len(self._times) > 2 * len(self.owed) + _STALE_MAX:  # most are of duties that are owed no more
            self._times[:] = [(each[1], key) for key, each in self.owed.items()]
            heapq.heapify(self._times)


def cleared(key: str) -> DutyRow:
    """The row by which a duty is owed no more."""
    return key, 0.0, None, None


def number_in(key: str) -> int:
    """The number of the delivery that has this key; 0 of a reminder."""
    return int(key.split(_MARK)[1]) if key.startswith(_MARK) else 0


def address_in(row: DutyRow) -> Address:
    """The receiver of a delivery."""
    assert row[3] is not None
    type_name, id, where = row[3]
    return Address(type_name, id, where)
