"""Where `.cuebook/` lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cuebook.errors import WorkplaceError
from cuebook.workplace.location import find_workplace, open_workplace


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CUEBOOK_DIR", raising=False)
    (tmp_path / "project" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "sub")
    return tmp_path


def test_it_is_made_beside_the_script_and_that_is_said_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = here / "project" / "main.py"
    script.write_text("")
    assert find_workplace(script) is None

    made = open_workplace(script)
    again = open_workplace(script)

    assert made.folder == again.folder == here / "project" / ".cuebook"
    assert capsys.readouterr().err.count(f"made {made.folder}") == 1
    assert (made.folder / ".gitignore").read_text().endswith("*\n")


def test_the_nearest_one_above_holds(here: Path) -> None:
    (here / ".cuebook").mkdir()
    (here / "project" / ".cuebook").mkdir()

    assert open_workplace().folder == here / "project" / ".cuebook"


def test_the_variable_goes_before_all(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "project" / ".cuebook").mkdir()
    monkeypatch.setenv("CUEBOOK_DIR", str(here / "far" / "kept"))

    assert find_workplace() is None
    assert open_workplace().folder == here / "far" / "kept"
    assert find_workplace() is not None


def test_what_is_no_folder_is_an_error(here: Path) -> None:
    (here / "project" / "sub" / ".cuebook").write_text("")

    with pytest.raises(WorkplaceError, match="is no folder"):
        open_workplace()


def test_one_that_others_put_where_all_can_write_is_passed_by(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "project" / ".cuebook").mkdir()
    (here / "project").chmod(0o1777)
    if os.getuid() == 0:
        os.chown(here / "project" / ".cuebook", 4711, 4711)
    else:
        monkeypatch.setattr("os.getuid", lambda: 4711)

    found = find_workplace()

    assert found is None or found.folder != here / "project" / ".cuebook"
