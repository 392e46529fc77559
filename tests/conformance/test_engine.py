"""What every engine promises: the same calls give the same results and the same record, wherever they run.

Those of clusters have the marker `pytest.mark.cluster`, which conftest.py gives them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuebook
from cuebook import CallFailed, CallTimedOut, Chunker, Journal, Worker, chunk, stream
from cuebook.errors import JournalError
from tests.conformance.conftest import Place


def run(place: Place, func: Any, calls: Any, **options: Any) -> Any:
    return chunk(func, calls, where=place.engine, workers=options.pop("workers", 2), progress_bar=False, **options)


def calls_made(log: Path) -> list[str]:
    return sorted(log.read_text().split()) if log.exists() else []


def test_results_come_in_the_order_of_the_calls(place: Place, tmp_path: Path) -> None:
    async def f(x: int, y: int = 1) -> int:
        return x * y

    calls: list[Any] = [[n] for n in range(100)]
    calls[7] = {"x": 7, "y": 10}
    output = run(place, f, calls, path=tmp_path / "a.cue")
    assert output == [70 if n == 7 else n for n in range(100)]


def test_what_was_done_is_not_done_again(place: Place, tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    async def f(x: int) -> int:
        with open(log, "a") as file:
            file.write(f"{x}\n")
        return -x

    assert run(place, f, [[n] for n in range(3)], path=tmp_path / "a.cue") == [0, -1, -2]
    assert run(place, f, [[n] for n in range(5)], path=tmp_path / "a.cue") == [0, -1, -2, -3, -4]
    assert calls_made(tmp_path / "log") == ["0", "1", "2", "3", "4"]


def test_a_run_goes_on_in_another_place(place: Place, tmp_path: Path) -> None:
    async def f(x: int) -> int:
        return x + 1

    assert run(place, f, [[n] for n in range(3)], path=tmp_path / "a.cue") == [1, 2, 3]
    runs = Journal.open(tmp_path / "a.cue").runs
    assert chunk(f, [[n] for n in range(3)], path=tmp_path / "a.cue", progress_bar=False) == [1, 2, 3]
    again = Journal.open(tmp_path / "a.cue").runs
    assert (len(runs), len(again), again[-1].reused) == (1, 2, 3)


def test_an_exception_is_the_calls_alone_and_comes_back_with_its_traceback(place: Place) -> None:
    async def f(x: int) -> int:
        if x == 3:
            raise KeyError("not 3")
        return x

    output = run(place, f, [[n] for n in range(6)], errors="collect")
    assert [item for item in output if not isinstance(item, CallFailed)] == [0, 1, 2, 4, 5]
    failed = output[3]
    assert isinstance(failed.__cause__, KeyError)
    assert (failed.index, failed.arguments, failed.error_type) == (3, [3], "KeyError")
    assert 'raise KeyError("not 3")' in failed.traceback_text


def test_a_failed_call_is_tried_again(place: Place) -> None:
    async def f(x: int) -> int:
        attempt = cuebook.current_call().attempt
        if attempt < 3:
            raise OSError("not yet")
        return attempt

    assert run(place, f, [[1]], retries=2, backoff=0.001) == [3]


def test_a_call_that_exits_fails_alone(place: Place) -> None:
    async def f(x: int) -> int:
        if x == 1:
            sys.exit(3)
        return x

    output = run(place, f, [[n] for n in range(3)], errors="collect")
    assert (output[0], output[2]) == (0, 2)
    assert isinstance(output[1], CallFailed)


def test_values_of_many_kinds_and_large_ones_come_whole(place: Place, tmp_path: Path) -> None:
    async def f(array: np.ndarray, factor: int) -> dict[str, Any]:
        return {"twice": array * factor, "shape": array.shape, "kind": {1, 2}}

    given = np.arange(400_000.0)
    output = run(place, f, [[given, n] for n in range(3)], path=tmp_path / "a.cue")
    for n, item in enumerate(output):
        assert np.array_equal(item["twice"], given * n)
        assert (item["shape"], item["kind"]) == ((400_000,), {1, 2})
    again = run(place, f, [[given, n] for n in range(3)], path=tmp_path / "a.cue")
    assert np.array_equal(again[2]["twice"], given * 2)


def test_a_worker_class_is_set_up_once_a_process_of_its_worker(place: Place) -> None:
    class Counting(Worker):
        async def setup(self) -> None:
            self.calls = 0

        async def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return self.calls

    async def f(x: int) -> int:
        return x

    output = run(place, f, [[n] for n in range(20)], actors=Counting, workers=1)
    assert len(output) == 20
    assert 1 <= output.count(1) <= place.homes
    assert all(n - 1 in output for n in output if n > 1)


def test_a_setup_that_raises_ends_the_run_with_its_error(place: Place) -> None:
    class Broken(Worker):
        async def setup(self) -> None:
            raise ValueError("no device")

    async def f(x: int) -> int:
        return x

    with pytest.raises(ValueError, match="no device"):
        run(place, f, [[1]], actors=Broken, workers=1)


def test_what_calls_print_and_log_is_seen_here(place: Place, capsys: Any, caplog: Any) -> None:
    async def f(x: int) -> int:
        print(f"printed {x}")
        logging.getLogger("of.calls").warning("logged %d", x)
        return x

    with caplog.at_level(logging.WARNING):
        assert run(place, f, [[n] for n in range(3)]) == [0, 1, 2]
    assert sorted(line for line in capsys.readouterr().out.splitlines()) == ["printed 0", "printed 1", "printed 2"]
    logged = sorted(record.getMessage() for record in caplog.records if record.name == "of.calls")
    assert logged == ["logged 0", "logged 1", "logged 2"]


def test_warm_workers_take_one_function_after_another(place: Place) -> None:
    async def double(x: int) -> int:
        return 2 * x

    async def negate(x: int) -> int:
        return -x

    with Chunker(where=place.engine, workers=2, progress_bar=False) as chunker:
        assert chunker([[n] for n in range(5)], func=double) == [0, 2, 4, 6, 8]
        assert chunker([[n] for n in range(5)], func=negate) == [0, -1, -2, -3, -4]
        assert chunker([[n] for n in range(5)], func=double) == [0, 2, 4, 6, 8]


def test_a_stream_gives_each_call_once_and_asks_for_no_more_than_it_has_room_for(place: Place) -> None:
    async def f(x: int) -> int:
        return x

    asked: list[int] = []

    def items() -> Any:
        for n in range(10**9):
            asked.append(n)
            yield [n]

    results = stream(f, items(), where=place.engine, workers=2, progress_bar=False)
    first = sorted(next(results).value for _ in range(10))
    results.close()
    assert len(set(first)) == 10
    assert len(asked) < 10_000


def test_calls_behind_a_long_one_are_made_by_others(place: Place, tmp_path: Path) -> None:
    gate = str(tmp_path / "gate")

    async def f(x: int) -> int:
        if x == 0:
            deadline = time.monotonic() + 60
            while not os.path.exists(gate):  # until all the others are done, which waited behind this one
                assert time.monotonic() < deadline
                await asyncio.sleep(0.005)
        elif x == 7:
            open(gate, "w").close()
        return x

    assert run(place, f, [[n] for n in range(8)], batch=2) == list(range(8))


def test_a_call_over_its_time_is_ended(place: Place) -> None:
    async def f(x: int) -> int:
        if x == 1:
            await asyncio.sleep(3600)
        return x

    if not place.ends_calls:
        pytest.skip("it cannot end a call")
    output = run(place, f, [[n] for n in range(4)], timeout=0.4, errors="collect")
    assert (output[0], output[2], output[3]) == (0, 2, 3)
    assert isinstance(output[1], CallTimedOut)


def test_progress_inside_a_call_survives_its_attempt(place: Place, tmp_path: Path) -> None:
    async def f(x: int) -> list[int]:
        seen = await cuebook.last_checkpoint([])
        seen = [*seen, cuebook.current_call().attempt]
        await cuebook.make_checkpoint(seen)
        if len(seen) < 3:
            raise OSError("again")
        return seen

    if not place.keeps_checkpoints:
        with pytest.raises(CallFailed, match="nothing leaves an executor's job before its end") as caught:
            run(place, f, [[1]], path=tmp_path / "a.cue")
        assert isinstance(caught.value.__cause__, JournalError)
        return
    assert run(place, f, [[1]], retries=3, backoff=0.001, path=tmp_path / "a.cue") == [[1, 2, 3]]


def test_a_worker_that_is_killed_costs_its_running_call_and_no_other(place: Place, tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    async def f(x: int) -> int:
        with open(log, "a") as file:
            file.write(f"{x}\n")
        if x == 5 and cuebook.current_call().attempt == 1:
            await asyncio.sleep(0.05)  # what was done before it is on its way by now
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    if not place.is_apart:
        pytest.skip("its workers are this process")
    if not place.replaces:
        with pytest.raises(cuebook.ClusterGone, match="the same program goes on from there"):
            run(place, f, [[n] for n in range(12)], batch=1, path=tmp_path / "a.cue")
        return
    assert run(place, f, [[n] for n in range(12)], batch=1, path=tmp_path / "a.cue") == list(range(12))
    again = [n for n in set(calls_made(tmp_path / "log")) if calls_made(tmp_path / "log").count(n) > 1]
    assert again == ["5"]


def test_a_call_that_kills_its_worker_each_time_is_set_aside(place: Place) -> None:
    async def f(x: int) -> int:
        if x == 5:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    if not place.is_apart or not place.replaces:
        pytest.skip("no worker of it can be killed and replaced")
    output = run(place, f, [[n] for n in range(8)], errors="collect")
    assert [item for item in output if isinstance(item, int)] == [0, 1, 2, 3, 4, 6, 7]
    assert isinstance(output[5], cuebook.WorkerDied)


def test_what_an_engine_cannot_keep_is_refused_by_name(place: Place) -> None:
    for name, value in {"timeout": 1.0, "memory_limit": "1GB", "recycle_after": 3}.items():
        refuses = getattr(place.engine, "refuses", {})
        if name in refuses:
            with pytest.raises(ValueError, match=f"{name}=.*cannot be kept with where='executor'"):
                run(place, abs, [[1]], **{name: value})
