"""Scripts of stages, run again and again: what is done, and what is taken over, counted in a file beside them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.stages.pipeline import ALL, PIPELINE
from tests.support.scripts import ScriptFolder


@pytest.fixture
def folder(tmp_path: Path) -> ScriptFolder:
    made = ScriptFolder(tmp_path)
    made.write(PIPELINE)
    return made


def test_a_run_that_failed_in_its_third_stage_goes_on_with_that(folder: ScriptFolder) -> None:
    (folder.path / "fail").touch()
    assert folder.run(code=1)[1] == ALL
    (folder.path / "fail").unlink()

    assert folder.run() == ("84", ["stage3"])
    assert folder.run() == ("84", [])


def test_what_a_killed_run_has_finished_is_taken_over(folder: ScriptFolder) -> None:
    (folder.path / "kill").touch()
    assert folder.run(code=-signal.SIGKILL)[1] == ALL
    (folder.path / "kill").unlink()

    assert folder.run() == ("84", ["stage3"])


@pytest.mark.parametrize(
    ("old", "new", "redone"),
    [
        ("FACTOR = 2", "FACTOR = 3", ["stage2", "stage3"]),
        ("row > 2", "row > 3", ["stage2", "stage3"]),
        ("list(range(count))", "[*range(count)]", ALL[:1] + ALL[2:]),
        ("return sum(rows)", "return sum(rows) + 0", ["stage3"]),
        ("other(3)", "other(4)", ["other"]),
        ("return sum(rows)", "# a comment\n    return   sum(rows)", []),
        ("other(3)\n", "", []),
        ("rows = stage1(10)\nother(3)", "other(3)\nrows = stage1(10)", []),
    ],
    ids=["global", "helper", "first stage", "last stage", "argument", "comment", "stage gone", "order"],
)
def test_an_edit_redoes_what_it_changes_and_what_follows_from_that(
    folder: ScriptFolder, old: str, new: str, redone: list[str]
) -> None:
    folder.run()
    folder.edit(old, new)

    assert folder.run()[1] == redone
    assert folder.run()[1] == []


def test_a_stage_that_is_put_back_as_it_was_takes_over_what_it_gave_then(folder: ScriptFolder) -> None:
    folder.run()
    folder.edit("FACTOR = 2", "FACTOR = 3")
    folder.run()
    folder.edit("FACTOR = 3", "FACTOR = 2")

    assert folder.run() == ("84", [])


def test_the_reasons_are_said(folder: ScriptFolder) -> None:
    folder.run()
    folder.edit("row > 2", "row > 3")
    folder.run()

    assert "stage2 is redone: code of clean changed" in folder.stderr
    assert "stage3 is redone because of stage2" in folder.stderr


def test_resetting_redoes_all_or_one_stage_and_what_follows(folder: ScriptFolder) -> None:
    folder.run()

    assert folder.run(CUEBOOK_RESET="1")[1] == ALL
    assert folder.run(CUEBOOK_RESET_STAGES="stage2")[1] == ["stage2", "stage3"]
    assert folder.run(DATACHAIN_CHECKPOINTS_RESET="1", CUEBOOK_RESTE="1")[1] == []
    assert "DATACHAIN_CHECKPOINTS_RESET means nothing" in folder.stderr
    assert "CUEBOOK_RESTE is set" in folder.stderr


def test_a_named_job_is_found_from_a_copy_and_as_a_module(folder: ScriptFolder) -> None:
    folder.run(CUEBOOK_JOB="mine")
    (folder.path / "again.py").write_text(folder.script.read_text())

    assert folder.run(script="again.py", CUEBOOK_JOB="mine")[1] == []
    assert folder.run("-m", "again", CUEBOOK_JOB="mine")[1] == []
    assert folder.run("-m", "script")[1] == ALL
    assert folder.run()[1] == []


def test_a_session_without_a_script_says_that_nothing_will_be_found(folder: ScriptFolder) -> None:
    text = "import cuebook\n@cuebook.stage\ndef f(): return 1\nprint(f())"
    assert folder.run("-c", text)[0] == "1"
    assert "no later one will find its stages" in folder.stderr


def test_an_input_file_counts_by_its_content(folder: ScriptFolder) -> None:
    folder.write(
        "import cuebook\n"
        "@cuebook.stage\n"
        "def read(path):\n    open('calls', 'a').write('read\\n')\n    return path.read_text()\n"
        "@cuebook.stage\n"
        "def inside():\n    open('calls', 'a').write('inside\\n')\n"
        "    return cuebook.stage.input('data.txt').read_text()\n"
        "print(read(cuebook.File('data.txt')), inside())\n"
    )
    data = folder.path / "data.txt"
    data.write_text("one")
    assert folder.run() == ("one one", ["read", "inside"])
    os.utime(data, (1, 1))
    assert folder.run() == ("one one", [])
    data.write_text("two")
    assert folder.run() == ("two two", ["read", "inside"])
    assert "data.txt changed" in folder.stderr


def test_files_that_a_stage_writes_are_brought_back(folder: ScriptFolder) -> None:
    folder.write(
        "import cuebook\n"
        "@cuebook.stage\n"
        "def write():\n    open('calls', 'a').write('write\\n')\n"
        "    cuebook.stage.output('out/model.bin').write_bytes(b'model')\n"
        "write()\n"
    )
    model = folder.path / "out" / "model.bin"
    folder.run()
    model.unlink()

    assert folder.run()[1] == []
    assert model.read_bytes() == b"model"


def test_a_program_that_is_installed_is_no_script_after_which_a_job_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import sys
    import sysconfig

    from cuebook.stages.job_name import script_of_program

    installed = Path(sysconfig.get_path("purelib")) / "pytest" / "__main__.py"
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(installed), raising=False)
    assert script_of_program() is None
    own = tmp_path / "own.py"
    own.touch()
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(own))
    assert script_of_program() == own


@pytest.mark.slow
def test_hundreds_of_runs_of_a_finished_job_do_nothing_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import cuebook

    monkeypatch.setenv("CUEBOOK_DIR", str(tmp_path / ".cuebook"))
    made: list[int] = []

    @cuebook.stage
    def once() -> int:
        made.append(1)
        return 1

    for _ in range(300):
        with cuebook.job("again") as job:
            assert once() == 1

    assert made == [1]
    assert len(job.state.runs) == 300


def test_a_path_in_depends_that_cannot_be_read_is_named_when_a_stage_is_done_and_when_it_is_taken_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import cuebook

    monkeypatch.setenv("CUEBOOK_DIR", str(tmp_path / ".cuebook"))
    made: list[int] = []

    @cuebook.stage(depends=(tmp_path / "tabel.csv",))
    def rows() -> int:
        made.append(1)
        return 1

    for _ in range(2):
        capfd.readouterr()
        with cuebook.job("typo"):
            assert rows() == 1
        said = capfd.readouterr().err
        assert "names what cannot be read, and counts as missing: " in said and "tabel.csv (No such file" in said
    assert made == [1]
