"""How much goes to a worker: properties over the whole space of loads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook.actors.dispatch import (
    AHEAD_S,
    ARGUMENT_BYTES_MAX,
    BATCH_MAX,
    PATIENCE_S,
    SHORT_S,
    SLOW_S,
    Load,
    WorkerLoad,
    allowance,
    batch_limit,
    take_back,
)


def loads_with(**fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Load]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "batch": st.none() | st.integers(1, 1000),
        "mean_s": st.none() | st.floats(0, 100),
        "remaining": st.none() | st.integers(1, 10**7),
        "workers": st.integers(1, 200),
        "argument_bytes": st.floats(1, 1e8),
        "returned": st.just(0),
    }
    return st.builds(Load, **{**fields, **fixed})


loads = loads_with()
busy = st.builds(lambda calls, batches: WorkerLoad(calls, batches), st.integers(1, 5000), st.integers(1, 600))
workers = st.just(WorkerLoad(0, 0)) | busy


@given(loads)
def test_a_message_holds_at_least_one_call_and_never_too_many_bytes(load: Load) -> None:
    size = batch_limit(load)
    assert size >= 1
    assert size == 1 or size * load.argument_bytes <= ARGUMENT_BYTES_MAX
    assert size <= (load.batch or BATCH_MAX)


@given(loads_with(batch=st.integers(1, 1000), argument_bytes=st.floats(1, ARGUMENT_BYTES_MAX / 1000)))
def test_a_batch_that_the_user_fixed_is_kept_unless_another_worker_would_get_none(load: Load) -> None:
    assert load.batch is not None
    if load.remaining is None or load.remaining >= load.batch * load.workers:
        assert batch_limit(load) == load.batch
    else:
        assert batch_limit(load) == min(load.batch, -(-load.remaining // load.workers))


@given(loads)
def test_an_idle_worker_always_gets_something(load: Load) -> None:
    assert allowance(load, WorkerLoad(0, 0)) >= 1


@given(loads, workers)
@settings(max_examples=300)
def test_what_is_ahead_of_a_worker_is_bounded(load: Load, worker: WorkerLoad) -> None:
    allowed = allowance(load, worker)
    assert allowed >= 0
    assert allowed <= max(batch_limit(load), 4096)


@given(loads_with(mean_s=st.none()), busy)
def test_an_unknown_function_gets_one_message_and_no_more(load: Load, worker: WorkerLoad) -> None:
    assert allowance(load, worker) == 0


@given(loads_with(mean_s=st.floats(AHEAD_S, 1e4)), busy)
def test_long_calls_are_never_queued_behind_another(load: Load, worker: WorkerLoad) -> None:
    assert allowance(load, worker) == 0


@given(loads_with(batch=st.none(), mean_s=st.floats(SHORT_S, 1e4)))
def test_calls_of_a_millisecond_and_more_travel_singly_unless_the_user_says_otherwise(load: Load) -> None:
    assert batch_limit(load) == 1


@given(st.integers(2, 64), st.integers(1, 2000), st.floats(1e-7, 9e-4))
def test_a_short_rest_is_shared_by_the_workers(count: int, remaining: int, mean_s: float) -> None:
    assert batch_limit(Load(None, mean_s, remaining, count, 10.0)) <= max(1, -(-remaining // count))


def test_calls_that_came_back_are_shared_where_nobody_knows_how_many_are_left() -> None:
    assert batch_limit(Load(64, 0.01, None, 2, 10.0)) == 64
    assert batch_limit(Load(64, 0.01, None, 2, 10.0, returned=9)) == 5


@given(loads, st.integers(1, 5000), st.integers(1, 600))
def test_nothing_is_put_behind_a_call_that_may_be_long(load: Load, calls: int, batches: int) -> None:
    """A worker that has not answered yet, that gave calls back, or that is asked to."""
    for worker in (
        WorkerLoad(calls, batches, has_answered=False),
        WorkerLoad(calls, batches, is_slow=True),
        WorkerLoad(calls, batches, is_asked=True),
    ):
        assert allowance(load, worker) == 0


@given(loads)
def test_a_worker_that_has_not_answered_yet_gets_one_message_alone(load: Load) -> None:
    assert allowance(load, WorkerLoad(0, 0, has_answered=False)) == batch_limit(load)


QUICK = Load(None, 0.0001, 0, 2, 10.0)
"""Of 0.1 ms: twenty of them are worth a round trip."""
SLOW = Load(None, 0.010, 0, 2, 10.0)
UNKNOWN = Load(None, None, 0, 2, 10.0)
IDLE = WorkerLoad(0, 0)


def at(calls: int, silent_s: float = 0.0, **more: bool) -> WorkerLoad:
    return WorkerLoad(calls, calls, silent_s=silent_s, **more)


@pytest.mark.parametrize(
    ("load", "workers", "is_dry", "places", "look_again_s"),
    [
        pytest.param(SLOW, [IDLE, IDLE], True, [], None, id="nobody has anything"),
        pytest.param(SLOW, [at(1), IDLE], True, [], None, id="nothing waits"),
        pytest.param(SLOW, [at(2), IDLE], True, [0], None, id="one waits, one is idle"),
        pytest.param(SLOW, [IDLE, at(2)], True, [1], None, id="whatever their places"),
        pytest.param(SLOW, [at(2), IDLE], False, [], SLOW_S, id="there are calls for the idle one elsewhere"),
        pytest.param(SLOW, [at(2)], True, [], None, id="one worker: nobody to give them to"),
        pytest.param(SLOW, [at(2), at(3), IDLE], True, [1], None, id="one is idle: of the one with most"),
        pytest.param(SLOW, [at(2), at(3), IDLE, IDLE], True, [1, 0], None, id="two are idle"),
        pytest.param(SLOW, [at(2, is_asked=True), IDLE], True, [], None, id="it was told already"),
        pytest.param(SLOW, [at(2, is_slow=True), IDLE], True, [], PATIENCE_S, id="it had nothing to give: later"),
        pytest.param(SLOW, [at(2, PATIENCE_S, is_slow=True), IDLE], True, [0], None, id="later"),
        pytest.param(UNKNOWN, [at(2), IDLE], True, [0], None, id="nobody knows how long they take"),
        pytest.param(QUICK, [at(5), IDLE], True, [], PATIENCE_S, id="quick ones are as good as done"),
        pytest.param(QUICK, [at(5, 0.003), IDLE], True, [], PATIENCE_S - 0.003, id="for a while"),
        pytest.param(QUICK, [at(5, PATIENCE_S), IDLE], True, [0], None, id="then they are not"),
        pytest.param(QUICK, [at(50), IDLE], True, [0], None, id="many quick ones are much"),
        pytest.param(SLOW, [at(2), at(2)], True, [], SLOW_S, id="all are busy"),
        pytest.param(SLOW, [at(2, 0.04), at(2, 0.07)], False, [], SLOW_S - 0.07, id="whoever is slow first"),
        pytest.param(SLOW, [at(2, 0.04), at(2, 0.10)], False, [1], SLOW_S - 0.04, id="one is slow"),
        pytest.param(SLOW, [at(2, SLOW_S - 1e-17), at(2)], False, [0], SLOW_S, id="times are not exact"),
        pytest.param(SLOW, [at(1, 60.0), at(1, 60.0)], True, [], None, id="slow ones with nothing behind them"),
    ],
)
def test_calls_are_taken_back(
    load: Load, workers: list[WorkerLoad], is_dry: bool, places: list[int], look_again_s: float | None
) -> None:
    found = take_back(load, workers, is_dry=is_dry)
    assert list(found.places) == places
    assert found.look_again_s == (None if look_again_s is None else pytest.approx(look_again_s))


@given(loads, st.lists(st.builds(WorkerLoad, st.integers(0, 9), st.just(1), silent_s=st.floats(0, 1))), st.booleans())
def test_whoever_waits_behind_another_is_taken_back_or_looked_at_again(
    load: Load, workers: list[WorkerLoad], is_dry: bool
) -> None:
    found = take_back(load, workers, is_dry=is_dry)
    waiting = [place for place, worker in enumerate(workers) if worker.calls > 1 and not worker.is_asked]
    assert set(found.places) <= set(waiting)
    idle = sum(1 for worker in workers if not worker.calls)
    if waiting and len(workers) > 1:
        assert found.look_again_s is not None or len(found.places) >= min(len(waiting), max(idle, 1))
