"""chunk() anywhere: in a running loop, in threads, inside a call of another chunk(), in a fork."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from cuebook import CallFailed, CallTimedOut, File, JournalBusy, JournalError, chunk
from tests.support.programs import calls, run_script, start

pytestmark = pytest.mark.quick


def square(x: int) -> int:
    return x * x


@pytest.mark.parametrize("where", ["process", "thread"])
def test_where_a_loop_is_running_as_in_a_notebook(where: str, tmp_path: Path) -> None:
    async def cell() -> list[int]:
        return chunk(square, [[n] for n in range(5)], where=where, path=tmp_path / "x.cue")

    for _ in range(2):
        assert asyncio.run(cell()) == [0, 1, 4, 9, 16]


def test_in_several_threads_each_with_a_journal_or_all_with_one(tmp_path: Path) -> None:
    results: dict[tuple[int, bool], list[int]] = {}

    def work(k: int, shares: bool) -> None:
        path = tmp_path / ("shared.cue" if shares else f"own{k}.cue")
        results[k, shares] = chunk(square, [[n] for n in range(k, k + 30)], where="thread", path=path)

    threads = [threading.Thread(target=work, args=(k, shares)) for k in range(4) for shares in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {(k, shares): [n * n for n in range(k, k + 30)] for k in range(4) for shares in (True, False)}


@pytest.mark.parametrize("outer", ["process", "thread"])
@pytest.mark.parametrize("inner", ["process", "thread"])
def test_inside_a_call_of_another_with_a_path_of_its_own(outer: str, inner: str, tmp_path: Path) -> None:
    body = f"""
def leaf(x): note(x); return x + 1
def branch(x): return sum(chunk(leaf, [[x], [x + 1]], where="{inner}", path=f"inner{{x}}.cue"))
print(chunk(branch, [[0], [10]], where="{outer}", chunk_size=2, path="outer.cue"))
"""
    assert run_script(tmp_path, body) == "[3, 23]\n"
    assert run_script(tmp_path, body) == "[3, 23]\n"
    assert sorted(calls(tmp_path)) == ["0", "1", "10", "11"]


@pytest.mark.parametrize("where", ["process", "thread"])
def test_inside_a_call_its_own_runs_journal_is_refused_with_what_to_do(where: str, tmp_path: Path) -> None:
    path = tmp_path / "x.cue"

    def branch(x: int) -> list[int]:
        return chunk(abs, [[x]], path=path, where=where)

    [failed] = chunk(branch, [[1]], path=path, where=where, errors="collect")
    assert isinstance(failed, CallFailed)
    assert isinstance(failed.__cause__, JournalBusy)
    assert "path of its own" in failed.error_text


def test_two_processes_on_one_journal_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    body = """
def f(x):
    note(x)
    if x == 0: wait_for("go")
    return x
print(chunk(f, [[0], [1]], path="x.cue"))
"""
    other = "def f(x): return x\ntry:\n    chunk(f, [[5]], path='x.cue')\nexcept JournalBusy as e:\n    print(e.pid, e.host, e.since, e)\n"
    with start(tmp_path, body) as first:
        first.wait_for_calls(2)
        second = tmp_path / "second"
        second.mkdir()
        out = run_script(second, other.replace("x.cue", str(tmp_path / "x.cue")))
        pid, host, since, text = out.split(maxsplit=3)
        assert int(pid) == first.pid
        assert host and since.startswith("20")
        assert str(first.pid) in text
        (tmp_path / "go").touch()
        assert (first.wait(), first.stdout) == (0, "[0, 1]\n")


def test_in_a_forked_child_of_a_program_that_used_it_before(tmp_path: Path) -> None:
    body = """
def f(x): return os.getppid()
assert chunk(f, [[1]], path="a.cue") == [os.getpid()]
pid = os.fork()
if pid == 0:
    try:
        ok = chunk(f, [[1]], path="b.cue") == [os.getpid()]
    finally:
        os._exit(0 if ok else 1)
print(os.waitpid(pid, 0)[1])
"""
    assert run_script(tmp_path, body) == "0\n"


def test_under_multiprocessing_and_concurrent_futures(tmp_path: Path) -> None:
    body = """
import multiprocessing, concurrent.futures
def f(x): return x + 1
def inner(x): return chunk(f, [[x]], path=f"{x}.cue")
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(inner, [1, 2]))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        print(list(pool.map(inner, [3, 4])))
"""
    assert run_script(tmp_path, body) == "[[2], [3]]\n[[4], [5]]\n"


def test_calls_may_start_threads_and_processes_of_their_own(tmp_path: Path) -> None:
    body = """
import multiprocessing, threading
def work(x): return x * 2
def f(x):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(current_call().index))
    thread.start(); thread.join()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.map(work, [x]) + seen
print(chunk(f, [[5], [6]], chunk_size=1))
"""
    assert run_script(tmp_path, body) == "[[10, 0], [12, 1]]\n"


def test_a_moved_journal_and_a_moved_script_go_on_together(tmp_path: Path) -> None:
    body = "def f(x):\n    with open('calls.log', 'a') as log: log.write(f'{x}\\n')\n    return x\nprint(chunk(f, [[1], [2]], path='x.cue'))\n"
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    run_script(here, body)
    here.rename(there)
    run_script(there, body)
    assert sorted(calls(there)) == ["1", "2"]


def test_a_working_folder_that_is_gone_matters_to_nobody(tmp_path: Path) -> None:
    body = """
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
try:
    print(chunk(abs, [[-1]]))
except OSError as error:
    print(type(error).__name__)
"""
    assert run_script(tmp_path, body) == "[1]\n"


def test_a_thread_that_a_timed_out_coroutine_waits_for_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuebook.api.loop_thread.ABANDON_S", 0.01)
    gate, opened = threading.Event(), []

    async def f(x: int) -> None:
        await asyncio.to_thread(lambda: opened.append(gate.wait(30)))

    [failed] = chunk(f, [[1]], where="async", timeout=0.02, errors="collect")
    assert isinstance(failed, CallTimedOut)
    assert opened == []
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("asyncio"):
            thread.join()
    assert opened == [True]


def test_a_call_that_changes_the_working_directory_leaves_no_journal_open(tmp_path: Path) -> None:
    body = """
def f(x):
    os.chdir("/")
    return x
with Chunker(f, where="thread", path="x.cue") as chunker:
    assert chunker([[1], [2]]) == [1, 2]
    os.chdir(HERE)
    import subprocess
    other = "from cuebook import chunk; print(chunk(abs, [[-1]], path='x.cue'))"
    print(subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=True).stdout)
"""
    assert run_script(tmp_path, body).strip() == "[1]"


def test_a_journal_error_of_a_call_is_its_own_also_where_files_are_arguments(tmp_path: Path) -> None:
    """What makes paths of files stands between the worker and the call, and is not what has failed."""
    table = tmp_path / "table.txt"
    table.write_text("1")

    def refused(path: Path) -> None:
        raise JournalError(f"{path.name} is none")

    [failed] = chunk(refused, [[File(table)]], path=tmp_path / "x.cue", where="thread", errors="collect")

    assert isinstance(failed, CallFailed)
    assert failed.error_text == "table.txt is none"
    assert "called_with" not in failed.traceback_text
