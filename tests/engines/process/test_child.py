"""What calls may do to their worker process, and how that ends: for the call, never for the results of others."""

from __future__ import annotations

import os
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, Chunker, chunk, current_call
from cuebook.engines import ExecutorEngine
from tests.support.programs import Program, run_script, start, write_script


class Unloadable:
    """Pickles well, and cannot be loaded where it is 1."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return load, (self.number,)


def load(number: int) -> Unloadable:
    if number == 1:
        raise RuntimeError("not here")
    return Unloadable(number)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("nested", [False, True])
def test_a_call_whose_arguments_cannot_be_loaded_fails_and_runs_with_no_placeholder(nested: bool, batch: int) -> None:
    def f(item: Any) -> str:
        return repr(type(item[0]["x"] if nested else item).__name__)

    given = [Unloadable(n) for n in range(4)]
    calls = [[[{"x": item}]] if nested else [item] for item in given]
    output = chunk(f, calls, batch=batch, chunk_size=1, errors="collect")
    failed = [type(item) is CallFailed for item in output]
    assert failed == [False, True, False, False]
    assert "Unloadable cannot be rebuilt in a worker: RuntimeError: not here" in str(output[1])
    assert all(item == "'Unloadable'" for item in output if type(item) is str)


@pytest.mark.parametrize("where", ["process", "executor"])
def test_arguments_come_as_they_were_given_however_they_travel(where: str) -> None:
    def f(*args: Any, **kwargs: Any) -> tuple[Any, Any, Any]:
        return args, kwargs, current_call().arguments

    flat: list[Any] = [[1, 2.5, "a", b"b", None, True], [], [2]]
    mixed: list[Any] = [[[1, [2]]], [(3, [4])], {"x": [5]}, (6,), [7]]
    with ProcessPoolExecutor(1) as pool:
        engine = "process" if where == "process" else ExecutorEngine(pool)
        for calls in (flat, mixed):
            got = chunk(f, calls, where=engine, batch=8, chunk_size=1)
            assert [each[:2] for each in got] == [
                ((), call) if type(call) is dict else (tuple(call), {}) for call in calls
            ]
            assert [each[2] for each in got] == [call if type(call) is dict else list(call) for call in calls]


@pytest.mark.parametrize("end", ["return 'child'", "sys.exit(3)", "raise ValueError('of the child')"])
def test_a_process_that_a_call_has_forked_speaks_for_no_worker(end: str, tmp_path: Path) -> None:
    body = f"""
def f(x):
    pid = os.fork()
    if pid == 0:
        {end}
    return x, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(chunk(f, [[n] for n in range(8)], chunk_size=2, batch=4, path="x.cue"))
"""
    code = {"return": 0, "sys.exit": 3}.get(end.partition("(")[0].split()[0], 1)
    assert run_script(tmp_path, body) == f"{[(n, code) for n in range(8)]}\n"


def test_what_a_forked_process_logs_is_printed_and_its_checkpoints_are_refused(tmp_path: Path) -> None:
    body = """
import logging
logging.basicConfig(format="parent: %(message)s")
def f(x):
    logging.warning("from the call")
    pid = os.fork()
    if pid == 0:
        logging.warning("from the fork")
        try:
            make_checkpoint(1)
        except JournalError as error:
            print(error, file=sys.stderr, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    return make_checkpoint(x)
print(chunk(f, [[1]]))
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 0, program.stderr
        assert program.stdout == "[1]\n"
        assert "parent: from the call\n" in program.stderr
        assert "WARNING:root:from the fork\n" in program.stderr
        assert "forked by a call" in program.stderr


def test_a_log_record_that_cannot_be_made_is_reported_and_fails_no_call(tmp_path: Path) -> None:
    body = """
import logging
def refuse(record):
    if record.msg == "refused":
        raise RuntimeError("by a filter")
    return True
logging.basicConfig(format="parent: %(message)s")
logging.getLogger().handlers[0].addFilter(refuse)
def f(x):
    logging.warning("%d apples", "x")
    logging.warning("refused")
    logging.warning("fine", stack_info=True)
    return x
print(chunk(f, [[1], [2]], chunk_size=1))
"""
    with start(tmp_path, body) as program:
        assert program.wait() == 0, program.stderr
        assert program.stdout == "[1, 2]\n"
        assert "Message: '%d apples'" in program.stderr
        assert "RuntimeError: by a filter" in program.stderr
        assert "parent: fine\nStack (most recent call last):" in program.stderr


def test_with_more_than_a_thousand_files_open_checkpoints_and_late_results_still_get_through(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("this machine allows too few open files")
    body = """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
def f(x):
    return make_checkpoint(x)
print(chunk(f, [[n] for n in range(4)], chunk_size=2, path="x.cue"))
"""
    assert run_script(tmp_path, body) == "[1, 1, 1, 1]\n"


def test_workers_have_the_options_of_the_interpreter(tmp_path: Path) -> None:
    body = """
def f(x):
    assert x == 1
    return __debug__, sys.flags.dont_write_bytecode, sys.warnoptions
print(chunk(f, [[2]]))
"""
    script = str(write_script(tmp_path, body))
    with Program(tmp_path, "-O", "-B", "-W", "default", script) as program:
        assert program.wait() == 0, program.stderr
        assert program.stdout == "[(False, 1, ['default'])]\n"


def test_files_of_the_current_folder_do_not_take_the_place_of_the_standard_library(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name in ("signal.py", "mmap.py", "socket.py", "msgpack.py"):
        (tmp_path / "elsewhere" / name).write_text("raise RuntimeError('this is no module of the library')")
    body = """
import cuebook.engines.process.child
os.chdir("elsewhere")
print(chunk(abs, [[-1]], chunk_size=1))
"""
    assert run_script(tmp_path, body) == "[1]\n"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not enforce it")
def test_a_memory_limit_beyond_what_the_system_allows_is_what_the_system_allows(tmp_path: Path) -> None:
    body = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
print(chunk(abs, [[-1]], chunk_size=1, memory_limit="8GB"))
"""
    assert run_script(tmp_path, body) == "[1]\n"


def test_a_warm_worker_goes_on_where_a_call_has_closed_its_output() -> None:
    def closes(x: int) -> int:
        sys.stdout.close()
        sys.stderr.close()
        return os.getpid()

    with Chunker(chunk_size=1) as chunker:
        assert len({*chunker([[1], [2]], func=closes), *chunker([[1]], func=lambda _: os.getpid())}) == 1


def test_the_result_of_a_call_is_let_go_before_the_next_call_runs() -> None:
    """Else two results of the largest size have to fit into a worker's memory."""

    class Large:
        alive = 0

        def __init__(self) -> None:
            Large.alive += 1

        def __del__(self) -> None:
            Large.alive -= 1

        def __reduce__(self) -> tuple[Any, ...]:
            return int, ()

    def f(x: int) -> Any:
        import time

        made = (Large.alive, Large())
        time.sleep(0.005)
        return made

    assert chunk(f, [[n] for n in range(3)], chunk_size=1) == [(0, 0)] * 3
