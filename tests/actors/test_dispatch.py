"""How much goes to a worker: properties over the whole space of loads."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cuebook.actors.dispatch import (
    AHEAD_S,
    ARGUMENT_BYTES_MAX,
    BATCH_MAX,
    SHORT_S,
    Load,
    WorkerLoad,
    allowance,
    batch_limit,
)


def loads_with(**fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Load]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "batch": st.none() | st.integers(1, 1000),
        "mean_s": st.none() | st.floats(0, 100),
        "remaining": st.none() | st.integers(1, 10**7),
        "workers": st.integers(1, 200),
        "argument_bytes": st.floats(1, 1e8),
    }
    return st.builds(Load, **{**fields, **fixed})


loads = loads_with()
busy = st.builds(WorkerLoad, calls=st.integers(1, 5000), batches=st.integers(1, 600))
workers = st.just(WorkerLoad(0, 0)) | busy


@given(loads)
def test_a_message_holds_at_least_one_call_and_never_too_many_bytes(load: Load) -> None:
    size = batch_limit(load)
    assert size >= 1
    assert size == 1 or size * load.argument_bytes <= ARGUMENT_BYTES_MAX
    assert size <= (load.batch or BATCH_MAX)


@given(loads_with(batch=st.integers(1, 1000), argument_bytes=st.floats(1, ARGUMENT_BYTES_MAX / 1000)))
def test_a_batch_that_the_user_fixed_is_kept(load: Load) -> None:
    assert batch_limit(load) == load.batch


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
