"""When each call of a run began, how long it took, and with which record it was kept: read off the journal.

Knows no value: only the heads of records are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cuebook.persistence.history.marks import Marks
from cuebook.persistence.records.bodies import durations_of, starts_of
from cuebook.persistence.records.record import Kind
from cuebook.persistence.records.run_heads import Completed

if TYPE_CHECKING:
    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.journal.reader import Reader

__all__ = ["RunTimes", "read_times"]


@dataclass(frozen=True, slots=True)
class RunTimes:
    """The calls that a run made itself, in the order in which they began; all sequences in that order.

    Attributes:
        indexes: which calls.
        starts: when they began, seconds after the run was opened.
        seconds: how long they took; of a call that failed, its last attempt.
        records: number of the record that each result was kept with.
        failed: those that failed for good.
    """

    indexes: Sequence[int]
    starts: Sequence[float]
    seconds: Sequence[float]
    records: Sequence[int]
    failed: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.indexes)


def read_times(reader: Reader, run: RunState) -> RunTimes:
    """The times of a run's own calls; calls that took an earlier result have none.

    Raises:
        JournalCorrupt: a record is damaged.
    Cost: about 10 us a record and 1 us a call; 100 bytes a call.
    """
    opened = run.opened.started
    calls = [(start - opened, index, seconds, seq) for seq, index, start, seconds in _completed(reader, run)]
    failed = frozenset(run.failures)
    calls += [(head.started - opened, index, head.seconds, seq) for index, (seq, head) in run.failures.items()]
    calls.sort()
    starts, indexes, seconds, records = zip(*calls, strict=True) if calls else ((), (), (), ())
    return RunTimes(indexes, starts, seconds, records, failed)


def _completed(reader: Reader, run: RunState) -> Iterator[tuple[int, int, float, float]]:
    """Record, call, start since the epoch, seconds; of a call that completed twice what was committed first."""
    seen = Marks()
    for record in reader.records(kinds=(Kind.COMPLETED,), runs=(run.number,), bodies=False):
        head = Completed.decode(record.head)
        for index, start, seconds in zip(head.places, starts_of(head), durations_of(head), strict=True):
            if not seen[index]:
                seen.add(index, index + 1)
                yield record.seq, index, head.t0 + start, seconds
