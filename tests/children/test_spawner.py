"""Worker processes are started on request, also by others that changed their mind, and none is left behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cuebook.children.spawner import Spawner
from cuebook.errors import SupervisionError
from tests.support.programs import calls, is_alive, run_script, start, wait_until


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_request_that_was_cancelled_does_not_stop_the_ones_after_it() -> None:
    spawner = Spawner()
    futures = [spawner.spawn(1) for _ in range(4)]
    cancelled = [future for future in futures[1:] if future.cancel()]
    last = spawner.spawn(1)
    assert last.result(20).process.pid > 0
    for future in [*futures, last]:
        future.add_done_callback(spawner.discard)
    assert all(future.cancelled() for future in cancelled)


def test_a_process_that_nobody_wanted_ends_and_leaves_no_file_open() -> None:
    spawner = Spawner()
    spawner.discard(spawner.spawn(1))
    before = open_files()
    for _ in range(3):
        future = spawner.spawn(1)
        pid = future.result(20).process.pid
        spawner.discard(future)
        wait_until(lambda: not is_alive(pid), "the end of the process", 5.0)  # noqa: B023
    assert open_files() == before


def test_where_no_process_can_be_started_the_request_says_so_and_no_file_stays_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spawner = Spawner()
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
guard = spawner()._guard
guard.kill(); guard.wait()
chunk(abs, [[1]], chunk_size=1)
chunk(abs, [[1]], chunk_size=1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with start(tmp_path, body) as program:
        assert program.wait() == -9, program.stderr
    [child] = map(int, calls(tmp_path, "children.log"))
    wait_until(lambda: not is_alive(child), "the end of what a call had started", 5.0)
