"""The commands for jobs and data sets, on what a script has left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cuebook.cli.command import ExitCode
from tests.stages.pipeline import ALL, PIPELINE
from tests.support.scripts import ROOT, ScriptFolder


class Commands(ScriptFolder):
    """A folder in which the command is called."""

    def cuebook(self, *words: str, code: int = 0) -> str:
        return self.run("-m", "cuebook", *words, code=code)[0]

    def json(self, *words: str) -> Any:
        return json.loads(self.cuebook(*words, "--json"))


@pytest.fixture
def folder(tmp_path: Path) -> Commands:
    made = Commands(tmp_path)
    made.write(PIPELINE)
    return made


def statuses(shown: Any) -> list[list[tuple[str, str]]]:
    return [[(stage["stage"], stage["status"]) for stage in run["stages"]] for run in shown["runs"]]


def test_job_show_says_what_was_done_skipped_and_redone_and_why(folder: Commands) -> None:
    folder.run()
    folder.edit("row > 2", "row > 3")
    folder.run()
    shown = folder.json("job", "show", "script.py")

    assert statuses(shown) == [
        [(name, "done") for name in ALL],
        [("stage1", "skipped"), ("other", "skipped"), ("stage2", "redone"), ("stage3", "redone")],
    ]
    assert shown["runs"][1]["parent"] == shown["runs"][0]["run"]
    assert [(run["rows_processed"], run["rows_reused"]) for run in shown["runs"]] == [(18, 0), (6, 11)]
    assert "6 rows processed, 11 reused" in folder.cuebook("job", "show", "script.py")
    assert folder.cuebook("why", "script.py").split("\n") == [
        "stage2 is redone: code of clean changed",
        "stage3 is redone because of stage2",
        "taken over: stage1, other",
    ]
    (listed,) = folder.json("job", "list")["jobs"]
    assert (listed["status"], listed["name"]) == ("done", str(folder.script))


def test_a_killed_run_is_seen_as_killed_and_a_failed_one_as_failed(folder: Commands) -> None:
    (folder.path / "kill").touch()
    folder.run(code=-signal.SIGKILL)
    (folder.path / "kill").unlink()
    (folder.path / "fail").touch()
    folder.run(code=1)
    runs = folder.json("job", "show", "script.py")["runs"]

    assert [run["status"] for run in runs] == ["killed", "failed"]
    assert runs[1]["error"] == "ValueError: not today"


def test_a_run_that_is_at_work_is_running_and_gc_beside_it_takes_nothing_of_it(folder: Commands) -> None:
    folder.write(
        "import cuebook, sys\n"
        "@cuebook.stage\n"
        "def large():\n    return list(range(100_000))\n"
        "@cuebook.stage\n"
        "def wait(rows):\n    print('here', flush=True)\n    sys.stdin.readline()\n    return len(rows)\n"
        "print(wait(large()))\n"
    )
    running = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=folder.path,
        env={**os.environ, "PYTHONPATH": ROOT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"here\n"
    assert folder.json("job", "list")["jobs"][0]["status"] == "running"
    assert folder.json("gc")["files"] == 0

    assert running.communicate(b"go\n")[0] == b"100000\n"
    assert folder.json("job", "list")["jobs"][0]["status"] == "done"


def test_run_is_as_python_with_switches_and_the_code_of_the_script(folder: Commands) -> None:
    assert folder.cuebook("run", "script.py") == "84"
    assert "stage3 done in" in folder.stderr
    folder.cuebook("run", "--reset-stage", "stage2", "script.py")
    assert folder.calls() == ["stage2", "stage3"]
    folder.cuebook("run", "--from-scratch", "script.py")
    assert folder.calls() == ALL
    (folder.path / "fail").touch()

    folder.cuebook("run", "--job", "mine", "script.py", code=1)
    assert "job mine, run 1: failed" in folder.stderr
    folder.cuebook("run", "nowhere.py", code=ExitCode.NOT_THERE)


def test_data_sets_are_listed_shown_exported_and_deleted(folder: Commands) -> None:
    folder.run()
    names = [each["name"] for each in folder.json("dataset", "list")["datasets"]]
    assert names == sorted(ALL)
    assert folder.json("dataset", "show", "stage2")["rows"] == 7
    folder.cuebook("dataset", "export", "stage2", "out.json")
    assert json.loads((folder.path / "out.json").read_text())[:2] == [6, 8]
    folder.cuebook("dataset", "delete", "stage2")
    folder.cuebook("dataset", "show", "stage2", code=ExitCode.NOT_THERE)


def test_lineage_leads_back_to_the_first_stage_and_the_files(folder: Commands) -> None:
    folder.edit("return list(range(count))", "cuebook.stage.input('data.txt')\n    return list(range(count))")
    (folder.path / "data.txt").touch()
    folder.run()
    tree = folder.json("lineage", "stage3")

    assert tree["from"][0]["name"] == "stage2"
    assert tree["from"][0]["from"][0]["files"] == [str(folder.path / "data.txt")]
    folder.cuebook("lineage", "stage3", "--svg", "picture.svg")
    assert (folder.path / "picture.svg").read_text().count("<rect") == 4


def test_gc_keeps_the_newest_versions_and_frees_what_nothing_refers_to(folder: Commands) -> None:
    folder.write("import cuebook\nN = 100_000\n@cuebook.stage\ndef large():\n    return list(range(N))\nlarge()\n")
    folder.run()
    folder.edit("100_000", "100_001")
    folder.run()
    for path in (folder.path / ".cuebook" / "files").rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))
    assert folder.json("gc", "--keep-last", "1", "--dry-run")["dropped"] == [{"name": "large", "version": 1}]
    done = folder.json("gc", "--keep-last", "1")

    assert (done["dropped"], done["files"]) == ([{"name": "large", "version": 1}], 1)
    assert folder.json("gc")["files"] == 0
    assert folder.run()[1] == []
    assert "redone" not in folder.stderr


def test_neither_gc_takes_what_the_other_one_keeps(folder: Commands) -> None:
    folder.write("import cuebook\n@cuebook.stage\ndef large():\n    return list(range(100_000))\nlarge()\n")
    folder.run()
    (folder.path / "program.py").write_text(
        "from cuebook import make_checkpoint\nopen('a.txt', 'w').write('one')\nmake_checkpoint()\n"
    )
    folder.cuebook("exp", "run", "--name", "first", "--out", "a.txt", "--", sys.executable, "program.py")
    for path in (folder.path / ".cuebook" / "files").rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))
    assert folder.json("gc")["files"] == 0
    assert "0 files" in folder.cuebook("exp", "gc", "--last", "1")

    (folder.path / "a.txt").write_text("two")
    folder.cuebook("exp", "apply", "first", "--force")
    assert (folder.path / "a.txt").read_text() == "one"
    folder.run()
    assert "redone" not in folder.stderr


def test_the_upkeep_of_journals_holds_for_those_of_jobs(folder: Commands) -> None:
    folder.run()
    (journal,) = (folder.path / ".cuebook" / "jobs").glob("*/job.cuebook")
    folder.cuebook("verify", str(journal))
    folder.cuebook("compact", str(journal))

    assert folder.run() == ("84", [])


@pytest.mark.parametrize("words", [("gc",), ("exp", "gc", "--last", "1")])
def test_no_gc_takes_what_a_job_may_need_whose_journal_cannot_be_read(folder: Commands, words: tuple[str, ...]) -> None:
    folder.write("import cuebook\n@cuebook.stage\ndef large():\n    return list(range(100_000))\nlarge()\n")
    folder.run()
    (journal,) = folder.path.glob(".cuebook/jobs/*/job.cuebook")
    data = journal.read_bytes()
    journal.write_bytes(data[:5000])
    files = [path for path in (folder.path / ".cuebook" / "files").rglob("*") if path.is_file()]
    for path in files:
        os.utime(path, (1, 1))

    folder.cuebook(*words, code=ExitCode.BAD)
    assert folder.stderr.count("Error: ") == 1
    assert all(path.exists() for path in files)
    assert folder.cuebook("job", "list") == "no job yet"
    assert "is left out: " in folder.stderr
    folder.cuebook("job", "show", "script.py", code=ExitCode.BAD)
    assert "is damaged" in folder.stderr or "not whole" in folder.stderr, folder.stderr

    journal.write_bytes(data)
    assert folder.run()[1] == [] and "redone" not in folder.stderr
