"""The replay: what the records say is what is completed, claimed, failed, kept and closed; nothing else is."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.errors import JournalCorrupt
from cuebook.persistence.history.replay import JournalState, replay
from cuebook.persistence.history.run import RESULTS_MAX, RunStatus
from cuebook.persistence.records.chain import FIRST_LINK, checked, rows_of
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.run_heads import (
    Closing,
    Completed,
    Failed,
    Forgetting,
    Forgotten,
    JournalOpened,
    Reason,
    Reused,
)
from cuebook.persistence.stores.port import Holder
from tests.support.journals import arguments, closed, completed, completed_head, opened, state

FIRST = Entry(Kind.JOURNAL, 0, JournalOpened(b"i" * 16, 1, 1.5, "0.1.0").encode())


def records(entries: Sequence[Entry]) -> list[Record]:
    return list(checked(rows_of([FIRST, *entries], 0, FIRST_LINK), bodies=True, gapless=1))


def folded(*entries: Entry) -> JournalState:
    return replay(records(entries))


def scattered(places: list[int], run: int = 1) -> Entry:
    head = completed_head(None, len(places), struct.pack(f"<{len(places)}I", *places))
    return Entry(Kind.COMPLETED, run, head.encode(), b"values")


def failed(index: int, run: int = 1) -> Entry:
    return Entry(Kind.FAILED, run, Failed(index, 1, 1.5, 0.5, Reason.RAISED, "ValueError", "bad").encode(), b"")


def reused(*ranges: tuple[int, int, int, int], run: int = 2) -> Entry:
    return Entry(Kind.REUSED, run, Reused(ranges).encode())


def forgotten(what: Forgetting, run: int | None = None, function: str | None = None, index: int | None = None) -> Entry:
    return Entry(Kind.FORGOTTEN, 0, Forgotten(what, run, function, index, 1.5).encode())


def test_a_journal_without_runs_has_none() -> None:
    found = folded()
    assert found.opened is not None
    assert found.opened.journal_id == b"i" * 16
    assert (found.runs, found.newest, found.last_seq) == ({}, None, 1)


def test_completed_calls_are_done_and_located_by_record_and_place() -> None:
    run = folded(opened(total=10), completed(2, count=3), scattered([9, 0]), completed(5)).runs[1]
    assert list(run.done) == [1, 0, 1, 1, 1, 1, 0, 0, 0, 1]
    assert run.own == run.done
    assert run.completed == 6
    assert [run.locate(index) for index in (2, 4, 9, 0, 5)] == [(3, 0), (3, 2), (4, 0), (4, 1), (5, 0)]
    assert [run.locate(index) for index in (1, 8, 10, 99, -1)] == [None] * 5
    assert [(seq, list(places)) for seq, places in run.results()] == [(3, [2, 3, 4]), (4, [9, 0]), (5, [5])]


def test_of_two_results_of_a_call_the_first_committed_wins() -> None:
    for second in (completed(1, count=3), scattered([3, 1, 2])):
        run = folded(opened(), completed(1, count=2), second).runs[1]
        assert run.completed == 3
        assert run.locate(1) == (3, 0)
        assert run.locate(3) == (4, list(dict(run.results())[4]).index(3))


def test_locating_follows_what_is_folded_in_later() -> None:
    entries = records([opened(), completed(0), completed(1)])
    found = replay(entries[:3])
    assert found.runs[1].locate(1) is None
    replay(entries[3:], found)
    assert found.runs[1].locate(1) == (4, 0)
    assert found.last_seq == 4


def test_arguments_follow_each_other_without_a_gap() -> None:
    run = folded(opened(), arguments(0, 256), arguments(256, 44), arguments(300, 5, source_run=1)).runs[1]
    assert run.known == 305
    assert [seq for seq, _ in run.arguments] == [3, 4, 5]
    for start in (255, 257):
        with pytest.raises(JournalCorrupt, match="gap"):
            folded(opened(), arguments(0, 256), arguments(start, 44))


def test_the_total_of_an_iterator_is_known_when_the_run_is_closed() -> None:
    assert folded(opened(total=7)).runs[1].total == 7
    assert folded(opened(), arguments(0, 5)).runs[1].total is None
    assert folded(opened(), arguments(0, 5), closed()).runs[1].total == 5


def test_a_call_that_completed_is_no_failure_whichever_came_first() -> None:
    for entries in ([failed(3), completed(3)], [completed(3), failed(3)], [failed(3), scattered([5, 3])]):
        assert folded(opened(), failed(1), *entries).runs[1].failures.keys() == {1}


def test_reused_results_are_done_but_are_not_the_runs_own() -> None:
    found = folded(opened(1), completed(0, count=5), opened(2), reused((1, 2, 0, 3)), completed(3, run=2))
    run = found.runs[2]
    assert list(run.done) == [1, 1, 1, 1]
    assert list(found.claimable(2)) == [0, 0, 0, 1]
    assert list(found.claimable(1)) == [1] * 5
    assert (run.completed, run.reused_count) == (1, 3)
    assert run.reused_from(1) == (1, 3)
    assert run.reused_from(3) is None
    assert found.origin(2, 1) == (1, 3)
    assert found.origin(1, 3) == (1, 3)


@pytest.mark.parametrize("taken", [(1, 4, 0, 3), (1, 9, 0, 1), (7, 0, 0, 1)])
def test_results_that_are_not_there_cannot_be_reused(taken: tuple[int, int, int, int]) -> None:
    with pytest.raises(JournalCorrupt, match="not there"):
        folded(opened(1), completed(0, count=5), opened(2), reused(taken))


def test_of_the_states_of_a_call_the_newest_two_count() -> None:
    run = folded(opened(), *(state(0, b"%d" % n, number=n) for n in range(4)), state(1, b"x")).runs[1]
    assert [(seq, head.number) for seq, head in run.states[0]] == [(5, 2), (6, 3)]
    assert [seq for seq, _ in run.states[1]] == [7]


def test_what_became_of_a_run_is_told_by_its_records_and_the_lock() -> None:
    holder = Holder("node1", 4711, "2026-01-01T00:00:00Z")
    running = folded(opened()).runs[1]
    assert running.status(holder) is RunStatus.RUNNING
    assert running.status(None) is RunStatus.ABANDONED
    assert running.status(Holder("node1", 4712, "")) is RunStatus.ABANDONED
    assert running.status(Holder("node2", 4711, "")) is RunStatus.ABANDONED
    for closing in Closing:
        assert folded(opened(), closed(status=closing)).runs[1].status(holder).value == closing.value


def test_a_forgotten_run_gives_nothing_more_but_keeps_what_it_has() -> None:
    found = folded(opened(1), completed(0, count=3), opened(2), completed(0, run=2), forgotten(Forgetting.RUN, 1))
    assert not any(found.claimable(1))
    assert any(found.claimable(2))
    assert all(found.runs[1].done)
    assert (found.runs[1].is_forgotten, found.runs[2].is_forgotten) == (True, False)


def test_a_forgotten_function_forgets_its_runs_so_far() -> None:
    entries = [
        *(opened(1), completed(0), opened(2, function="other"), completed(0, run=2)),
        *(forgotten(Forgetting.FUNCTION, function="clean"), opened(3), completed(0, run=3)),
    ]
    found = folded(*entries)
    assert [found.claimable(run).ones for run in (1, 2, 3)] == [0, 1, 1]


def test_forgetting_a_reused_call_forgets_the_result_it_took() -> None:
    found = folded(
        opened(1), completed(0, count=3), opened(2), reused((1, 1, 0, 2)), forgotten(Forgetting.CALL, 2, None, 1)
    )
    assert list(found.claimable(1)) == [1, 1, 0]


def test_forgetting_what_was_never_there_changes_nothing() -> None:
    forgets = [
        forgotten(Forgetting.CALL, 9, None, 1),
        forgotten(Forgetting.CALL, 1, None, 99),
        forgotten(Forgetting.RUN, 7),
    ]
    assert list(folded(opened(1), completed(0), *forgets).claimable(1)) == [1]


@pytest.mark.parametrize("entry", [completed(0), arguments(0, 1), failed(0), state(0, b""), closed(), reused(run=1)])
def test_a_record_of_a_run_that_was_never_opened_is_damage(entry: Entry) -> None:
    with pytest.raises(JournalCorrupt, match="never opened") as caught:
        folded(entry)
    assert caught.value.seq == 2


def test_a_run_is_opened_once() -> None:
    with pytest.raises(JournalCorrupt, match="again"):
        folded(opened(1), opened(1))


@pytest.mark.parametrize("entry", [completed(10), completed(8, count=3), scattered([1, 10]), completed(RESULTS_MAX)])
def test_a_result_for_a_call_that_the_run_has_not_is_damage_and_costs_no_memory(entry: Entry) -> None:
    with pytest.raises(JournalCorrupt, match="which run 1 has not"):
        folded(opened(total=10), entry)
    if entry is not None and Completed.decode(entry.head).start == RESULTS_MAX:
        with pytest.raises(JournalCorrupt, match="which run 1 has not"):
            folded(opened(), entry)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(0, 30), st.integers(1, 8)), st.lists(st.integers(0, 38), min_size=1, unique=True)
        )
    )
)
def test_the_fold_agrees_with_a_dictionary(batches: list[tuple[int, int] | list[int]]) -> None:
    model: dict[int, tuple[int, int]] = {}
    entries = [opened()]
    for seq, batch in enumerate(batches, 3):
        places = list(range(batch[0], batch[0] + batch[1])) if isinstance(batch, tuple) else batch
        entries.append(completed(*batch[:1], count=batch[1]) if isinstance(batch, tuple) else scattered(batch))
        for place, index in enumerate(places):
            model.setdefault(index, (seq, place))
    run = folded(*entries).runs[1]
    assert {index for index, is_done in enumerate(run.done) if is_done} == model.keys()
    assert {index: run.locate(index) for index in model} == model
    assert run.completed == len(model)


def test_a_fold_in_two_parts_equals_a_fold_in_one() -> None:
    entries = records(
        [opened(1), completed(0, count=4), failed(5), opened(2), reused((1, 0, 0, 4)), closed(2), state(7, b"x")]
    )
    whole = replay(entries)
    for cut in range(len(entries) + 1):
        parts = replay(entries[cut:], replay(entries[:cut]))
        assert parts.last_seq == whole.last_seq
        for number, run in whole.runs.items():
            other = parts.runs[number]
            assert (other.done, other.own, other.failures, other.closed) == (
                run.done,
                run.own,
                run.failures,
                run.closed,
            )
            assert other.states == run.states
