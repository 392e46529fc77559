"""Journals that have seen much: chains of runs, and failures by the thousand, cost what they hold and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cuebook.persistence.history.arguments_read import CallArguments, segments
from cuebook.persistence.history.replay import JournalState, apply, state_of
from cuebook.persistence.history.results import origins
from cuebook.persistence.history.run import ReusedRange, RunState
from cuebook.persistence.history.run_parts import recorded_outline
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.records.record import Entry, Record
from cuebook.persistence.records.run_heads import Failed, Reason, Reused
from cuebook.persistence.values import ValueDecoder
from tests.support.journals import arguments, completed, completed_head, opened, opened_head, write

CHAIN = 3000


def reused(run: int, source: int, count: int = 2) -> Entry:
    return Reused(((source, 0, 0, count),)).entry(run)


def chain() -> Iterator[Entry]:
    """Runs of which each names the one before for its arguments and its results."""
    yield from (opened(1, total=2), arguments(0, 2), completed(0, count=2))
    for number in range(2, CHAIN):
        yield opened(number, total=2, options={"outlines": None})
        yield arguments(0, 2, run=number, source_run=number - 1, source_start=0)
        yield reused(number, number - 1)


def folded(entries: Iterator[Entry]) -> JournalState:
    state = JournalState()
    for seq, entry in enumerate(entries, start=2):
        apply(state, Record(seq, entry.kind, entry.run, entry.head, entry.body, b""))
    return state


def test_a_chain_of_thousands_of_runs_is_followed_to_its_beginning() -> None:
    state = folded(chain())
    last = CHAIN - 1
    assert [(each.run, each.start, each.count) for each in segments(state, last)] == [(1, 0, 2)]
    assert origins(state, last) == [ReusedRange(1, 0, 0, 2)]
    assert state.origin(last, 1) == (1, 1)
    assert recorded_outline(state, last, 1) is None


class Watched(dict[int, Any]):
    """Failures that count how often they are all gone through."""

    passes = 0

    def __iter__(self) -> Iterator[int]:
        Watched.passes += 1
        return super().__iter__()


def failed(index: int) -> Failed:
    return Failed(index, 1, 0.0, 0.0, Reason.RAISED, "ValueError", "no")


def test_a_result_does_not_go_through_all_failures_so_far() -> None:
    run = RunState(1, 2, opened_head(1))
    run.failures = Watched()
    for index in range(0, 4000, 2):
        run.add_failed(index + 3, failed(index))
        run.add_completed(index + 4, completed_head(index + 1))
    assert Watched.passes == 0 and len(run.failures) == 2000
    run.add_completed(9000, completed_head(0, 4000))
    assert not run.failures


def test_arguments_in_thousands_of_records_are_found_without_going_through_them(tmp_path: Path) -> None:
    from cuebook.persistence.history.arguments import encode_blocks
    from cuebook.persistence.history.run_writer import argument_entries

    path = tmp_path / "x.cue"
    entries = [opened(1, total=None)]
    for start in range(1000):
        entries += argument_entries(1, encode_blocks([[start]]), start)
    write(path, entries)
    with open_reader(path) as reader:
        calls = CallArguments(reader, state_of(reader), ValueDecoder(trusted=False))
        assert [calls.call(1, index) for index in range(1000)] == [[index] for index in range(1000)]
