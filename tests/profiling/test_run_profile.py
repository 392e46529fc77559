"""A profile is made of the times of calls: what it says of made-up ones is known."""

from __future__ import annotations

import json
import random

import pytest

from cuebook.profiling.lanes import OVERLAP_S, blocks_of, laid_out
from cuebook.profiling.profile_page import profile_page
from cuebook.profiling.run_profile import RunProfile, profile_of
from cuebook.profiling.run_times import RunTimes
from cuebook.profiling.trace_events import trace_lines
from cuebook.profiling.words import profile_lines


def of(
    calls: list[tuple[float, float, int]], failed: tuple[int, ...] = (), closed_s: float | None = None
) -> RunProfile:
    """The profile of calls of start, seconds and record."""
    starts, seconds, records = zip(*calls, strict=True) if calls else ((), (), ())
    return profile_of(RunTimes(range(len(calls)), starts, seconds, records, frozenset(failed)), closed_s)


TWO_LANES = of([(0.5, 1.0, 3), (0.5, 3.0, 5), (1.6, 1.0, 4), (2.6, 0.9, 5)], closed_s=4.0)


def test_lanes_are_as_few_as_calls_ran_at_once_and_no_two_calls_of_a_lane_overlap() -> None:
    rng = random.Random(7)
    for _ in range(50):
        starts = sorted(rng.uniform(0, 10) for _ in range(60))
        seconds = [rng.expovariate(1) for _ in starts]
        lanes = laid_out(starts, seconds)

        at_once = max(sum(s <= at < s + length - OVERLAP_S for s, length in zip(starts, seconds)) for at in starts)
        assert len(lanes) <= at_once + 1
        assert sorted(place for lane in lanes for place in lane) == list(range(60))
        for lane in lanes:
            assert all(starts[a] + seconds[a] <= starts[b] + OVERLAP_S for a, b in zip(lane, lane[1:], strict=False))


def test_time_is_divided_into_start_calls_waiting_and_tail() -> None:
    assert (TWO_LANES.startup_s, TWO_LANES.wall_s, TWO_LANES.busy_s) == (0.5, 3.5, pytest.approx(5.9))
    assert [list(lane) for lane in TWO_LANES.lanes] == [[0, 2, 3], [1]]
    assert TWO_LANES.idle_s == pytest.approx(0.1)
    assert TWO_LANES.tail_s == pytest.approx(0.0)
    assert TWO_LANES.efficiency == pytest.approx(5.9 / 7)


def test_a_result_waits_for_the_last_one_of_its_record_and_of_earlier_records() -> None:
    waits = of([(0.0, 1.0, 7), (0.0, 3.0, 7), (1.0, 1.0, 8)], closed_s=3.5).waits

    assert waits is not None
    assert waits.records == 2
    assert (waits.waited.least, waits.waited.p50, waits.waited.most) == (0.0, 1.0, 2.0)
    assert waits.closing_s == pytest.approx(0.5)


def test_stragglers_are_far_slower_than_the_others_and_none_are_named_where_lengths_merely_differ() -> None:
    slow = of([(n * 1.0, 9.0 if n == 5 else 0.1 + n / 1000, n) for n in range(20)])
    even = of([(n * 1.0, 0.5 + n / 10, n) for n in range(20)])

    assert [each.index for each in slow.stragglers] == [5]
    assert slow.stragglers[0].times == pytest.approx(9.0 / 0.1105)
    assert even.stragglers == ()


def test_failed_calls_are_counted_and_are_in_no_record_of_results() -> None:
    found = of([(0.0, 1.0, 1), (0.0, 1.0, 2), (1.0, 1.0, 3)], failed=(1,))

    assert (found.calls, found.failed) == (3, 1)
    assert found.waits is not None
    assert found.waits.records == 2
    assert "3 calls, 1 of them failed" in profile_lines(found, str)[0]


def test_a_run_without_calls_of_its_own_says_so() -> None:
    assert "made no call itself" in profile_lines(of([]), str)[0]
    assert json.dumps(of([]).to_json())
    assert profile_page(of([]), "run 1", []).startswith("<!DOCTYPE html>")


def test_the_lines_name_stragglers_with_their_arguments_and_show_each_lane() -> None:
    found = of([(n * 1.0, 9.0 if n == 5 else 0.1, n) for n in range(20)])
    text = "\n".join(profile_lines(found, lambda index: f"arguments [{index}]"))

    assert "straggler    call 5: 9 s, 90.0 medians, arguments [5]" in text
    assert "   1 |" in text


def test_a_trace_has_an_event_for_each_call_in_microseconds_and_one_for_each_record() -> None:
    events = json.loads("\n".join(trace_lines(TWO_LANES, "work")))["traceEvents"]
    calls = [each for each in events if each["ph"] == "X" and each["tid"] > 0]

    assert sorted((each["args"]["call"], each["tid"], each["ts"], each["dur"]) for each in calls) == [
        (0, 1, 500_000.0, 1_000_000.0),
        (1, 2, 500_000.0, 3_000_000.0),
        (2, 1, 1_600_000.0, 1_000_000.0),
        (3, 1, 2_600_000.0, 900_000.0),
    ]
    assert [(each["name"], each["args"]["results"]) for each in events if each["ph"] == "i"] == [
        ("record 3", 1),
        ("record 4", 1),
        ("record 5", 2),
    ]


def test_a_page_stays_small_however_many_calls_there_are() -> None:
    many = of([(n / 10_000, 1 / 20_000, n // 100) for n in range(50_000)])
    page = profile_page(many, "run 1 <work>", ["a line", "| a bar |"])

    assert len(page) < 700_000
    assert "run 1 &lt;work&gt;" in page
    assert "<script" not in page
    assert "http" not in page
    assert sum(count for *_, count in blocks_of(many.lanes[0], many.times.starts, many.times.seconds, 0.1)) == len(
        many.lanes[0]
    )
