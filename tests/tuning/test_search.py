"""The search against made-up machines: which runs it asks for, and when it ends. Time is what the runs say."""

from __future__ import annotations

from collections.abc import Callable

from cuebook.tuning.measured import Bounds, CallCost, CallSetting, Measurement
from cuebook.tuning.ranking import ranked
from cuebook.tuning.search import Findings, search
from cuebook.tuning.space import calls_of_run, fitting_workers, spread

COMPUTES = CallCost(0.01, 0.01, 10)
WAITS = CallCost(0.02, 0.0001, 10)
TINY = CallCost(1e-6, 1e-6, 1000)
PLACES = ("process", "thread")


def found_with(
    cost: CallCost, rate_of: Callable[[CallSetting], float], *, cpus: int = 4, budget_s: float = 60.0
) -> tuple[Findings, float]:
    """A search on a machine where a setting has this rate; with the seconds that its runs took."""
    found, spent_s = Findings(), 0.0
    asked = search(cost, Bounds(cpus, 10_000, PLACES), lambda: budget_s - spent_s, found)
    answer: Measurement | None = None
    while True:
        try:
            setting, calls = asked.send(answer)
        except StopIteration:
            return found, spent_s
        seconds = calls / rate_of(setting)
        spent_s += seconds
        answer = Measurement(setting, calls, seconds) if spent_s <= budget_s else None


def computing(setting: CallSetting) -> float:
    return 95.0 * setting.workers if setting.where == "process" else 98.0


def waiting(setting: CallSetting) -> float:
    return 48.0 * setting.workers / (1 + 0.001 * setting.workers)


def releasing(setting: CallSetting) -> float:
    return (99.0 if setting.where == "thread" else 70.0) * setting.workers


def tiny(setting: CallSetting) -> float:
    return 5e5 if setting.batch == 256 else 1e5


def test_calls_that_compute_are_found_to_want_a_process_for_each_cpu() -> None:
    found, spent_s = found_with(COMPUTES, computing)

    assert ranked(found.rates)[0] == CallSetting("process", 4)
    assert found.is_stable
    assert spent_s < 15


def test_threads_that_the_gil_holds_are_measured_once_and_not_looked_at_further() -> None:
    found, _ = found_with(COMPUTES, computing)

    assert {setting for setting in found.rates if setting.where == "thread"} == {CallSetting("thread", 4)}


def test_threads_win_where_the_function_releases_the_gil() -> None:
    assert ranked(found_with(COMPUTES, releasing)[0].rates)[0] == CallSetting("thread", 4)


def test_calls_that_wait_are_tried_with_many_more_workers_than_cpus() -> None:
    found, _ = found_with(WAITS, waiting)

    assert ranked(found.rates)[0] == CallSetting("thread", 128)


def test_workers_that_start_in_no_time_are_tried_first_where_calls_wait() -> None:
    assert found_with(WAITS, waiting)[0].runs[0].setting.where == "thread"
    assert found_with(COMPUTES, computing)[0].runs[0].setting.where == "process"


def test_batches_are_tried_for_short_calls_alone() -> None:
    assert ranked(found_with(TINY, tiny)[0].rates)[0].batch == 256
    assert all(setting.batch is None for setting in found_with(COMPUTES, computing)[0].rates)


def test_a_budget_is_kept_and_what_there_was_no_time_for_is_named() -> None:
    slow = CallCost(2.0, 2.0, 1)
    found, spent_s = found_with(slow, lambda setting: 0.5 * setting.workers, budget_s=5.0)

    assert spent_s <= 5.0
    assert not found.is_stable
    assert found.left_out
    assert not set(found.left_out) & set(found.rates)


def test_runs_of_rivals_alternate() -> None:
    found, _ = found_with(COMPUTES, lambda setting: 100.0 + setting.workers % 2)
    order = [run.setting for run in found.runs]

    assert all(one != other for one, other in zip(order, order[1:], strict=False))


def test_no_more_workers_are_tried_than_memory_calls_and_cpus_have_room_for() -> None:
    large = CallCost(0.1, 0.0, 1, worker_bytes=1 << 30)

    assert fitting_workers(large, Bounds(8, None, PLACES, 3 << 30), "process") == 3
    assert fitting_workers(large, Bounds(8, None, PLACES, 3 << 30), "thread") == 256
    assert fitting_workers(COMPUTES, Bounds(8, 5, PLACES), "process") == 5
    assert fitting_workers(COMPUTES, Bounds(8, 500, PLACES), "process") == 8


def test_a_run_has_the_same_number_of_calls_for_each_worker() -> None:
    for workers in (1, 3, 7):
        calls = calls_of_run(COMPUTES, CallSetting("process", workers), 4, 0.4)
        assert calls >= workers
        assert calls % workers == 0


def test_the_sample_is_spread_over_all_parameters() -> None:
    assert spread(range(1000), 4) == [0, 250, 500, 750]
    assert spread("abc", 64) == [0, 1, 2]


def test_short_calls_that_cost_more_beside_themselves_than_was_thought_do_not_take_the_budget() -> None:
    found, spent_s = found_with(TINY, lambda setting: 20_000.0 * setting.workers, budget_s=10.0)

    assert spent_s <= 10.0
    assert len(found.runs) >= 8
    assert max(run.seconds for run in found.runs) < 1.0
