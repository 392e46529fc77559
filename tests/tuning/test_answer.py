"""What limits a run, and what the user is told: from made-up measurements."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cuebook.tuning.answer import Tuning
from cuebook.tuning.answering import answer_of
from cuebook.tuning.limits import CAUSES, limit_of, shares_of
from cuebook.tuning.measured import Bounds, CallCost, CallSetting, Measurement, TimedRun
from cuebook.tuning.report import tuning_page
from cuebook.tuning.search import Findings

COMPUTES = CallCost(0.01, 0.01, 10)
WAITS = CallCost(0.01, 0.0, 10)
SHORT = CallCost(1e-6, 1e-6, 1000, encode_s=1e-6)


def traced(where: str, workers: int, *, busy_s: float, calls: int = 100, unkept_s: float | None = None) -> TimedRun:
    """A run of one second."""
    return TimedRun(CallSetting(where, workers), calls, 1.0, 0.0, busy_s, 0.0, unkept_s)


@pytest.mark.parametrize(
    ("cost", "run", "cause"),
    [
        (COMPUTES, traced("process", 2, busy_s=1.95, calls=195), "cpu"),
        (WAITS, traced("thread", 8, busy_s=7.8, calls=780), "waiting"),
        (COMPUTES, traced("thread", 4, busy_s=3.9), "gil"),
        (COMPUTES, traced("process", 4, busy_s=3.9, calls=100), "memory"),
        (COMPUTES, traced("process", 16, busy_s=15.0, calls=390), "cpu"),
        (SHORT, traced("process", 2, busy_s=0.1, calls=100_000), "dispatch"),
        (CallCost(1e-6, 1e-6, 9, encode_s=18e-6), traced("process", 2, busy_s=0.1, calls=100_000), "serialization"),
        (SHORT, traced("process", 2, busy_s=0.1, calls=100_000, unkept_s=0.2), "disk"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_cause_that_took_the_workers_time_is_named(cost: CallCost, run: TimedRun, cause: str) -> None:
    shares = shares_of(cost, run, 4)

    assert limit_of(shares) == cause
    assert sum(getattr(shares, each) for each in CAUSES) == pytest.approx(1.0)
    assert min(getattr(shares, each) for each in CAUSES) >= 0


def answered(
    cost: CallCost | None, rates: dict[CallSetting, float], *, total: int | None = 1000, **more: Any
) -> Tuning:
    found = Findings(is_stable=True)
    for setting, rate in rates.items():
        found.runs += [Measurement(setting, round(rate * seconds), seconds) for seconds in (1.0, 1.0, 1.0)]
    return answer_of("simulate", cost, Bounds(4, total, ("process", "thread"), 1 << 30), found, **more)


def test_the_answer_names_the_setting_the_time_and_how_it_scales() -> None:
    tuning = answered(COMPUTES, {CallSetting("process", n): 95.0 * n for n in (1, 2, 4)})
    text = str(tuning)

    assert tuning.options == {"where": "process", "workers": 4}
    assert tuning.seconds == pytest.approx(1000 / 380)
    assert tuning.rows[0].efficiency == pytest.approx(0.95)
    assert "Best: where='process', workers=4: 380 calls/s, 3.8 times a plain loop." in text
    assert "All 1,000 calls: about 2.63 s" in text
    assert "given as many CPUs: 4: 380, 16: 1,520" in text


def test_calls_of_microseconds_are_told_to_take_many_items_or_to_stay_a_loop() -> None:
    tuning = answered(SHORT, {CallSetting("process", 4): 600_000.0})

    assert not tuning.is_worth_it
    assert "Not worth it as it is: a plain loop makes 1,000,000 calls/s" in str(tuning)
    assert "have the function take many items, 1,000 or so a call" in str(tuning)


def test_numbers_of_workers_beyond_the_cpus_do_not_count_for_the_law_of_calls_that_compute() -> None:
    rates = {CallSetting("process", n): 95.0 * min(n, 4) for n in (1, 2, 4, 8)}

    assert answered(COMPUTES, rates).fits[-1].serial == pytest.approx(0.0, abs=1e-6)


def test_doubts_are_said() -> None:
    cost = CallCost(0.01, 0.02, 10, failed=3, worker_bytes=100 << 20, grown_bytes=2e6)
    text = str(answered(cost, {CallSetting("process", 4): 300.0}, load=3.0))

    assert "load 3.0 on 4 CPUs" in text
    assert "30% of the calls failed" in text
    assert "grows by 2 MB a call" in text
    assert "2.0 CPUs by itself" in text
    assert "10 fit into what is free" in text


def test_an_interrupted_search_says_so_and_gives_what_it_has() -> None:
    text = str(answered(COMPUTES, {CallSetting("process", 4): 380.0}, is_interrupted=True))

    assert "Best: where='process', workers=4" in text
    assert text.endswith("Interrupted: this is what was measured until then.")


def test_where_nothing_was_measured_no_setting_is_guessed() -> None:
    assert answered(None, {}).options == {}
    assert "nothing can be said" in str(answered(None, {}))
    assert "give it more time" in str(answered(COMPUTES, {}))


def test_json_holds_the_answer_with_the_predicted_curve() -> None:
    tuning = answered(COMPUTES, {CallSetting("process", n): 95.0 * n for n in (1, 2, 4)}, total=None)
    value = json.loads(json.dumps(tuning.to_json()))

    assert value["options"] == tuning.options
    assert value["seconds"] is None
    assert value["fits"][0]["predicted"]["64"] == pytest.approx(95.0 * 64)


def test_the_page_has_the_curves_of_what_was_measured_the_calls_and_nothing_from_elsewhere() -> None:
    rates = {CallSetting("process", n): 95.0 * n for n in (1, 2, 4)}
    run = TimedRun(CallSetting("process", 4), 4, 1.0, 0.0, 3.2, 0.0, None, ((0.0, 0.9), (0.0, 0.8), (0.5, 0.7)))
    page = tuning_page(answered(COMPUTES, {**rates, CallSetting("process", 4, 16): 400.0}, traced=run))

    for heading in ("Throughput over workers", "Efficiency over workers", "Throughput over batches", "How long calls"):
        assert f"<h2>{heading}" in page
    assert page.count('class="bar"') >= 3 + 3  # three calls on the timeline, and bars of the histogram
    assert page.count('class="dot c0"') == 3 + 3 + 1  # rates, efficiencies, the batch
    assert "<script" not in page
    assert "http" not in page


def test_a_page_is_made_also_of_nothing_measured() -> None:
    assert "nothing can be said" in tuning_page(answered(None, {}))
