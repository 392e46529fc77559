"""The books on one worker: what it owes, which of its answers still count."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.actors.runs.slot import Slot
from cuebook.engines.calls.protocol import Failure, Ready, Results, Returned, SetupFailed
from tests.support.crew import Post

SETUP_FAILED = SetupFailed(1, "setup", "ValueError", "bad", "", None)


def slot_with(*batches: range) -> Slot:
    slot = Slot(0, Post().ref, run=1, losses=2)
    for batch in batches:
        slot.outstanding.add(batch)
    return slot


def failure(index: int) -> Failure:
    return Failure(1, index, 1, 0.0, 0.1, "raised", "ValueError", "bad", "", None)


@pytest.mark.parametrize(
    ("said", "counts", "left", "served"),
    [
        (Results(1, 0, 2, None, 0.1, b"", b""), True, [2, 3], 2),
        (Results(1, 1, 2, [1, 3], 0.1, b"", b""), True, [0, 2], 2),
        (Results(1, 8, 1, None, 0.1, b"", b""), False, [0, 1, 2, 3], 0),
        (failure(0), True, [1, 2, 3], 1),
        (failure(9), False, [0, 1, 2, 3], 0),
        (Returned(1, [2, 3]), True, [0, 1], 0),
        (Returned(1, []), True, [0, 1, 2, 3], 0),
    ],
)
def test_what_a_worker_answers_is_struck_off(said: Any, counts: bool, left: list[int], served: int) -> None:
    slot = slot_with(range(2), range(2, 4))
    assert slot.settle(said, 5.0) is counts
    assert slot.outstanding.indexes() == left
    assert slot.served == served
    assert slot.losses == (0 if served else 2)


@pytest.mark.parametrize("answer", [Ready(1, 7, None), SETUP_FAILED])
def test_of_several_orders_to_prepare_only_the_last_answer_counts(answer: Any) -> None:
    slot = slot_with()
    slot.expect_ready()
    slot.expect_ready()
    assert [slot.settle(answer, 5.0), slot.settle(answer, 5.0)] == [False, True]


def test_a_host_that_ends_leaves_what_it_had_and_the_next_one_is_another() -> None:
    slot = slot_with(range(3))
    slot.is_ready = True
    slot.expect_ready()
    assert slot.lose(1) == [0, 1, 2]
    assert (slot.host, slot.is_ready, slot.awaited, slot.losses, slot.outstanding.calls) == (1, False, 0, 2, 0)
    slot.lose(-1)
    assert (slot.host, slot.losses) == (2, 3)
