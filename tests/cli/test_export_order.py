"""The order of exported lines."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from cuebook.cli.export import in_order
from cuebook.persistence.history.marks import DoneCalls, Marks


def having(flags: Sequence[int]) -> DoneCalls:
    made = Marks()
    for index, flag in enumerate(flags):
        made.add(index, index + flag)
    return DoneCalls(made)


@given(st.lists(st.booleans(), max_size=60), st.randoms(use_true_random=False))
def test_lines_come_in_the_order_of_their_indexes_and_none_is_lost(done: list[bool], chance: random.Random) -> None:
    indexes = [index for index, is_done in enumerate(done) if is_done]
    shuffled = chance.sample(indexes, len(indexes))
    lines = list(in_order(((index, f"{index}") for index in shuffled), having(done)))
    assert lines == [f"{index}" for index in indexes]


@given(st.permutations(range(30)), st.integers(0, 40))
def test_however_little_may_wait_each_line_comes_once(order: list[int], waiting_max: int) -> None:
    lines = list(in_order(((index, f"{index}") for index in order), having([1] * 30), waiting_max=waiting_max))
    assert sorted(lines, key=int) == [f"{index}" for index in range(30)]


def test_lines_that_are_in_order_do_not_wait_for_calls_that_have_no_result() -> None:
    taken: list[int] = []

    def lines() -> Iterator[tuple[int, str]]:
        for index in (0, 2, 3, 7):
            taken.append(index)
            yield index, "line"

    for count, _ in enumerate(in_order(lines(), having([1, 0, 1, 1, 0, 0, 0, 1])), start=1):
        assert len(taken) == count
