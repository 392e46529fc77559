"""What becomes of a call: the whole table of decisions."""

from __future__ import annotations

import itertools

import pytest

from cuebook.actors.verdicts import CallLoss, CallVerdict, after_failure, after_loss, pause_s


@pytest.mark.parametrize("retries", range(4))
@pytest.mark.parametrize("attempt", range(1, 6))
def test_an_exception_is_tried_again_exactly_as_often_as_retries_say(attempt: int, retries: int) -> None:
    expected = CallVerdict.RETRY if attempt <= retries else CallVerdict.FAIL
    assert after_failure(attempt, retries, is_stopping=False) is expected


@pytest.mark.parametrize("attempt", range(1, 4))
def test_a_stopping_run_tries_nothing_again(attempt: int) -> None:
    assert after_failure(attempt, 10, is_stopping=True) is CallVerdict.FAIL


@pytest.mark.parametrize("deaths_max", [1, 2, 3])
@pytest.mark.parametrize("deaths", range(4))
def test_a_call_fails_with_its_last_allowed_death_whatever_retries_are_left(deaths: int, deaths_max: int) -> None:
    loss = CallLoss(is_timeout=False, is_killable=True, deaths=deaths, attempt=1)
    expected = CallVerdict.FAIL if deaths + 1 >= deaths_max else CallVerdict.REQUEUE
    for retries in (0, 5):
        assert after_loss(loss, retries, deaths_max, is_stopping=False) is expected


def test_a_call_whose_worker_was_killed_by_the_stop_is_neither_done_nor_failed() -> None:
    for deaths, killable in itertools.product(range(4), (True, False)):
        loss = CallLoss(is_timeout=False, is_killable=killable, deaths=deaths, attempt=1)
        assert after_loss(loss, 0, 3, is_stopping=True) is CallVerdict.DROP


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_timeout_counts_as_an_attempt_and_not_as_a_death(attempt: int) -> None:
    loss = CallLoss(is_timeout=True, is_killable=True, deaths=2, attempt=attempt)
    assert after_loss(loss, 2, 3, is_stopping=False) is (CallVerdict.RETRY if attempt <= 2 else CallVerdict.FAIL)


def test_a_call_that_was_only_abandoned_is_not_tried_again_while_it_runs() -> None:
    loss = CallLoss(is_timeout=True, is_killable=False, deaths=0, attempt=1)
    assert after_loss(loss, 5, 3, is_stopping=False) is CallVerdict.FAIL


def test_pauses_double_from_the_first_up_to_a_minute() -> None:
    assert [pause_s(0.5, attempt) for attempt in range(2, 11)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("attempt", [2, 70, 10**9])
def test_a_pause_is_never_more_than_its_bound_and_never_overflows(attempt: int) -> None:
    assert 0 <= pause_s(1e-9, attempt) <= 60
    assert pause_s(0.0, attempt) == 0
