"""`Checkpoint.load`: a true picture of the newest run, that disturbs nobody and executes nothing by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cuebook import CallFailed, CallTimedOut, Checkpoint, JournalCorrupt, JournalError, WorkerDied
from cuebook.persistence.records.run_heads import Reason
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.values.placeholders import Opaque
from tests.support.journals import write
from tests.support.runs import (
    completed_values,
    environment,
    failed,
    living,
    reused,
    run_entries,
    same_arguments,
    script,
)

CALLS = [[0], [1], [2], [3], [4]]


class Trap:
    """Its pickle says so when it is opened."""

    opened: list[str] = []

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        return spring, (self.text,)


def spring(text: str) -> str:
    Trap.opened.append(text)
    return text


@pytest.fixture
def cue(tmp_path: Path) -> Path:
    path = tmp_path / "runs.cue"
    write(
        path,
        run_entries(1, CALLS, {0: "zero", 1: None}),
        run_entries(
            2,
            CALLS,
            {3: 3.0},
            same_arguments(2, 0, 5, (1, 0)),
            reused(2, (1, 0, 0, 2)),
            failed(2, 2, KeyError("two")),
            is_closed=False,
        ),
    )
    return path


def test_it_shows_the_newest_run_with_taken_results_and_failures(cue: Path) -> None:
    found = Checkpoint.load(cue)
    assert (found.func_name, found.path) == ("clean", cue)
    assert found.parameters == CALLS
    assert found.output == ["zero", None, None, 3.0, None]
    assert found.completed == [True, True, False, True, False]
    assert (found.done, found.total, str(found.status)) == (3, 5, "abandoned")
    assert [(run.number, run.done, str(run.status)) for run in found.runs] == [(1, 2, "finished"), (2, 3, "abandoned")]


def test_an_error_has_its_call_its_traceback_and_the_original_exception(cue: Path) -> None:
    (index,), (error,) = zip(*Checkpoint.load(cue).errors.items(), strict=True)
    assert index == error.index == 2
    assert error.arguments == [2]
    assert "KeyError" in error.traceback_text
    assert isinstance(error.__cause__, KeyError)
    assert error.__cause__.args == ("two",)


def test_the_class_of_an_error_tells_why_its_call_failed(tmp_path: Path) -> None:
    reasons = [Reason.RAISED, Reason.TIMED_OUT, Reason.WORKER_DIED, Reason.NOT_KEPT]
    entries = [failed(1, index, OSError("x"), reason) for index, reason in enumerate(reasons)]
    write(tmp_path / "a.cue", run_entries(1, CALLS, {}, *entries))
    errors = Checkpoint.load(tmp_path / "a.cue").errors
    assert [type(error) for error in errors.values()] == [CallFailed, CallTimedOut, WorkerDied, CallFailed]


def test_a_run_without_a_known_end_has_no_total_but_its_calls_so_far(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", run_entries(1, CALLS, {1: "one"}, is_closed=False, total=None))
    found = Checkpoint.load(tmp_path / "a.cue")
    assert found.total is None
    assert found.output == [None, "one", None, None, None]
    assert found.completed == [False, True, False, False, False]


def test_its_repr_says_how_far_the_run_is(cue: Path) -> None:
    assert repr(Checkpoint.load(cue)) == f"<Checkpoint {cue}: clean, 3 of 5 done, 1 failed, abandoned>"


def test_a_journal_without_a_run_is_an_empty_picture(tmp_path: Path) -> None:
    write(tmp_path / "a.cue", [])
    found = Checkpoint.load(tmp_path / "a.cue")
    assert (found.func_name, found.parameters, found.output, found.completed) == ("", [], [], [])
    assert (found.done, found.total, found.errors, found.runs) == (0, None, {}, [])
    assert "no run yet" in repr(found)


def test_a_missing_file_and_a_file_that_is_no_journal_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no journal at"):
        Checkpoint.load(tmp_path / "none.cue")
    (tmp_path / "text.cue").write_text("text\n" * 1000)
    with pytest.raises(JournalCorrupt):
        Checkpoint.load(tmp_path / "text.cue")
    assert not (tmp_path / "none.cue").exists()


def test_loading_executes_nothing_until_values_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    write(path, run_entries(1, [[Trap("argument")]], {0: [Trap("value")]}))
    Trap.opened.clear()
    found = Checkpoint.load(path)
    assert (found.done, found.completed, repr(found)[:11]) == (1, [True], "<Checkpoint")
    assert Trap.opened == []
    assert (found.output, found.parameters) == ([["value"]], [["argument"]])
    assert Trap.opened == ["value", "argument"]
    assert found.output is found.output


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_journal_that_others_can_write_to_is_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    write(path, run_entries(1, [[Trap("argument")]], {0: [Trap("value"), 5]}))
    path.chmod(0o666)
    Trap.opened.clear()
    found = Checkpoint.load(path)
    assert isinstance(found.output[0][0], Opaque)
    assert found.output[0][1] == 5
    assert isinstance(found.parameters[0][0], Opaque)
    assert Trap.opened == []


def test_it_stays_what_it_was_while_the_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.cue"
    write(path, run_entries(1, CALLS, {0: 0}, is_closed=False))
    found = Checkpoint.load(path)
    write(path, [completed_values(1, {1: 1})], run_entries(2, [[9]], {0: 9}, function="other"))
    assert (found.func_name, found.output, found.parameters) == ("clean", [0, None, None, None, None], CALLS)
    assert Checkpoint.load(path).func_name == "other"


def test_a_journal_compacted_since_is_not_taken_for_the_old_one(cue: Path) -> None:
    found = Checkpoint.load(cue)
    compact(cue)
    with pytest.raises(JournalError, match="load it again"):
        _ = found.output
    assert Checkpoint.load(cue).output == ["zero", None, None, 3.0, None]


def test_a_damaged_result_is_an_error_not_a_value(cue: Path) -> None:
    data = bytearray(cue.read_bytes())
    data[data.index(b"zero")] ^= 1
    cue.write_bytes(data)
    with pytest.raises(JournalCorrupt, match="record"):
        _ = Checkpoint.load(cue).output


def test_it_shows_a_real_run_while_it_runs_and_the_run_does_not_notice(tmp_path: Path) -> None:
    text = """
    import sys
    from cuebook import chunk

    def gated(x):
        if x == 2:
            print("waiting", flush=True)
            sys.stdin.readline()
        return x * 10

    print("ready", flush=True)
    chunk(gated, [[0], [1], [2], [3]], path="real.cue", chunk_size=1, where="thread")
    print("finished", flush=True)
    """
    with living(tmp_path, text) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == "waiting\n"
        path = tmp_path / "real.cue"
        found = Checkpoint.load(path)
        for _ in range(2000):
            if found.done == 2:
                break
            found = Checkpoint.load(path)
        assert (found.func_name, str(found.status), found.output) == ("gated", "running", [0, 10, None, None])
        program.stdin.write("go on\n")
        program.stdin.flush()
        assert program.stdout.readline() == "finished\n"
        assert Checkpoint.load(path).output == [0, 10, 20, 30]


def test_it_shows_a_real_run_of_processes_after_it(tmp_path: Path) -> None:
    text = """
    from cuebook import chunk

    def risky(x, y=1):
        if x == 3:
            raise LookupError("three")
        return {"sum": x + y}

    chunk(risky, [[1], {"x": 2, "y": 5}, [3]], path="real.cue", errors="collect")
    """
    program = script(tmp_path, text)
    assert program.returncode == 0, program.stderr
    found = Checkpoint.load(tmp_path / "real.cue")
    assert found.parameters == [[1], {"x": 2, "y": 5}, [3]]
    assert found.output == [{"sum": 2}, {"sum": 7}, None]
    assert isinstance(found.errors[2].__cause__, LookupError)
    assert "three" in str(found.errors[2])


def test_loading_needs_no_event_loop(cue: Path) -> None:
    text = (
        "import sys, json; from cuebook import Checkpoint; output = Checkpoint.load(sys.argv[1]).output;"
        "print(json.dumps([output, sorted({'asyncio', 'anyio', 'aiosqlite'} & set(sys.modules))]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", text, str(cue)], env=environment(), capture_output=True, text=True, timeout=30
    )
    assert json.loads(found.stdout) == [["zero", None, None, 3.0, None], []]
