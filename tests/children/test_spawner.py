"""Worker processes are started on request, also by others that changed their mind, and none is left behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebook.children.spawner import Spawner
from cuebook.errors import SupervisionError
from tests.support.programs import calls, is_alive, run_script, start, wait_until


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    made = Spawner()
    yield made
    made.rest()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_request_that_was_cancelled_does_not_stop_the_ones_after_it(spawner: Spawner) -> None:
    futures = [spawner.spawn(1) for _ in range(4)]
    cancelled = [future for future in futures[1:] if future.cancel()]
    last = spawner.spawn(1)
    assert last.result(20).process.pid > 0
    for future in [*futures, last]:
        future.add_done_callback(spawner.discard)
    assert all(future.cancelled() for future in cancelled)


def test_a_process_that_nobody_wanted_ends_and_leaves_no_file_open(spawner: Spawner) -> None:
    spawner.discard(spawner.spawn(1))
    before = open_files()
    for _ in range(3):
        future = spawner.spawn(1)
        pid = future.result(20).process.pid
        spawner.discard(future)
        wait_until(lambda: not is_alive(pid), "the end of the process", 5.0)  # noqa: B023
    assert open_files() == before


def test_where_no_process_can_be_started_the_request_says_so_and_no_file_stays_open(
    monkeypatch: pytest.MonkeyPatch, spawner: Spawner
) -> None:
    spawner.discard(spawner.spawn(1))
    before = open_files()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    for _ in range(3):
        assert isinstance(spawner.spawn(1).exception(20), SupervisionError)
    assert open_files() == before
    monkeypatch.undo()
    spawner.discard(spawner.spawn(1))


def test_where_no_process_can_be_started_a_run_ends_with_the_reason_before_it_begins(tmp_path: Path) -> None:
    body = """
sys.executable = "/no/such/python"
try:
    chunk(abs, [[1]], path="x.cue")
except SupervisionError as error:
    print(error)
"""
    assert "/no/such/python" in run_script(tmp_path, body)


def test_a_process_forked_from_the_program_does_not_keep_alive_what_calls_have_started(tmp_path: Path) -> None:
    body = """
import signal, subprocess
chunker = Chunker(chunk_size=1)
def sleeper():
    note(subprocess.Popen(["sleep", "100"]).pid, "children.log")
chunker([[]], func=sleeper)
if os.fork() == 0:
    wait_for("end")
    os._exit(0)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with start(tmp_path, body) as program:
        assert program.wait() == -9, program.stderr
    [child] = map(int, calls(tmp_path, "children.log"))
    try:
        wait_until(lambda: not is_alive(child), "the end of what a call had started", 5.0)
    finally:
        (tmp_path / "end").touch()


def test_a_process_forked_from_the_program_has_workers_of_its_own(tmp_path: Path) -> None:
    body = """
chunker = Chunker(chunk_size=1, path="x.cue")
print(chunker([[-1]], func=abs), flush=True)
pid = os.fork()
if pid == 0:
    print(chunk(abs, [[-2]], path="y.cue"), chunker([[-3]], func=abs, path="z.cue"), flush=True)
    chunker.close()
    os._exit(0)
os.waitpid(pid, 0)
pid = os.fork()
if pid == 0:
    chunker.close()
    print("closed", flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(chunker([[-4]], func=abs))
"""
    assert run_script(tmp_path, body) == "[1]\n[2] [3]\nclosed\n[4]\n"


def test_a_killed_guard_is_replaced_and_minds_the_workers_that_were_there(tmp_path: Path) -> None:
    body = """
import signal, subprocess
from cuebook.children.spawner import spawner
chunker = Chunker(chunk_size=1)
def sleeper():
    child = subprocess.Popen(["sleep", "100"])
    note(child.pid, "children.log")
chunker([[]], func=sleeper)
guard = spawner()._guard._process
guard.kill(); guard.wait()
chunk(abs, [[1]], chunk_size=1)
chunk(abs, [[1]], chunk_size=1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with start(tmp_path, body) as program:
        assert program.wait() == -9, program.stderr
    [child] = map(int, calls(tmp_path, "children.log"))
    wait_until(lambda: not is_alive(child), "the end of what a call had started", 5.0)


def test_a_system_without_a_shell_is_guarded_by_a_python(tmp_path: Path) -> None:
    """Images without a distribution have none."""
    body = """
import signal, subprocess
import cuebook.children.guard as guard
guard.SHELL, os.environ["PATH"] = "/no/such/sh", os.path.dirname(sys.executable) + ":/nowhere"
sleep = [sys.executable, "-c", "import time; time.sleep(100)"]
chunker = Chunker(chunk_size=2)
def sleeper():
    note(subprocess.Popen(sleep).pid, "children.log")
print(chunker([[-1], [-2]], func=abs))
chunker([[]], func=sleeper)
from cuebook.children.spawner import spawner
note(spawner()._guard._process.pid, "guard.log")
wait_for("go")
os.kill(os.getpid(), signal.SIGKILL)
"""
    with start(tmp_path, body) as program:
        wait_until(lambda: calls(tmp_path, "guard.log"), "the guard")
        [guard] = map(int, calls(tmp_path, "guard.log"))
        assert b"python" in Path(f"/proc/{guard}/cmdline").read_bytes()
        (tmp_path / "go").touch()
        assert program.wait() == -9, program.stderr
    [child] = map(int, calls(tmp_path, "children.log"))
    wait_until(lambda: not is_alive(child), "the end of what a call had started", 5.0)
    wait_until(lambda: not is_alive(guard), "the end of the guard", 5.0)


NO_THREADS = """
import threading, warnings
warnings.simplefilter("error")
def left():
    return [t.name for t in threading.enumerate()], len(os.listdir("/proc/self/task"))
def stream():
    yield from ([n] for n in range(4))
def forked():
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
async def later(x): return abs(x)
for options in ({}, {"path": "x.cue"}, {"path": "x.cue"}, {"where": "thread"}, {"where": "async", "func": later}):
    print(chunk(**{"func": abs, "parameters": [[-1], [-2]], "chunk_size": 2, **options}), left(), forked())
print(chunk(abs, stream(), chunk_size=2), left())
try:
    chunk(abs, [["x"]], chunk_size=1)
except CallFailed:
    print(left())
"""


def test_no_thread_of_ours_is_left_when_a_call_of_chunk_is_over(tmp_path: Path) -> None:
    """From Python 3.12 on a fork beside other threads is warned of."""
    alone = "(['MainThread'], 1)"
    assert run_script(tmp_path, NO_THREADS) == f"[1, 2] {alone} 7\n" * 5 + f"[0, 1, 2, 3] {alone}\n{alone}\n"


def test_the_thread_that_starts_children_stays_as_long_as_they_do(spawner: Spawner) -> None:
    """The kernel would end them with it."""
    child = spawner.spawn(1)
    process = child.result(20).process
    spawner.rest()
    assert spawner._thread is not None
    assert process.poll() is None
    child.add_done_callback(spawner.discard)
    thread = spawner._thread
    spawner.rest()
    assert spawner._thread is None
    assert not thread.is_alive()
    again = spawner.spawn(1)
    assert again.result(20).process.poll() is None
    again.add_done_callback(spawner.discard)
