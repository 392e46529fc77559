"""What `show` and `watch` tell, from records alone."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.cli.call_checkpoints import (
    CallCheckpoint,
    checkpoint_line,
    metrics_text,
    newest_checkpoints,
    running_checkpoints,
)
from cuebook.cli.queries import details, parts_of, progress_line, run_object, run_row, seconds_left
from cuebook.persistence.history.replay import JournalState
from cuebook.persistence.history.run import RunStatus
from cuebook.persistence.history.summary import Picture, RunSummary
from cuebook.persistence.records.run_heads import Closing
from cuebook.persistence.stores.port import Holder
from tests.support.journals import state
from tests.support.runs import STARTED, closed, failed, folded, reused, run_entries

CALLS = [[i] for i in range(10)]
WRITER = Holder("node1", 4711, "2026-01-01T00:00:00Z")


def summary(**changes: Any) -> RunSummary:
    fields: dict[str, Any] = {
        "number": 3,
        "function": "clean",
        "status": RunStatus.RUNNING,
        "started": 1000.0,
        "ended": None,
        "done": 50,
        "total": 100,
        "failed": 0,
        "reused": 0,
        "rate": 5.0,
        "seconds": 20.0,
    }
    return RunSummary(**(fields | changes))


def test_a_summary_counts_done_failed_and_reused_calls() -> None:
    found = folded(
        *run_entries(1, CALLS, {0: 1, 1: 2, 2: 3}, failed(1, 5, ValueError("x"))),
        *run_entries(2, CALLS, {7: 1}, reused(2, (1, 0, 0, 3)), is_closed=False),
    )
    first, second = (Picture(found, WRITER).summary(run, STARTED + 4) for run in found.runs.values())
    assert (first.done, first.failed, first.reused, first.status) == (3, 1, 0, RunStatus.FINISHED)
    assert (second.done, second.failed, second.reused, second.status) == (4, 0, 3, RunStatus.RUNNING)


def test_the_rate_counts_only_calls_made_by_the_run_over_its_own_time() -> None:
    found = folded(
        *run_entries(1, CALLS, {0: 1, 1: 2, 2: 3}),
        *run_entries(2, CALLS, {7: 1}, reused(2, (1, 0, 0, 3)), is_closed=False),
    )
    first, second = (Picture(found, WRITER).summary(run, STARTED + 4).rate for run in found.runs.values())
    assert first == pytest.approx(3 / 2)
    assert second == pytest.approx(1 / 4)


def test_a_run_without_an_end_and_without_its_writer_is_abandoned() -> None:
    found = folded(*run_entries(1, CALLS, {0: 1}, is_closed=False))
    assert _summary(found, None).status is RunStatus.ABANDONED
    other = Holder("node1", 12, "2026-01-01T00:00:00Z")
    assert _summary(found, other).status is RunStatus.ABANDONED


def _summary(state: JournalState, holder: Holder | None) -> RunSummary:
    return Picture(state, holder).summary(state.runs[1], STARTED)


def test_a_run_whose_process_found_no_room_has_failed_for_that() -> None:
    state = folded(*run_entries(1, CALLS, {0: 1}, is_closed=False))
    found = Picture(state, None, (WRITER, "the disk was full")).summary(state.runs[1], STARTED)
    assert (found.status, found.reason) == (RunStatus.FAILED, "the disk was full")
    assert run_row(found)[-1] == "failed, disk full"
    other = Holder(WRITER.host, WRITER.pid + 1, "")
    assert Picture(state, None, (other, "the disk was full")).status(state.runs[1]) is RunStatus.ABANDONED


@pytest.mark.parametrize("status", list(Closing))
def test_a_closed_run_has_the_state_that_it_was_closed_with(status: Closing) -> None:
    entries = [*run_entries(1, CALLS, {0: 1}, is_closed=False), closed(1, status)]
    assert str(_summary(folded(*entries), WRITER).status) == str(status)


def test_an_unknown_total_is_a_question_mark() -> None:
    assert run_row(summary(total=None))[3] == "50/?"
    assert "50/?" in progress_line(summary(total=None), 1010.0)


def test_the_row_has_a_cell_for_each_header() -> None:
    row = run_row(summary(done=1200, total=1500, failed=3, reused=1000, rate=1234.5))
    assert row[0:2] == ("3", "clean")
    assert row[3:] == ("1,200/1,500", "3", "1,000", "1,234", "running")


def test_the_object_for_programs_has_plain_values() -> None:
    found = run_object(summary(ended=1010.5))
    assert found["started"] == "1970-01-01T00:16:40.000Z"
    assert found["ended"] == "1970-01-01T00:16:50.500Z"
    assert found["state"] == "running"


def test_the_time_left_does_not_count_reused_calls_as_pace() -> None:
    assert seconds_left(summary(done=50, reused=40), 1010.0) == pytest.approx(50.0)
    assert seconds_left(summary(done=50, reused=50), 1010.0) is None
    assert seconds_left(summary(total=None), 1010.0) is None
    assert seconds_left(summary(status=RunStatus.FINISHED), 1010.0) is None


def test_details_name_the_parts_of_the_run_that_recorded_them() -> None:
    parts = (("code of f", "aa", "x"), ("global K", "bb", "3"))
    found = folded(
        *run_entries(1, CALLS, {}, parts=parts),
        *run_entries(2, CALLS, {}, parts=(), options={"parts_of": 1}),
        *run_entries(3, CALLS, {}, parts=(), options={"parts_of": 9}),
    )
    assert details(Picture(found, None), found.runs[2], {}, lambda _: {})["parts"] == 2
    assert details(Picture(found, None), found.runs[3], {}, lambda _: {})["parts"] is None
    assert parts_of(found, found.runs[3]) is None


def test_details_list_the_newest_checkpoint_of_each_call() -> None:
    more = [state(4, b"abc", number=1), state(4, b"abcd", number=2), state(1, b"", number=1)]
    found = folded(*run_entries(1, CALLS, {1: 5}, *more))
    kept = newest_checkpoints(found.runs[1], lambda seq: {"seq": seq})
    assert [(each.call, each.number, each.size_bytes, each.is_completed) for each in kept] == [
        (1, 1, 0, True),
        (4, 2, 4, False),
    ]
    running, left = running_checkpoints(found.runs[1], lambda seq: {"seq": seq}, 1)
    assert ([each.call for each in running], left) == ([4], 0)


def test_a_checkpoint_is_told_with_label_age_and_metrics() -> None:
    kept = CallCheckpoint(3, 7, "epoch", 100, 1000.0, {"loss": 0.123456, "n": 4, "best": True}, is_completed=False)
    assert checkpoint_line(kept, 1012.0) == "call 3: checkpoint 7 'epoch', 12 s ago, loss=0.1235, n=4, best=True"
    assert metrics_text({str(n): n for n in range(20)}).endswith("7=7, ...")
