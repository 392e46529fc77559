"""Where calls come from: each index once, in order, whatever is taken at a time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook.actors.runs.sources import FedSource, ListSource

CALLS = [[number * 10] for number in range(12)]


@st.composite
def ranges(draw: st.DrawFn) -> list[range]:
    edges = sorted(draw(st.lists(st.integers(0, 12), unique=True, max_size=8)))
    return [range(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]


@given(ranges(), st.lists(st.integers(1, 5), min_size=1, max_size=20))
@settings(deadline=None)
def test_a_list_gives_each_call_that_is_to_do_once_in_order(todo: list[range], limits: list[int]) -> None:
    source = ListSource(CALLS, todo)
    wanted = [index for part in todo for index in part]
    taken: list[int] = []
    for limit in limits + [5] * len(wanted):
        got = source.take(limit)
        assert len(got) <= limit
        assert bool(len(got)) is bool(len(wanted) - len(taken))
        assert list(source.arguments(got)) == [CALLS[index] for index in got]
        taken.extend(got)
        assert source.remaining == len(wanted) - len(taken)
        assert source.is_exhausted is (source.remaining == 0)
        assert source.undone() == taken
    assert taken == wanted


def test_a_list_takes_a_full_message_across_gaps() -> None:
    source = ListSource(CALLS, [range(0, 2), range(5, 6), range(9, 12)])
    assert list(source.take(4)) == [0, 1, 5, 9]
    assert list(source.take(4)) == [10, 11]
    assert list(source.take(4)) == []


def test_undone_calls_are_those_taken_and_not_done_in_whatever_order_they_end() -> None:
    source = ListSource(CALLS)
    source.take(6)
    source.done(range(1, 3))
    source.done([5, 0])
    assert source.undone() == [3, 4]
    assert source.total == 12


def test_an_empty_list_is_exhausted_at_once() -> None:
    for source in (ListSource([]), ListSource(CALLS, [])):
        assert source.is_exhausted
        assert not len(source.take(3))
        assert source.remaining == 0


def test_a_fed_source_does_not_know_its_length_before_its_end() -> None:
    source = FedSource()
    source.feed([1])
    assert (source.total, source.remaining, source.is_exhausted) == (None, None, False)
    source.take(1)
    assert not source.is_exhausted
    source.end()
    assert (source.total, source.remaining, source.is_exhausted) == (1, 0, True)


def test_a_fed_source_keeps_what_is_taken_and_not_done_and_no_more() -> None:
    source = FedSource()
    for number in range(100):
        source.feed([number])
        assert list(source.take(1)) == [number]
        assert source.argument(number) == [number]
        assert source.held == 1
        source.done([number])
    assert source.held == 0
    with pytest.raises(KeyError):
        source.argument(5)


def test_reused_calls_have_an_index_and_are_never_taken() -> None:
    source = FedSource()
    assert [source.feed(["a"]), source.skip(), source.feed(["b"])] == [0, 1, 2]
    assert list(source.take(5)) == [0, 2]
    assert source.undone() == [0, 2]
    source.end()
    assert source.total == 3


def test_the_feeder_is_told_when_calls_are_done_and_room_is_there() -> None:
    held: list[int] = []
    source = FedSource()
    source.on_done = lambda: held.append(source.held)
    source.feed([1])
    source.feed([2])
    source.take(2)
    assert held == []
    source.done([1])
    assert held == [1]


def test_neighbours_come_as_a_range_and_others_as_a_list() -> None:
    source = FedSource()
    for number in range(3):
        source.feed([number])
    source.skip()
    source.feed([4])
    assert source.take(2) == range(0, 2)
    assert list(source.take(2)) == [2, 4]
