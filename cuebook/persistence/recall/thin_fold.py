"""The fold of a large journal without the records of its calls, which are folded in, run by run, where they are needed.

Most of a journal is results, and a run takes results of few earlier ones. A run that is not closed, and one that kept
states of calls, is whole from the start; so is one of whose calls one was forgotten. Knows no run's plan.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator

from cuebook.persistence.history.replay import JournalState, apply
from cuebook.persistence.journal.contents import ListedRecords
from cuebook.persistence.journal.records import JournalRecords
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.run_heads import Forgetting, Forgotten, Reused

__all__ = ["ThinFold"]

_OF_CALLS = frozenset({Kind.COMPLETED, Kind.FAILED, Kind.REUSED, Kind.STATE})


class ThinFold:
    """Which runs of a state lack their calls, and how these come in.

    Args:
        state: an empty one, which is filled. lock: held while calls come in, by whatever thread asks.
    """

    def __init__(self, state: JournalState, lock: threading.RLock) -> None:
        self._state = state
        self._lock = lock
        self._file: JournalRecords | None = None
        self._thin: set[int] = set()
        self._sources: dict[int, set[int]] = {}
        self._forgotten = set[int]()

    def begin(self, file: JournalRecords, told: ListedRecords, end: int, on_record: Callable[[Record], None]) -> bool:
        """Fold the records up to `end`, without those of calls.

        Args:
            told: where they are. on_record: is given each of them, once it is folded.

        Returns:
            False: it cannot be done, as something was forgotten of a run that went on; the state is of no use.

        Raises:
            JournalCorrupt: a record is damaged or missing.
        Cost: 15 us a run and record of arguments, and a pass over those behind `told` without looking at others.
        """
        self._file = file
        with_states = set[int]()
        for record in told.records(file, end):
            if record.kind is Kind.REUSED:
                self._sources.setdefault(record.run, set()).update(_sources_of(record))
            elif record.kind is Kind.STATE:
                with_states.add(record.run)
            elif record.kind is Kind.FORGOTTEN and not self._is_of_closed_runs(record):
                return False
            else:
                apply(self._state, record)
                if record.kind is Kind.RUN_OPENED:
                    self._state.runs[record.run].leave_calls_out(self._load)
                    self._thin.add(record.run)
            on_record(record)
        self._state.last_seq = end
        self._fill(with_states | {number for number in self._thin if self._state.runs[number].closed is None})
        return True

    def before(self, file: JournalRecords, record: Record) -> None:
        """Make ready for a record that was appended since: what it bears on has to be whole."""
        self._file = file
        if record.kind is Kind.FORGOTTEN:
            self._is_of_closed_runs(record)
        elif record.kind in _OF_CALLS:
            self._fill({record.run, *(_sources_of(record) if record.kind is Kind.REUSED else ())})

    def _is_of_closed_runs(self, record: Record) -> bool:
        """Make ready for a record of something forgotten; whether all that it bears on had ended."""
        head, runs = Forgotten.decode(record.head), self._state.runs
        if head.what is Forgetting.CALL:
            self._state.last_seq = record.seq - 1
            concerned = self._fill({head.run} if head.run is not None else ())
        else:
            concerned = {
                number
                for number in self._thin
                if number == head.run
                or (head.what is Forgetting.FUNCTION and runs[number].opened.function == head.function)
            }
            self._forgotten |= concerned
        return all(runs[number].closed is not None for number in concerned)

    def _load(self, number: int) -> None:
        with self._lock:
            self._fill({number})

    def _fill(self, numbers: Collection[int]) -> set[int]:
        """Fold the calls of these runs in, and those of all that they took results from, before them or with them.

        Returns:
            the runs that have come in.
        """
        wanted, waiting = set[int](), [number for number in numbers if number in self._thin]
        while waiting:
            number = waiting.pop()
            if number in self._thin and number not in wanted:
                wanted.add(number)
                waiting.extend(self._sources.get(number, ()))
        if not wanted:
            return wanted
        assert self._file is not None
        state = self._state
        end = state.last_seq
        for number in wanted:
            state.runs[number].begin_calls()
        try:
            for low, high in _joined(
                (run.opened_seq, run.closed_seq or end) for run in map(state.runs.get, wanted) if run
            ):
                for record in self._file.records(
                    after=low - 1, until=high, kinds=sorted(_OF_CALLS), runs=sorted(wanted), bodies=False
                ):
                    apply(state, record)
        except BaseException:
            for number in wanted:  # half of it is nothing to go on from
                state.runs[number].leave_calls_out(self._load)
            raise
        finally:
            state.last_seq = end
        self._thin -= wanted
        for number in wanted & self._forgotten:
            state.runs[number].forget_all()
        return wanted


def _sources_of(record: Record) -> Iterator[int]:
    return (source for source, *_ in Reused.decode(record.head).ranges)


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of records, ascending, such as overlap in one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found
