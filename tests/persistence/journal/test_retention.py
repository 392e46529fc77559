"""Of the states of a call the newest two are kept, and none once the call is completed."""

from __future__ import annotations

import struct

from cuebook.persistence.journal.retention import Retention
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import Completed
from tests.support.journals import completed, state


def test_the_third_state_of_a_call_drops_the_first() -> None:
    retention = Retention([(5, (1, 0)), (6, (1, 0)), (7, (1, 1))])
    plan = retention.plan([state(0, b"x")], {0: b"x"}, 7)
    assert plan.drops == [5]
    retention.accept(plan)
    assert retention.plan([state(0, b"y")], {0: b"y"}, 8).drops == [6]


def test_a_plan_that_was_not_accepted_changes_nothing() -> None:
    retention = Retention([(5, (1, 0)), (6, (1, 0))])
    retention.plan([state(0, b"x")], {0: b"x"}, 7)
    assert retention.plan([state(0, b"x")], {0: b"x"}, 9).drops == [5]


def test_states_of_one_batch_count_too() -> None:
    entries = [state(0, b"a"), state(1, b"b"), state(0, b"c"), state(0, b"d")]
    plan = Retention([(5, (1, 0))]).plan(entries, dict.fromkeys(range(4), b""), 10)
    assert plan.drops == [5, 11]


def test_runs_are_kept_apart() -> None:
    assert Retention([(5, (1, 0)), (6, (1, 0))]).plan([state(0, b"x", run=2)], {0: b"x"}, 7).drops == []


def test_a_completed_call_drops_its_states() -> None:
    retention = Retention([(5, (1, 3)), (6, (1, 4)), (7, (1, 4)), (8, (1, 9))])
    plan = retention.plan([completed(3, count=2)], {}, 8)
    assert plan.drops == [5, 6, 7]
    retention.accept(plan)
    assert retention.plan([completed(0, count=20)], {}, 9).drops == [8]


def test_a_call_that_is_completed_in_the_batch_of_its_state_leaves_none() -> None:
    retention = Retention()
    plan = retention.plan([state(3, b"x"), completed(3)], {0: b"x"}, 8)
    assert plan.drops == [9]
    retention.accept(plan)
    assert retention.plan([completed(0, count=20)], {}, 10).drops == []


def test_the_places_of_a_record_come_in_the_order_of_its_values() -> None:
    small = Completed(None, struct.pack("<3I", 9, 4, 7), 3, 0.0, bytes(12), bytes(12), bytes(12))
    large = Completed(None, struct.pack("<2Q", 1 << 40, 4), 2, 0.0, bytes(8), bytes(8), bytes(8))
    assert list(small.places) == [9, 4, 7]
    assert list(large.places) == [1 << 40, 4]
    plan = Retention([(5, (1, 4))]).plan([Entry(Kind.COMPLETED, 1, small.encode(), b"")], {}, 8)
    assert plan.drops == [5]
