"""Checkpoint of the drop-in: made by a program or by a run, saved to and loaded from a journal."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from cuebook.compat.thread_chunks import Checkpoint, CheckpointFailedWarning, chunk
from cuebook.compat.thread_chunks.paths import checkpoint_path
from cuebook.errors import JournalCorrupt


def name(number: int) -> str:
    return f"number {number}"


def make(path: Path | str | None = None) -> Checkpoint:
    return Checkpoint("name", [[1], [2], [3]], ["number 1", None, None], [True, False, False], 2, 1, path)


def test_one_that_is_made_with_a_path_is_saved_there(tmp_path: Path) -> None:
    made = make(str(tmp_path / "made.pkl"))

    loaded = Checkpoint.load(made.path)

    assert vars(loaded) == vars(made)
    assert type(loaded) is Checkpoint


def test_one_that_is_made_without_a_path_is_saved_where_save_says(tmp_path: Path) -> None:
    made = make()
    with pytest.raises(ValueError, match="No save path"):
        made.save()

    made.save(tmp_path / "later")

    assert made.path == str(tmp_path / "later_Checkpoint.pkl")
    assert made.name == "later_Checkpoint"
    assert make().name is None


def test_the_newest_save_is_what_is_loaded(tmp_path: Path) -> None:
    made = make(tmp_path / "made.pkl")
    made.output[1], made.completed[1], made.done, made.index = None, True, 2, 3

    assert made.update_save() is True

    loaded = Checkpoint.load(tmp_path / "made.pkl")
    assert (loaded.completed, loaded.done, loaded.index) == ([True, True, False], 2, 3)


def test_it_is_saved_where_a_loop_runs(tmp_path: Path) -> None:
    async def save() -> None:
        make(tmp_path / "made.pkl")

    asyncio.run(save())

    assert Checkpoint.load(tmp_path / "made.pkl").done == 1


def test_what_a_program_wrote_itself_is_never_taken_for_a_result(tmp_path: Path) -> None:
    """It has a function's name, not its code."""
    Checkpoint("name", [[1]], ["not what name returns"], [True], 1, 1, tmp_path / "a.pkl")

    assert chunk(name, [[1]], chunk_size=1, path=tmp_path / "a.pkl") == ["number 1"]


def test_a_run_that_is_going_on_can_be_loaded(tmp_path: Path) -> None:
    """`index` counts what is completed and what runs; the writer notices nothing."""
    gate, begun, path = tmp_path / "gate", tmp_path / "begun", tmp_path / "a.pkl"

    def waits(number: int) -> int:
        import os
        import time

        if number >= 3:
            begun.touch()
        while number >= 3 and not os.path.exists(gate):
            time.sleep(0.01)
        return number

    results: list[list[int]] = []
    parameters = [[number] for number in range(10)]
    thread = threading.Thread(target=lambda: results.append(chunk(waits, parameters, chunk_size=2, path=path)))
    thread.start()
    while not begun.exists() or (found := Checkpoint.load(path)).done < 3:
        thread.join(0.01)
    gate.touch()
    thread.join()

    assert (found.func_name, found.parameters) == ("waits", parameters)
    assert found.output == [0, 1, 2] + [None] * 7
    assert found.completed == [True] * 3 + [False] * 7
    assert (found.done, found.index) == (3, 5)
    assert results == [list(range(10))]


def test_a_missing_file_is_told_and_tried_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Checkpoint.load(tmp_path / "none.pkl")

    assert Checkpoint.tryload(tmp_path / "none.pkl") is False
    assert Checkpoint.tryload(None) is False


def test_saving_over_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pkl").write_text("something of the user's")

    with pytest.raises(JournalCorrupt):
        make(tmp_path / "text.pkl")

    assert (tmp_path / "text.pkl").read_text() == "something of the user's"


def test_a_loaded_one_may_get_another_path(tmp_path: Path) -> None:
    make(tmp_path / "made.pkl")

    assert Checkpoint.load(tmp_path / "made.pkl", "elsewhere").path == "elsewhere_Checkpoint.pkl"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("a", "a_Checkpoint.pkl"),
        ("a_", "a_Checkpoint.pkl"),
        ("a.pkl", "a.pkl"),
        ("a.cue", "a.cue"),
        ("folder.d/a", "folder.d/a_Checkpoint.pkl"),
        ("folder/", "folder/Checkpoint.pkl"),
        (".hidden", ".hidden_Checkpoint.pkl"),
        ("", "Checkpoint.pkl"),
    ],
)
def test_a_path_is_completed_by_the_rule_of_the_original(given: str, meant: str) -> None:
    assert checkpoint_path(given) == meant


def test_the_warning_is_a_warning() -> None:
    assert issubclass(CheckpointFailedWarning, Warning)


def test_lists_of_unequal_lengths_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"have 2, 1 and 2"):
        Checkpoint("name", [[1], [2]], ["number 1"], [True, False], 1, 1, str(tmp_path / "odd"))
    assert list(tmp_path.iterdir()) == []
