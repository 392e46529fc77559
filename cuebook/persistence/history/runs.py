"""The family of runs: how their records are folded, what of them stays, and what of them can be saved.

Knows no stream and no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.family import Fold, Numbering
from cuebook.persistence.history.run import RunState
from cuebook.persistence.history.state import JournalState
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.run_heads import (
    Arguments,
    Completed,
    Failed,
    Forgetting,
    Forgotten,
    Reused,
    RunClosed,
    RunOpened,
    StateKept,
)

__all__ = ["RunFamily", "dropped_runs"]


class RunFamily:
    """Runs, and what is said about them."""

    @property
    def folds(self) -> Mapping[Kind, Fold]:
        return _FOLDS

    def staying(self, state: JournalState, kept: frozenset[int], *, drop_events: bool) -> _RunsStaying:
        del kept, drop_events
        return _RunsStaying(state)

    def salvaged(self, state: JournalState, record: Record) -> Entry | None:
        """Of what was taken from runs, the part that is still there."""
        if record.kind is not Kind.REUSED or record.run not in state.runs:
            return None
        head = _reduced(state, Reused.decode(record.head))
        state.runs[record.run].add_reused(record.seq, head)
        return head.entry(record.run)


class _RunsStaying:
    """What of the runs stays: all but forgotten ones that no run which stays refers to, and dropped checkpoints."""

    def __init__(self, state: JournalState) -> None:
        self._dropped = dropped_runs(state)
        self._states = _wanted_states(state)

    def keeps(self, record: Record) -> bool:
        if record.run in self._dropped:
            return False
        if record.kind is Kind.STATE:
            return self.keeps_state(record)
        if record.kind is not Kind.FORGOTTEN:
            return True
        head = Forgotten.decode(record.head)
        return head.what is Forgetting.FUNCTION or head.run not in self._dropped

    def keeps_state(self, record: Record) -> bool:
        return record.seq in self._states

    def last_words(self, numbering: Numbering, journal_id: bytes) -> Sequence[Entry]:
        del numbering, journal_id
        return ()


def dropped_runs(state: JournalState) -> set[int]:
    """Forgotten runs that no run which stays refers to."""
    sources: dict[int, set[int]] = {}
    for run in state.runs.values():
        sources[run.number] = {each.source_run for each in run.reused}
        sources[run.number] |= {head.source_run for _, head in run.arguments if head.source_run is not None}
    staying, waiting = set[int](), [run.number for run in state.runs.values() if not run.is_forgotten]
    while waiting:
        number = waiting.pop()
        if number not in staying:
            staying.add(number)
            waiting.extend(sources.get(number, ()))
    return set(state.runs) - staying


def _wanted_states(state: JournalState) -> set[int]:
    """The records of states from which an attempt may still go on: of calls that no run has done since."""
    wanted: dict[tuple[bytes, bytes], list[int]] = {}
    for run in state.with_states.values():
        for index, kept in run.states.items():
            call = run.opened.fingerprint, kept[-1][1].call_key
            if run.done[index]:
                wanted.pop(call, None)
            elif not run.is_forgotten:
                wanted.setdefault(call, []).extend(seq for seq, _ in kept)
    return {seq for seqs in wanted.values() for seq in seqs}


def _reduced(state: JournalState, head: Reused) -> Reused:
    ranges = list[tuple[int, int, int, int]]()
    for source_run, source_start, start, count in head.ranges:
        run = state.runs.get(source_run)
        spans = [] if run is None else run.done.spans(source_start, source_start + count)
        for low, end in spans:
            ranges.append((source_run, low, start + low - source_start, end - low))
    return Reused(tuple(ranges))


def _opened(state: JournalState, record: Record) -> None:
    if record.run in state.runs:
        raise JournalCorrupt(f"record {record.seq} opens run {record.run} again", seq=record.seq)
    run = state.runs[record.run] = RunState(record.run, record.seq, RunOpened.decode(record.head))
    state.by_function.setdefault(run.opened.function, []).append(run)
    state.by_fingerprint.setdefault(run.opened.fingerprint, []).append(run)


def _arguments(state: JournalState, record: Record) -> None:
    state.run_of(record.run, record.seq).add_arguments(record.seq, Arguments.decode(record.head))


def _completed(state: JournalState, record: Record) -> None:
    run = state.runs.get(record.run) or state.run_of(record.run, record.seq)
    run.add_completed(record.seq, Completed.decode(record.head))


def _failed(state: JournalState, record: Record) -> None:
    state.run_of(record.run, record.seq).add_failed(record.seq, Failed.decode(record.head))


def _reused(state: JournalState, record: Record) -> None:
    head = Reused.decode(record.head)
    for source_run, source_start, _, count in head.ranges:
        source = state.runs.get(source_run)
        end = source_start + count
        if source is None or source.done.gap(source_start, end) < end:
            raise JournalCorrupt(
                f"record {record.seq} takes results of run {source_run} that are not there", seq=record.seq
            )
    state.run_of(record.run, record.seq).add_reused(record.seq, head)


def _state(state: JournalState, record: Record) -> None:
    run = state.run_of(record.run, record.seq)
    run.add_state(record.seq, StateKept.decode(record.head))
    state.with_states[run.number] = run


def _closed(state: JournalState, record: Record) -> None:
    state.run_of(record.run, record.seq).add_closed(record.seq, RunClosed.decode(record.head))


def _forgotten(state: JournalState, record: Record) -> None:
    head = Forgotten.decode(record.head)
    if head.what is Forgetting.CALL and head.run is not None and head.index is not None:
        run, index = state.origin(head.run, head.index)
        if run in state.runs:
            state.runs[run].forget(index)
    for run_state in state.runs.values():
        is_run = head.what is Forgetting.RUN and run_state.number == head.run
        if is_run or (head.what is Forgetting.FUNCTION and run_state.opened.function == head.function):
            run_state.forget_all()


_FOLDS: dict[Kind, Fold] = {
    Kind.RUN_OPENED: _opened,
    Kind.ARGUMENTS: _arguments,
    Kind.COMPLETED: _completed,
    Kind.FAILED: _failed,
    Kind.REUSED: _reused,
    Kind.STATE: _state,
    Kind.RUN_CLOSED: _closed,
    Kind.FORGOTTEN: _forgotten,
}
