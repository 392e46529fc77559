"""chunk() of the drop-in: what it keeps, what it makes anew, what it refuses."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cuebook.api.checkpoint import Checkpoint as Picture
from cuebook.compat.thread_chunks import Checkpoint, CheckpointFailedWarning, chunk, config
from cuebook.errors import CallFailed, JournalBusy, JournalCorrupt, JournalFull

KILLED = """
import os, signal, sys, time
from cuebook.compat.thread_chunks import Checkpoint, chunk

def f(number):
    with open("calls.log", "a") as log:
        log.write(f"{number}\\n")
    if number == 12 and not os.path.exists("again"):
        while Checkpoint.load("runs/squares").done < 6:
            time.sleep(0.01)
        os.kill(os.getppid(), signal.SIGKILL)
    return number * number

print(sum(chunk(f, [[number] for number in range(40)], chunk_size=2, path="runs/squares")))
"""


def add(x: int, y: int) -> int:
    return x + y


def logged(log: str, number: int) -> int:
    with open(log, "a") as file:
        file.write(f"{number}\n")
    return number * 10


def fails_at_two(number: int) -> int:
    if number == 2:
        raise LookupError("two is not there")
    return number


def leaves(number: int) -> int:
    raise SystemExit(number)


def gives_none(number: int) -> None:
    del number


def calls_in(log: Path) -> list[int]:
    return sorted(map(int, log.read_text().split())) if log.exists() else []


def test_a_killed_program_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """SIGKILL of the parent: exactly the calls that are not completed in the file are made by the next run."""
    (tmp_path / "program.py").write_text(KILLED)
    command = [sys.executable, "program.py"]

    killed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    found = Checkpoint.load(tmp_path / "runs" / "squares")
    (tmp_path / "calls.log").unlink()
    (tmp_path / "again").touch()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert killed.returncode == -signal.SIGKILL
    assert 6 <= found.done < 40
    assert calls_in(tmp_path / "calls.log") == [n for n in range(40) if not found.completed[n]]
    assert done.stdout.strip() == str(sum(n * n for n in range(40)))


@pytest.mark.parametrize(
    "parameters",
    [
        [(1, 4), (2, 5)],
        zip([1, 2], [4, 5], strict=True),
        np.array([[1, 4], [2, 5]]),
        [range(1, 5, 3), iter([2, 5])],
        [{1: "ignored", 4: "ignored"}, [2, 5]],
    ],
    ids=["tuples", "generator", "array", "any iterable", "keys of a dict"],
)
def test_each_item_is_spread_as_a_star_does(parameters: Any) -> None:
    assert chunk(add, parameters, chunk_size=1) == [5, 7]


def test_an_item_that_cannot_be_spread_is_named_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"parameters\[1\]"):
        chunk(add, [[1, 2], 3], path=tmp_path / "sums.pkl")

    assert not (tmp_path / "sums.pkl").exists()


def test_no_parameters_give_no_results(tmp_path: Path) -> None:
    assert chunk(add, []) == []
    assert chunk(add, [], path=tmp_path / "none.pkl") == []


def test_a_new_body_under_the_same_name_is_run_anew(tmp_path: Path) -> None:
    """The original compared names alone, and all lambdas have the same one."""
    path = tmp_path / "checkpoint.pkl"
    functions: list[Callable[[int], int]] = [lambda x: 2 * x, lambda x: 3 * x]

    results = [chunk(function, [[1], [2]], chunk_size=1, path=path) for function in functions]

    assert results == [[2, 4], [3, 6]]


def test_arguments_that_the_original_could_not_compare_are_known_again(tmp_path: Path) -> None:
    """Arrays and NaN, and the same file under another spelling of its path."""
    log = str(tmp_path / "log")
    parameters = [[log, 1], [log, 2]]

    def logging_array(values: Any, where: str) -> float:
        logged(where, 1)
        return float(np.nansum(values))

    items = [[np.array([1.0, 2.0]), log], [float("nan"), log]]
    for path in (tmp_path / "a.pkl", tmp_path / "." / "a.pkl", os.path.relpath(tmp_path / "a.pkl")):
        assert chunk(logged, parameters, chunk_size=1, path=path) == [10, 20]
        assert chunk(logging_array, items, chunk_size=1, path=path) == [3.0, 0.0]

    assert calls_in(Path(log)) == [1, 1, 1, 2]


def test_a_run_goes_on_with_another_chunk_size(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parameters = [[str(log), number] for number in range(5)]

    for size in (1, 2):
        assert chunk(logged, parameters, chunk_size=size, path=tmp_path / "a.pkl") == [0, 10, 20, 30, 40]

    assert calls_in(log) == [0, 1, 2, 3, 4]


def test_going_back_to_an_earlier_list_takes_its_results(tmp_path: Path) -> None:
    """In the original the second list overwrote those of the first."""
    log = tmp_path / "log"
    first, second = [[str(log), 1], [str(log), 2]], [[str(log), 1], [str(log), 3]]

    for parameters in (first, second, first):
        chunk(logged, parameters, chunk_size=1, path=tmp_path / "a.pkl")

    assert calls_in(log) == [1, 1, 2, 3]


def test_a_deleted_file_means_a_new_start(tmp_path: Path) -> None:
    """What programs do to start over; the files that SQLite and the lock leave beside it do not matter."""
    log, path = tmp_path / "log", tmp_path / "a.pkl"
    for _ in range(2):
        chunk(logged, [[str(log), 1]], chunk_size=1, path=path)
        Checkpoint.load(path)
        path.unlink()

    assert calls_in(log) == [1, 1]


def test_a_call_that_raises_ends_the_run_with_its_own_exception(tmp_path: Path) -> None:
    """As in the original `except LookupError` works; unlike there every finished call is kept."""
    with pytest.raises(LookupError, match="two is not there") as caught:
        chunk(fails_at_two, [[0], [1], [2], [3]], chunk_size=1, path=tmp_path / "a.pkl")

    failed = caught.value.__cause__
    assert isinstance(failed, CallFailed)
    assert (failed.index, failed.arguments) == (2, [2])
    assert "fails_at_two" in failed.traceback_text
    assert Checkpoint.load(tmp_path / "a.pkl").completed[:3] == [True, True, False]


def test_an_exit_within_a_call_does_not_end_the_program() -> None:
    with pytest.raises(CallFailed, match="SystemExit"):
        chunk(leaves, [[3]], chunk_size=1)


def test_a_path_without_an_extension_is_completed_and_its_folders_are_made(tmp_path: Path) -> None:
    chunk(add, [[1, 2]], chunk_size=1, path=str(tmp_path / "new" / "folder" / "sums"))

    assert (tmp_path / "new" / "folder" / "sums_Checkpoint.pkl").is_file()
    assert Checkpoint.load(tmp_path / "new" / "folder" / "sums").output == [3]


def test_neither_function_nor_actors_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot both be"):
        chunk(None, [[1]])


def test_results_that_are_none_are_completed(tmp_path: Path) -> None:
    chunk(gives_none, [[1], [2]], chunk_size=1, path=tmp_path / "a.pkl")

    found = Checkpoint.load(tmp_path / "a.pkl")
    assert (found.output, found.completed) == ([None, None], [True, True])


class Trap:
    """Whoever unpickles it makes a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("padding", [0, 10_000])
def test_an_old_pickle_is_refused_by_name_and_left_as_it_is(tmp_path: Path, protocol: int, padding: int) -> None:
    path, sprung = tmp_path / "checkpoint.pkl", tmp_path / "sprung"
    old = pickle.dumps([Trap(sprung), "thread_chunks._checkpoint", "x" * padding], protocol)
    path.write_bytes(old)

    for use in (lambda: chunk(add, [[1, 2]], path=path), lambda: Checkpoint.load(path)):
        with pytest.raises(JournalCorrupt, match=r"checkpoint\.pkl is a checkpoint of thread-chunks \(a pickle\)"):
            use()

    assert path.read_bytes() == old
    assert not sprung.exists()


def test_another_pickle_and_another_file_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({"a": 1}))
    (tmp_path / "text.pkl").write_text("no pickle")

    with pytest.raises(JournalCorrupt, match=r"other\.pkl is a pickle, not"):
        chunk(add, [[1, 2]], path=tmp_path / "other.pkl")
    with pytest.raises(JournalCorrupt, match="not a cuebook journal"):
        chunk(add, [[1, 2]], path=tmp_path / "text.pkl")


def test_a_change_of_the_defaults_counts_from_the_next_call_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The original bound them when it was imported."""
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "cuebook.compat.thread_chunks.chunker.durable_chunk", lambda *_, **options: given.append(options)
    )

    monkeypatch.setattr(config, "default_chunk_size", 3)
    monkeypatch.setattr(config, "progress_bar", False)
    chunk(add, [[1, 2]])
    chunk(add, [[1, 2]], chunk_size=1, progress_bar=True)

    assert [(each["chunk_size"], each["progress_bar"]) for each in given] == [(3, False), (1, True)]


@pytest.mark.parametrize(("error", "warns"), [(JournalFull("no room"), True), (JournalBusy("held"), False)])
def test_a_result_that_could_not_be_saved_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, error: Exception, warns: bool
) -> None:
    """Under the name that programs filter by; then the error follows, as it did."""

    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("cuebook.compat.thread_chunks.chunker.durable_chunk", refuse)
    with pytest.raises(type(error)):
        if warns:
            with pytest.warns(CheckpointFailedWarning, match="no room"):
                chunk(add, [[1, 2]], path="a.pkl")
        else:
            chunk(add, [[1, 2]], path="a.pkl")


def test_nothing_is_printed_on_standard_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The original printed three lines for each save."""
    for _ in range(2):
        chunk(add, [[1, 2]], chunk_size=1, path=tmp_path / "a.pkl")

    assert capfd.readouterr().out == ""


def test_a_journal_of_the_original_face_is_one_of_cuebook(tmp_path: Path) -> None:
    """So the command and cuebook's own Checkpoint read it."""
    parameters = [[x, y] for x, y in itertools.product(range(3), range(3))]
    chunk(add, parameters, chunk_size=2, path=tmp_path / "a.pkl")

    picture = Picture.load(tmp_path / "a.pkl")
    assert (picture.func_name, picture.total, picture.done) == ("add", 9, 9)
