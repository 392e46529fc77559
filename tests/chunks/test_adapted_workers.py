"""`workers="auto"`: more workers as long as they pay, and no more."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import cuebook
from cuebook.actors.runs.crew_size import LOOK_S, CrewSize
from cuebook.chunks.options import make_options


def thread_that_waits(_: int) -> int:
    time.sleep(0.005)
    return threading.get_ident()


def process_that_waits(_: int) -> int:
    time.sleep(0.02)
    return os.getpid()


def found(rate_of: dict[int, float], most: int, first: int = 2) -> tuple[list[int], bool]:
    """The numbers of workers that a run has one after the other, where each number has a rate."""
    size, now, calls, numbers = CrewSize(most), 0.0, 0.0, [first]
    for _ in range(40):
        number = size.look(now, int(calls), numbers[-1])
        if number != numbers[-1]:
            numbers.append(number)
        now += LOOK_S
        calls += rate_of[number] * LOOK_S
    return numbers, size.is_settled


def test_workers_are_doubled_as_long_as_that_pays_and_then_it_is_the_number_before() -> None:
    assert found({2: 100, 4: 190, 8: 300, 16: 310}, 64) == ([2, 4, 8, 16, 8], True)
    assert found({2: 100, 4: 100}, 64) == ([2, 4, 2], True)
    assert found({2: 100, 4: 200, 6: 300}, 6) == ([2, 4, 6], True)
    assert found({2: 0, 4: 0}, 64) == ([2], False)  # nothing has ended yet: nothing is known


def test_nothing_is_measured_while_workers_start() -> None:
    size = CrewSize(8)
    assert [size.look(at, calls, ready) for at, calls, ready in ((0, 0, 2), (1, 100, 2))] == [2, 4]

    assert [size.look(at, 100 + at, 3) for at in range(2, 20)] == [4] * 18
    assert not size.is_settled


@pytest.mark.parametrize("where", ["thread", "process"])
def test_calls_that_wait_get_more_workers_while_the_run_goes_on(where: str) -> None:
    func = thread_that_waits if where == "thread" else process_that_waits
    first = make_options(where=where).chunk_size
    used = cuebook.chunk(func, [[n] for n in range(200 * first)], where=where, workers="auto", progress_bar=False)

    assert len(set(used[: 2 * first])) <= first
    assert first < len(set(used)) <= 8 * first


def test_workers_that_do_not_pay_are_given_no_more_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_options(where="thread").chunk_size

    def look(size: CrewSize, _: float, finished: int, __: int) -> int:
        size.workers = 2 * first if finished < 100 * first else first
        size.is_settled = finished >= 100 * first
        return size.workers

    monkeypatch.setattr(CrewSize, "look", look)
    calls = [[n] for n in range(300 * first)]
    used = cuebook.chunk(thread_that_waits, calls, where="thread", chunk_size="auto", progress_bar=False)

    assert first < len(set(used)) <= 2 * first
    assert len(set(used[-50 * first :])) <= first


def test_results_are_kept_and_reused_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "auto.cue"
    calls = [[n] for n in range(300)]
    first = cuebook.chunk(thread_that_waits, calls, where="thread", workers="auto", path=path, progress_bar=False)

    assert cuebook.chunk(thread_that_waits, calls, where="thread", workers="auto", path=path) == first


def test_an_iterator_is_read_far_enough_ahead_for_all_of_them() -> None:
    first = make_options(where="thread").chunk_size
    calls = ([n] for n in range(200 * first))
    used = {done.value for done in cuebook.stream(thread_that_waits, calls, where="thread", workers="auto")}

    assert len(used) > first


@pytest.mark.parametrize("option", ["workers", "chunk_size"])
def test_auto_is_the_only_word_and_stands_for_the_default_at_first(option: str) -> None:
    given: Any = {option: "auto"}
    assert make_options(**given).chunk_size == make_options().chunk_size
    assert make_options(**given).workers_max == 8 * make_options().chunk_size
    assert make_options().workers_max is None
    wrong: Any = {option: "many"}
    with pytest.raises(TypeError, match=f"{option}='many' is no whole number"):
        make_options(**wrong)
