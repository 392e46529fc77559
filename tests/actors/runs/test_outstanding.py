"""What a worker has and has not answered, compared with a plain model."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook.actors.runs.outstanding import Outstanding


def filled(*batches: Sequence[int]) -> Outstanding:
    out = Outstanding()
    for batch in batches:
        out.add(batch)
    return out


def test_a_fresh_worker_has_nothing() -> None:
    out = Outstanding()
    assert (out.calls, len(out), out.indexes(), out.clear()) == (0, 0, [], [])


def test_answers_in_order_empty_it_message_by_message() -> None:
    out = filled(range(0, 3), range(3, 5))
    assert out.answer_run(0, 2)
    assert (out.calls, len(out), out.indexes()) == (3, 2, [2, 3, 4])
    assert out.answer_run(2, 1)
    assert (out.calls, len(out)) == (2, 1)
    assert out.answer_run(3, 2)
    assert (out.calls, len(out), out.indexes()) == (0, 0, [])


def test_one_answer_may_span_several_messages_and_end_within_one() -> None:
    out = filled(range(0, 3), range(3, 6), [6, 7, 9])
    assert out.answer_run(0, 7)
    assert out.indexes() == [7, 9]


def test_an_answer_out_of_order_leaves_the_rest_in_order() -> None:
    out = filled(range(0, 4), [10, 8])
    assert out.answer([2, 8])
    assert out.indexes() == [0, 1, 3, 10]


@pytest.mark.parametrize("again", [lambda out: out.answer_run(0, 2), lambda out: out.answer([1])])
def test_what_is_not_outstanding_is_told(again: object) -> None:
    out = filled(range(0, 2), range(2, 4))
    assert out.answer_run(0, 2)
    assert not again(out)  # type: ignore[operator]
    assert out.indexes() == [2, 3]


def test_a_run_of_numbers_that_nobody_was_given_is_told() -> None:
    out = filled([4, 6])
    assert not out.answer_run(4, 3)


def test_clearing_gives_back_what_was_left_and_only_that() -> None:
    out = filled(range(0, 4), range(4, 6))
    out.answer_run(0, 3)
    assert out.clear() == [3, 4, 5]
    assert (out.calls, len(out), out.indexes()) == (0, 0, [])


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]]]:
    """Batches of distinct indexes, and subsets of them in any order as answers."""
    numbers = draw(st.lists(st.integers(0, 60), unique=True, max_size=24))
    batches, at = [], 0
    while at < len(numbers):
        size = draw(st.integers(1, 6))
        part = numbers[at : at + size]
        batches.append(sorted(part) if draw(st.booleans()) else part)
        at += size
    answers, left = [], list(numbers)
    while left and draw(st.booleans()):
        picked = draw(st.lists(st.sampled_from(left), unique=True, min_size=1, max_size=6))
        answers.append(picked)
        left = [number for number in left if number not in picked]
    return batches, answers


def as_range_if_it_is_one(batch: list[int]) -> Sequence[int]:
    is_one = batch == list(range(batch[0], batch[0] + len(batch)))
    return range(batch[0], batch[0] + len(batch)) if is_one else batch


@given(histories())
@settings(deadline=None)
def test_it_never_loses_or_invents_a_call(history: tuple[list[list[int]], list[list[int]]]) -> None:
    batches, answers = history
    out = filled(*map(as_range_if_it_is_one, batches))
    model = [number for batch in batches for number in batch]
    for answer in answers:
        is_run = answer == list(range(answer[0], answer[0] + len(answer)))
        assert out.answer_run(answer[0], len(answer)) if is_run else out.answer(answer)
        model = [number for number in model if number not in answer]
        assert out.indexes() == model
        assert out.calls == len(model)
    assert out.clear() == model
