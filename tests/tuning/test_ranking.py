"""Which setting is best and how sure that is, from made-up rates."""

from __future__ import annotations

import pytest

from cuebook.tuning.measured import CallSetting
from cuebook.tuning.ranking import contenders, interval, is_stable, ranked

ONE, TWO, FOUR = (CallSetting("process", workers) for workers in (1, 2, 4))


def test_an_interval_needs_three_values_and_holds_their_mean() -> None:
    low, high = interval([100.0, 110.0, 105.0]) or (0.0, 0.0)

    assert interval([100.0, 110.0]) is None
    assert low < 105 < high
    assert interval([7.0] * 5) == pytest.approx((7.0, 7.0))


def test_of_settings_as_good_as_each_other_the_one_with_fewer_workers_is_named() -> None:
    assert ranked({FOUR: [101.0], TWO: [100.0], ONE: [60.0]}) == [TWO, FOUR, ONE]
    assert ranked({FOUR: [120.0], TWO: [100.0]})[0] == FOUR


def test_what_is_far_behind_is_no_contender() -> None:
    assert contenders({FOUR: [100.0], TWO: [90.0], ONE: [50.0]}) == [FOUR, TWO]


def test_a_clear_winner_is_stable_after_three_rounds_and_not_before() -> None:
    assert not is_stable({FOUR: [100.0, 101.0], TWO: [85.0, 86.0]})
    assert is_stable({FOUR: [100.0, 101.0, 99.0], TWO: [85.0, 86.0, 84.0]})


def test_an_order_that_changes_from_round_to_round_is_not_stable() -> None:
    assert not is_stable({FOUR: [100.0, 80.0, 100.0], TWO: [85.0, 99.0, 82.0]})


def test_what_slows_both_rivals_down_does_not_hide_who_is_faster() -> None:
    drifting = {FOUR: [100.0, 50.0, 25.0, 80.0], TWO: [90.0, 45.0, 22.5, 72.0]}

    assert is_stable(drifting)
    assert ranked(drifting)[0] == FOUR


def test_rivals_that_are_the_same_are_stable_and_the_search_has_an_end() -> None:
    assert is_stable({FOUR: [100.0, 101.0, 100.0], TWO: [100.0, 100.5, 100.2]})
    assert is_stable({FOUR: [100.0, 60.0] * 6, TWO: [60.0, 100.0] * 6})
