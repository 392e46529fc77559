"""Executors of others: what they cannot do is said by name, and one that breaks costs nothing that was committed."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import cuebook
from cuebook import CallFailed, ClusterGone, Journal, chunk
from cuebook.engines import ExecutorEngine


class AtOnce(Executor):
    """Runs each job where it is submitted, as synchronous executors of test kits do."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def test_what_is_no_executor_is_refused() -> None:
    with pytest.raises(TypeError, match="executor is 3; give an Executor, or a function that gives one"):
        ExecutorEngine(3)  # type: ignore[arg-type]


def test_one_that_runs_its_jobs_in_this_process_has_to_say_so() -> None:
    with pytest.raises(ClusterGone, match=r"write ExecutorEngine\(\.\.\., shares_memory=True\)"):
        chunk(abs, [[-1]], where=ExecutorEngine(AtOnce()))


def test_one_that_was_shut_down_ends_the_run_and_says_how_to_go_on(tmp_path: Path) -> None:
    for executor in (ThreadPoolExecutor(1), pool()):
        executor.shutdown()
        with pytest.raises(ClusterGone, match="the executor runs no more jobs .*with a fresh executor"):
            chunk(abs, [[-1]], where=ExecutorEngine(executor), path=tmp_path / "a.cue")


def test_a_process_that_is_killed_breaks_the_executor_and_no_result(tmp_path: Path) -> None:
    def f(x: int) -> int:
        if x == 20 and not os.path.exists(tmp_path / "killed"):
            open(tmp_path / "killed", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    calls = [[n] for n in range(24)]
    with pool() as executor, pytest.raises(ClusterGone, match="BrokenProcessPool"):
        chunk(f, calls, where=ExecutorEngine(executor), batch=1, path=tmp_path / "a.cue")
    done = Journal.open(tmp_path / "a.cue").runs[0].done
    with pool() as executor:
        assert chunk(f, calls, where=ExecutorEngine(executor), batch=1, path=tmp_path / "a.cue") == list(range(24))
    assert Journal.open(tmp_path / "a.cue").runs[1].reused == done


def test_one_that_can_be_made_anew_is(tmp_path: Path) -> None:
    made: list[ProcessPoolExecutor] = []

    def fresh() -> ProcessPoolExecutor:
        made.append(pool())
        return made[-1]

    def f(x: int) -> int:
        if x == 3 and not os.path.exists(tmp_path / "killed"):
            open(tmp_path / "killed", "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    assert chunk(f, [[n] for n in range(8)], where=ExecutorEngine(fresh), batch=1) == list(range(8))
    assert len(made) == 2
    for each in made:
        each.shutdown()


@pytest.mark.parametrize("option", [{"timeout": 1.0}, {"memory_limit": "1GB"}, {"recycle_after": 2}])
def test_options_that_it_cannot_keep_are_refused_before_any_call(option: dict[str, Any]) -> None:
    with pool() as executor, pytest.raises(ValueError, match=f"{next(iter(option))}=.*cannot be kept with where="):
        chunk(abs, [[-1]], where=ExecutorEngine(executor), **option)


def test_a_call_that_cannot_be_sent_is_told_as_for_processes() -> None:
    lock = __import__("threading").Lock()

    def f(x: int) -> Any:
        return lock

    with pool() as executor, pytest.raises(cuebook.FunctionNotShippable):
        chunk(f, [[1]], where=ExecutorEngine(executor))


def test_a_function_that_no_process_has_seen_comes_again_with_its_job() -> None:
    large = "x" * 100_000

    def f(x: int) -> int:
        return len(large) + x

    with pool() as executor:
        output = chunk(f, [[n] for n in range(6)], where=ExecutorEngine(executor), batch=1, workers=3)
    assert output == [100_000 + n for n in range(6)]


def test_an_error_in_a_job_is_its_calls_alone() -> None:
    def f(x: int) -> int:
        return 1 // x

    with pool() as executor:
        output = chunk(f, [[n] for n in (1, 0, 2)], where=ExecutorEngine(executor), errors="collect")
    assert (output[0], output[2]) == (1, 0)
    assert isinstance(output[1], CallFailed)
    assert isinstance(output[1].__cause__, ZeroDivisionError)


def test_as_many_jobs_are_there_as_the_executor_runs() -> None:
    with ThreadPoolExecutor(3) as threads, pool() as processes:
        assert ExecutorEngine(threads).default_chunk_size() == 3
        assert ExecutorEngine(processes).default_chunk_size() == 2
        assert ExecutorEngine(processes, workers=7).default_chunk_size() == 7
