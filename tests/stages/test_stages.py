"""Scripts of stages, run again and again: what is done, and what is taken over, counted in a file beside them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PIPELINE = """
import os, sys, time
import cuebook

FACTOR = 2

def note(text):
    with open("calls", "a") as file:
        file.write(text + "\\n")

def clean(row):
    return row > 2

@cuebook.stage
def stage1(count):
    note("stage1")
    return list(range(count))

@cuebook.stage
def other(count):
    note("other")
    return {"count": count}

@cuebook.stage
def stage2(rows):
    note("stage2")
    return [row * FACTOR for row in rows if clean(row)]

@cuebook.stage
def stage3(rows):
    note("stage3")
    if os.path.exists("fail"):
        raise ValueError("not today")
    if os.path.exists("kill"):
        os.kill(os.getpid(), 9)
    return sum(rows)

rows = stage1(10)
other(3)
print(stage3(stage2(rows)))
"""


class Folder:
    """A folder with a script in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.script = path / "script.py"
        self.stderr = ""

    def write(self, text: str) -> None:
        self.script.write_text(text)

    def edit(self, old: str, new: str) -> None:
        text = self.script.read_text()
        assert old in text
        self.write(text.replace(old, new))

    def run(self, *words: str, code: int = 0, script: str = "script.py", **environment: str) -> tuple[str, list[str]]:
        """What a run printed, and which calls it made."""
        (self.path / "calls").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, *words, script] if not words else [sys.executable, *words],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.stderr = done.stderr
        assert done.returncode == code, done.stderr
        return done.stdout.strip(), self.calls()

    def calls(self) -> list[str]:
        path = self.path / "calls"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.write(PIPELINE)
    return made


ALL = ["stage1", "other", "stage2", "stage3"]


def test_a_run_that_failed_in_its_third_stage_goes_on_with_that(folder: Folder) -> None:
    (folder.path / "fail").touch()
    assert folder.run(code=1)[1] == ALL
    (folder.path / "fail").unlink()

    assert folder.run() == ("84", ["stage3"])
    assert folder.run() == ("84", [])


def test_what_a_killed_run_has_finished_is_taken_over(folder: Folder) -> None:
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
    folder: Folder, old: str, new: str, redone: list[str]
) -> None:
    folder.run()
    folder.edit(old, new)

    assert folder.run()[1] == redone
    assert folder.run()[1] == []


def test_a_stage_that_is_put_back_as_it_was_takes_over_what_it_gave_then(folder: Folder) -> None:
    folder.run()
    folder.edit("FACTOR = 2", "FACTOR = 3")
    folder.run()
    folder.edit("FACTOR = 3", "FACTOR = 2")

    assert folder.run() == ("84", [])


def test_the_reasons_are_said(folder: Folder) -> None:
    folder.run()
    folder.edit("row > 2", "row > 3")
    folder.run()

    assert "stage2 is redone: code of clean changed" in folder.stderr
    assert "stage3 is redone because of stage2" in folder.stderr


def test_resetting_redoes_all_or_one_stage_and_what_follows(folder: Folder) -> None:
    folder.run()

    assert folder.run(CUEBOOK_RESET="1")[1] == ALL
    assert folder.run(CUEBOOK_RESET_STAGES="stage2")[1] == ["stage2", "stage3"]
    assert folder.run(DATACHAIN_CHECKPOINTS_RESET="1", CUEBOOK_RESTE="1")[1] == []
    assert "DATACHAIN_CHECKPOINTS_RESET means nothing" in folder.stderr
    assert "CUEBOOK_RESTE is set" in folder.stderr


def test_a_named_job_is_found_from_a_copy_and_as_a_module(folder: Folder) -> None:
    folder.run(CUEBOOK_JOB="mine")
    (folder.path / "again.py").write_text(folder.script.read_text())

    assert folder.run(script="again.py", CUEBOOK_JOB="mine")[1] == []
    assert folder.run("-m", "again", CUEBOOK_JOB="mine")[1] == []
    assert folder.run("-m", "script")[1] == ALL
    assert folder.run()[1] == []


def test_a_session_without_a_script_says_that_nothing_will_be_found(folder: Folder) -> None:
    text = "import cuebook\n@cuebook.stage\ndef f(): return 1\nprint(f())"
    assert folder.run("-c", text)[0] == "1"
    assert "no later one will find its stages" in folder.stderr


def test_an_input_file_counts_by_its_content(folder: Folder) -> None:
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


def test_files_that_a_stage_writes_are_brought_back(folder: Folder) -> None:
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


LARGE = """
import cuebook

@cuebook.stage
def large():
    open("calls", "a").write("large\\n")
    return list(range(100_000))

@cuebook.stage
def size(rows):
    open("calls", "a").write("size\\n")
    return len(rows)

print(size(large()))
"""


def store_file(folder: Folder) -> Path:
    (found,) = [path for path in (folder.path / ".cuebook" / "files").rglob("*") if path.is_file()]
    return found


def test_a_value_that_nobody_reads_is_never_loaded_and_a_missing_one_is_made_again(folder: Folder) -> None:
    folder.write(LARGE)
    folder.run()
    blob = store_file(folder)
    data = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(data[:-1] + b"?")
    assert folder.run() == ("100000", []), "a damaged value was looked at"
    blob.unlink()

    assert folder.run() == ("100000", ["large"])
    assert "is missing" in folder.stderr
    assert folder.run() == ("100000", [])


def test_a_damaged_value_is_said_and_made_again_when_it_is_looked_at(folder: Folder) -> None:
    folder.write(LARGE + "print(large()[-1])\n")
    folder.run()
    blob = store_file(folder)
    data = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(data[:-1] + b"?")

    assert folder.run() == ("100000\n99999", ["large"])
    assert "damaged" in folder.stderr
    assert folder.run() == ("100000\n99999", [])


def test_the_items_of_a_chunk_in_a_stage_are_durable_each(folder: Folder) -> None:
    folder.write(
        "import os, cuebook\n"
        "def work(item):\n"
        "    with open('calls', 'a') as file:\n        file.write(f'{item}\\n')\n"
        "    return item * item\n"
        "@cuebook.stage\n"
        "def squares(items):\n"
        "    found = cuebook.chunk(work, [[item] for item in items], workers=1, where='thread')\n"
        "    if os.path.exists('kill'):\n        os.kill(os.getpid(), 9)\n"
        "    return found\n"
        "print(sum(squares([1, 2, 3])))\n"
    )
    (folder.path / "kill").touch()
    assert folder.run(code=-signal.SIGKILL)[1] == ["1", "2", "3"]
    (folder.path / "kill").unlink()

    assert folder.run() == ("14", [])


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow"])
def test_frames_are_kept_as_parquet(folder: Folder, kind: str) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip(kind)
    make = {"polars": "polars.DataFrame", "pandas": "pandas.DataFrame", "pyarrow": "pyarrow.table"}[kind]
    folder.write(
        f"import cuebook, {kind}\n"
        "@cuebook.stage\n"
        f"def frame():\n    open('calls', 'a').write('frame\\n')\n    return {make}({{'a': [1, 2], 'b': ['x', 'y']}})\n"
        "@cuebook.stage\n"
        "def shape(frame):\n    open('calls', 'a').write('shape\\n')\n    return list(frame.shape)\n"
        "found = frame()\nprint(shape(found), found['a'].to_pylist() if hasattr(found['a'], 'to_pylist')"
        " else list(found['a']))\n"
    )
    first = folder.run()

    assert first[1] == ["frame", "shape"]
    assert folder.run() == (first[0], [])
    assert store_file(folder).read_bytes()[:4] == b"PAR1"


def test_two_runs_of_one_script_at_once_never_both_do_all(folder: Folder) -> None:
    folder.write(
        "import cuebook, sys\n"
        "@cuebook.stage\n"
        "def wait():\n    print('here', flush=True)\n    return sys.stdin.readline()\n"
        "wait()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    first = subprocess.Popen(
        [sys.executable, "script.py"], cwd=folder.path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdout is not None
    assert first.stdout.readline() == b"here\n"
    folder.run(code=1)
    first.communicate(b"go\n")

    assert f"is being run by process {first.pid}" in folder.stderr
    assert folder.run()[0] == ""


def test_a_stage_that_calls_itself_with_the_same_arguments_is_an_error(folder: Folder) -> None:
    folder.write(
        "import cuebook\n"
        "@cuebook.stage\n"
        "def count(n):\n    return n and count(n - 1) + 1\n"
        "@cuebook.stage\n"
        "def a():\n    return b()\n"
        "@cuebook.stage\n"
        "def b():\n    return a()\n"
        "print(count(3), flush=True)\n"
        "a()\n"
    )
    assert folder.run(code=1)[0] == "3"
    assert "a stage calls itself with the same arguments: a -> b -> a" in folder.stderr


def test_data_sets_outlive_a_failure_and_are_listed_read_and_deleted(folder: Folder) -> None:
    (folder.path / "fail").touch()
    folder.run(code=1)
    folder.write(
        "import cuebook\n"
        "print([(each.name, each.version, each.rows) for each in cuebook.datasets()])\n"
        "print(cuebook.read_dataset('stage2')[:2])\n"
        "print(cuebook.delete_dataset('stage2'))\n"
        "print([each.name for each in cuebook.datasets()])\n"
    )
    assert folder.run()[0].split("\n") == [
        "[('other', 1, 1), ('stage1', 1, 10), ('stage2', 1, 7)]",
        "[6, 8]",
        "1",
        "['other', 'stage1']",
    ]
    folder.write(PIPELINE)
    (folder.path / "fail").unlink()

    assert folder.run() == ("84", ["stage2", "stage3"])
    assert "its data set was deleted" in folder.stderr


def test_a_data_set_that_a_stage_reads_by_name_counts(folder: Folder) -> None:
    folder.edit("@cuebook.stage\ndef stage3(rows):", "@cuebook.stage\ndef stage3():\n    rows = cuebook.read_dataset('stage2')")
    folder.edit("print(stage3(stage2(rows)))", "stage2(rows)\nprint(stage3())")
    assert folder.run() == ("84", ALL)
    assert folder.run() == ("84", [])
    folder.edit("row > 2", "row > 3")

    assert folder.run() == ("78", ["stage2", "stage3"])


def test_names_of_any_kind(folder: Folder) -> None:
    folder.write(
        "import cuebook\n"
        "names = ['a/b', '../up', 'naïve ☃', '.', 'x' * 300]\n"
        "for name in names:\n"
        "    @cuebook.stage(name=name)\n"
        "    def made():\n        return 1\n"
        "    made()\n"
        "assert sorted(each.name for each in cuebook.datasets()) == sorted(names)\n"
    )
    folder.run()


def test_coroutine_functions_and_retries(folder: Folder) -> None:
    folder.write(
        "import asyncio, cuebook\n"
        "@cuebook.stage(retries=cuebook.Retry(2, on=OSError, backoff=0.0))\n"
        "async def fetch(number):\n"
        "    with open('calls', 'a') as file:\n        file.write(f'{number}\\n')\n"
        "    if open('calls').read().count(f'{number}\\n') < 2:\n        raise OSError\n"
        "    return number\n"
        "async def main():\n    print(sum(await asyncio.gather(fetch(1), fetch(2), fetch(1))))\n"
        "asyncio.run(main())\n"
    )
    out, calls = folder.run()
    assert (out, sorted(calls)) == ("4", ["1", "1", "2", "2"])
    assert folder.run() == ("4", [])
