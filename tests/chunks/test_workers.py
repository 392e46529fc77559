"""Workers of the user's own, and warm ones: state, setup that fails, teardown, sharing, recycling, memory."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, Chunker, SupervisionError, Worker, chunk, current_call
from tests.support.programs import calls, counts, run_script, start


def pid(_: Any = None) -> int:
    return os.getpid()


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_a_worker_class_has_setup_state_and_teardown(where: str, tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    class Counting(Worker):
        def setup(self) -> None:
            self.count = 0

        def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return func(self.count, *args, **kwargs)

        def teardown(self) -> None:
            with open(log, "a") as file:
                file.write(f"{self.count}\n")

    def f(count: int, x: int, *, k: int = 0) -> tuple[int, int]:
        return count, x + k

    async def g(count: int, x: int, *, k: int = 0) -> tuple[int, int]:
        return count, x + k

    parameters = [{"x": n, "k": 1} for n in range(12)]
    output = chunk(g if where == "async" else f, parameters, actors=Counting, chunk_size=2, where=where)
    assert [x for _, x in output] == list(range(1, 13))
    ends = [int(line) for line in Path(log).read_text().split()]
    assert sum(ends) == 12
    assert len(ends) <= 2
    assert max(count for count, _ in output) == max(ends)


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_a_map_returns_after_every_teardown_has_ended(where: str, tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    class Slow(Worker):
        def setup(self) -> None:
            with open(log, "a") as file:
                file.write("up\n")

        def teardown(self) -> None:
            time.sleep(0.05)
            with open(log, "a") as file:
                file.write("down\n")

    async def g(x: int) -> int:
        return x

    assert chunk(g if where == "async" else abs, [[1], [2], [3]], actors=Slow, chunk_size=2, where=where) == [1, 2, 3]
    lines = Path(log).read_text().split()
    assert lines.count("up") == lines.count("down") >= 1


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_a_warm_worker_is_torn_down_once_a_run(where: str, tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    class Counting(Worker):
        def setup(self) -> None:
            with open(log, "a") as file:
                file.write("up\n")

        def teardown(self) -> None:
            with open(log, "a") as file:
                file.write("down\n")

    async def g(x: int) -> int:
        return x

    with Chunker(g if where == "async" else abs, actors=Counting, chunk_size=1, where=where) as chunker:
        assert chunker([[1], [2]]) == [1, 2]
        assert chunker([[3]]) == [3]
    lines = Path(log).read_text().split()
    assert lines.count("up") == lines.count("down") >= 1


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_a_setup_that_fails_three_times_ends_the_run_with_its_exception(where: str, tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    class Failing(Worker):
        def setup(self) -> None:
            with open(log, "a") as file:
                file.write("1\n")
            raise LookupError("no model")

    async def f(x: int) -> int:
        return x

    with pytest.raises(LookupError, match="no model") as caught:
        chunk(f, [[1]], actors=Failing, chunk_size=1, where=where, path=tmp_path / "x.cue")
    assert any("setup() in a worker, 3 times" in note for note in caught.value.__notes__)
    assert len(Path(log).read_text().split()) == 3


def test_a_setup_that_succeeds_at_last_is_a_success(tmp_path: Path) -> None:
    log = tmp_path / "log"

    class Shy(Worker):
        def setup(self) -> None:
            with open(log, "a") as file:
                file.write("1\n")
            if len(log.read_text().split()) < 3:
                raise OSError("not yet")

    assert chunk(pid, [[n] for n in range(3)], actors=Shy, chunk_size=1)


def test_a_setup_whose_exception_cannot_travel_is_told_in_words() -> None:
    class Failing(Worker):
        def setup(self) -> None:
            class Odd(Exception):
                def __reduce__(self) -> Any:
                    raise TypeError

            raise Odd("odd trouble")

    with pytest.raises((SupervisionError, Exception), match="odd trouble"):
        chunk(pid, [[1]], actors=Failing, chunk_size=1)


def test_a_teardown_that_raises_is_printed_and_changes_nothing(tmp_path: Path) -> None:
    body = """
class Clumsy(Worker):
    def teardown(self): raise RuntimeError("clumsy")
def f(x): return x
print(chunk(f, [[1], [2]], actors=Clumsy, chunk_size=1))
"""
    with start(tmp_path, body) as program:
        assert (program.wait(), program.stdout) == (0, "[1, 2]\n")
        assert "RuntimeError: clumsy" in program.stderr


def test_a_changed_worker_class_is_a_changed_call(tmp_path: Path) -> None:
    body = """
class Adding(Worker):
    def run(self, func, *args): return func(*args) + {k}
def f(x): note(x); return x
print(chunk(f, [[1], [2]], actors=Adding, path="x.cue"))
"""
    assert run_script(tmp_path, body.replace("{k}", "1")) == "[2, 3]\n"
    assert run_script(tmp_path, body.replace("{k}", "1")) == "[2, 3]\n"
    assert run_script(tmp_path, body.replace("{k}", "5")) == "[6, 7]\n"
    assert counts(tmp_path) == {"1": 2, "2": 2}


def test_an_exception_of_the_workers_run_is_the_calls(tmp_path: Path) -> None:
    class Refusing(Worker):
        def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            raise PermissionError("not today")

    with pytest.raises(CallFailed, match="not today"):
        chunk(pid, [[1]], actors=Refusing)


# -- warm workers


def test_workers_of_a_chunker_stay_warm_between_calls_and_take_other_functions() -> None:
    with Chunker(pid, chunk_size=1) as chunker:
        first = set(chunker([[n] for n in range(20)]))
        again = set(chunker([[n] for n in range(20)]))
        other = set(chunker([[n] for n in range(20)], func=lambda x: os.getpid()))
    assert len(first | again | other) == 1


def test_warm_workers_are_shared_by_several_chunkers_and_outlive_them() -> None:
    with Chunker(pid, chunk_size=1) as owner:
        ours = set(owner([[n] for n in range(10)]))
        with Chunker(lambda x: os.getpid(), actors=owner.actors) as guest:
            assert guest.chunk_size == 1
            theirs = set(guest([[n] for n in range(10)]))
        last = set(chunk(lambda: os.getpid(), [[]] * 10, actors=owner.actors))
        assert len(ours | theirs | last) == 1


def test_actors_and_another_chunk_size_are_an_error() -> None:
    with Chunker(pid, chunk_size=2) as owner:
        with pytest.raises(ValueError, match=r"workers=3 \(chunk_size\)"):
            Chunker(pid, actors=owner.actors, chunk_size=3)
        assert Chunker(pid, actors=owner.actors, chunk_size=2).chunk_size == 2


def test_state_of_a_warm_worker_class_belongs_to_the_function_it_was_made_for() -> None:
    class Remembering(Worker):
        def setup(self) -> None:
            self.seen: list[int] = []

        def run(self, func: Any, *args: Any, **kwargs: Any) -> Any:
            self.seen.append(args[0])
            return list(self.seen)

    with Chunker(pid, actors=Remembering, chunk_size=1) as chunker:
        assert chunker([[1], [2]])[-1] == [1, 2]


def test_a_closed_chunker_may_be_used_again_with_fresh_workers() -> None:
    chunker = Chunker(pid, chunk_size=1)
    [first] = chunker([[1]])
    chunker.close()
    chunker.close()
    [second] = chunker([[1]])
    chunker.close()
    assert first != second


def test_after_a_failed_call_a_chunker_goes_on() -> None:
    with Chunker(chunk_size=2) as chunker:
        for _ in range(3):
            with pytest.raises(CallFailed):
                chunker([[0], [1]], func=lambda x: 1 // x)
            assert chunker([[1], [2]], func=lambda x: x) == [1, 2]


def test_attempts_of_one_run_are_not_those_of_the_next_in_a_warm_worker(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")

    def fails_once(x: int) -> int:
        if not os.path.exists(mark):
            open(mark, "w").close()
            raise OSError
        call = current_call()
        assert call is not None
        return call.attempt

    def attempt(x: int) -> int:
        call = current_call()
        assert call is not None
        return call.attempt

    with Chunker(chunk_size=1) as chunker:
        chosen = Chunker(fails_once, actors=chunker.actors, retries=1, backoff=0)
        assert chosen([[0]]) == [2]
        assert chunker([[0]], func=attempt) == [1]


def test_a_chunker_may_be_used_from_several_threads_at_once() -> None:
    results: dict[int, list[int]] = {}
    with Chunker(chunk_size=2) as chunker:

        def use(k: int) -> None:
            results[k] = chunker([[n] for n in range(20)], func=lambda x: x * k)

        threads = [threading.Thread(target=use, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {k: [n * k for n in range(20)] for k in range(4)}


@pytest.mark.parametrize("where", ["process", "thread"])
def test_a_chunker_left_open_does_not_hold_up_the_end_of_the_program(where: str, tmp_path: Path) -> None:
    body = f"""
def f(x): return x
chunker = Chunker(f, chunk_size=2, where="{where}", path="x.cue")
print(chunker([[1], [2]]))
note(time.time(), "end.log")
"""
    with start(tmp_path, body) as program:
        assert (program.wait(), program.stdout, program.stderr) == (0, "[1, 2]\n", "")
        ended = time.time()
    assert ended - float(calls(tmp_path, "end.log")[0]) < 2.0
    assert run_script(tmp_path, body) == "[1, 2]\n"


def test_an_exception_of_the_program_ends_it_in_time_with_an_open_chunker_and_the_journal_closed(
    tmp_path: Path,
) -> None:
    body = """
def f(x): return x
chunker = Chunker(f, chunk_size=2, path="x.cue")
chunker([[1], [2]])
note(time.time(), "end.log")
raise RuntimeError("of the program")
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 1
        ended = time.time()
        assert program.stderr.endswith("RuntimeError: of the program\n")
        assert program.stderr.count("Traceback") == 1
    assert ended - float(calls(tmp_path, "end.log")[0]) < 2.0
    assert not (tmp_path / "x.cue-wal").exists() or not (tmp_path / "x.cue-wal").stat().st_size


def test_many_runs_leave_no_threads_files_or_processes_behind() -> None:
    def census() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    def warm_up(where: str) -> None:
        chunk(abs, [[1], [2]], where=where, chunk_size=2)

    for where in ("process", "thread"):
        for _ in range(2):
            warm_up(where)
    before = census()
    for where in ("process", "thread", "process", "thread", "process"):
        warm_up(where)
    end = time.monotonic() + 5
    while census() > before and time.monotonic() < end:
        time.sleep(0.01)
    after = census()
    assert after[0] <= before[0]
    assert after[1] <= before[1]


# -- limits of workers


def test_a_worker_is_replaced_after_so_many_calls() -> None:
    output = chunk(pid, [[n] for n in range(20)], recycle_after=3, chunk_size=2)
    assert max(Counter(output).values()) <= 3


def test_recycling_serves_every_call_once_also_in_batches(tmp_path: Path) -> None:
    log = str(tmp_path / "log")

    def f(x: int) -> int:
        fd = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(fd, f"{x}\n".encode())
        os.close(fd)
        return x

    assert chunk(f, [[n] for n in range(60)], recycle_after=7, chunk_size=2, batch=5) == list(range(60))
    assert set(Counter(Path(log).read_text().split()).values()) == {1}


def test_a_call_over_the_memory_limit_fails_and_the_others_go_on() -> None:
    def f(size: int) -> int:
        return len(bytearray(size))

    output = chunk(f, [[10], [2 * 10**9], [20]], memory_limit="700MB", chunk_size=1, errors="collect")
    assert (output[0], output[2]) == (10, 20)
    assert output[1].error_type == "MemoryError"


def test_numeric_libraries_are_told_their_share_of_the_cores() -> None:
    def f() -> str | None:
        return os.environ.get("OMP_NUM_THREADS")

    [cores] = chunk(f, [[]], chunk_size=1)
    assert cores is not None and int(cores) >= 1


@pytest.mark.parametrize("where", ["process", "thread", "async"])
def test_calls_run_side_by_side_as_many_as_chunk_size_says(where: str, tmp_path: Path) -> None:
    """Each call waits until as many others have begun: fewer at once would never end."""
    folder = str(tmp_path)

    def begun() -> int:
        return len(os.listdir(folder))

    def f(x: int) -> int:
        open(os.path.join(folder, str(x)), "w").close()
        end = time.monotonic() + 20
        while begun() < 3:
            assert time.monotonic() < end
            time.sleep(0.005)
        return x

    async def g(x: int) -> int:
        import asyncio

        open(os.path.join(folder, str(x)), "w").close()
        end = time.monotonic() + 20
        while begun() < 3:
            assert time.monotonic() < end
            await asyncio.sleep(0.005)
        return x

    assert chunk(g if where == "async" else f, [[n] for n in range(3)], where=where, chunk_size=3) == [0, 1, 2]
