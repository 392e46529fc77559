"""Sets of calls: what is in them, and what they cost, whatever the numbers."""

from __future__ import annotations

import sys
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from cuebook.persistence.history.marks import DoneCalls, Marks

CALLS = st.integers(0, 9000)
SPANS = st.lists(st.tuples(CALLS, st.integers(0, 5000)).map(lambda span: (span[0], span[0] + span[1])), max_size=12)


def spans_of(calls: set[int], low: int, end: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for call in sorted(call for call in calls if low <= call < end):
        if found and found[-1][1] == call:
            found[-1] = (found[-1][0], call + 1)
        else:
            found.append((call, call + 1))
    return found


@given(SPANS, st.lists(CALLS, max_size=8), CALLS, CALLS)
def test_marks_are_a_set_of_numbers(added: list[tuple[int, int]], dropped: list[int], low: int, end: int) -> None:
    marks, model = Marks(), set[int]()
    for start, stop in added:
        assert marks.add(start, stop) == len(set(range(start, stop)) - model)
        model |= set(range(start, stop))
    twin = marks.copy()
    for call in dropped:
        marks.drop(call)
    assert twin.ones == len(model)
    model -= set(dropped)
    assert marks.ones == len(model)
    assert list(marks.spans(low, end)) == spans_of(model, low, end)
    assert marks.gap(low, end) == next((call for call in range(low, end) if call not in model), max(low, end)) or (
        end < low
    )
    assert bool(marks[low]) == (low in model)
    assert [at for at, flag in enumerate(marks.flags(9500)) if flag] == sorted(call for call in model if call < 9500)


@given(SPANS, SPANS, CALLS, CALLS)
def test_done_calls_are_those_made_and_those_taken(
    made: list[tuple[int, int]], taken: list[tuple[int, int]], low: int, end: int
) -> None:
    marks, model = Marks(), set[int]()
    done = DoneCalls(marks)
    for start, stop in made:
        marks.add(start, stop)
        model |= set(range(start, stop))
    for start, stop in taken:
        if start < stop:
            done.take(start, stop)
            model |= set(range(start, stop))
    assert done.count() == len(model)
    assert list(done.spans(low, end)) == spans_of(model, low, end)
    assert bool(done[low]) == (low in model)
    if low < end:
        assert done.gap(low, end) == next((call for call in range(low, end) if call not in model), end)


def test_a_number_decides_nothing_about_memory_or_time() -> None:
    tracemalloc.start()
    try:
        marks = Marks()
        done = DoneCalls(marks)
        marks.add(1 << 33, (1 << 33) + 1)
        done.take(0, 1 << 40)
        assert marks.find(0) == 1 << 33 and marks.gap(0, 1 << 60) == 0
        assert done.count() == 1 << 40 and done.find(7) == 7 and done.gap(0, 1 << 50) == 1 << 40
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_million_calls_that_are_all_in_it_cost_next_to_nothing() -> None:
    marks = Marks()
    for start in range(0, 1_000_000, 250):
        marks.add(start, start + 250)
    kept = {id(page): sys.getsizeof(page) for page in marks._pages.values()}
    assert marks.ones == 1_000_000 and sum(kept.values()) < 20_000
