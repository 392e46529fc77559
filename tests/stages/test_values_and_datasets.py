"""What becomes of the values of stages: kept, not loaded, damaged, listed, deleted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.errors import MalformedMessage
from cuebook.stages.value_forms import decode_value
from tests.stages.pipeline import ALL, PIPELINE
from tests.support.scripts import ROOT, ScriptFolder


@pytest.fixture
def folder(tmp_path: Path) -> ScriptFolder:
    made = ScriptFolder(tmp_path)
    made.write(PIPELINE)
    return made


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


def store_file(folder: ScriptFolder) -> Path:
    (found,) = [path for path in (folder.path / ".cuebook" / "files").rglob("*") if path.is_file()]
    return found


def test_a_value_that_nobody_reads_is_never_loaded_and_a_missing_one_is_made_again(folder: ScriptFolder) -> None:
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


def test_a_damaged_value_is_said_and_made_again_when_it_is_looked_at(folder: ScriptFolder) -> None:
    folder.write(LARGE + "print(large()[-1])\n")
    folder.run()
    blob = store_file(folder)
    data = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(data[:-1] + b"?")

    assert folder.run() == ("100000\n99999", ["large"])
    assert "damaged" in folder.stderr
    assert folder.run() == ("100000\n99999", [])


def test_a_damaged_value_of_a_coroutine_is_said_and_made_again_when_it_is_awaited(folder: ScriptFolder) -> None:
    folder.write(
        LARGE.replace("def large", "async def large")
        .replace("print(size(large()))", "import asyncio\nprint(asyncio.run(large())[-1])")
    )  # fmt: skip
    folder.run()
    blob = store_file(folder)
    data = blob.read_bytes()
    blob.chmod(0o600)
    blob.write_bytes(data[:-1] + b"?")

    assert folder.run() == ("99999", ["large"])
    assert "damaged" in folder.stderr
    assert folder.run() == ("99999", [])


def test_of_a_value_in_pieces_only_the_damaged_one_is_dropped(folder: ScriptFolder) -> None:
    folder.write(
        "import cuebook, hashlib\n"
        "@cuebook.stage\n"
        "def large():\n"
        "    open('calls', 'a').write('large\\n')\n"
        "    if __import__('os').path.exists('fail'):\n        raise ValueError\n"
        "    return b''.join(hashlib.sha256(str(n).encode()).digest() for n in range(400_000))\n"
        "print(len(large()))\n"
    )
    folder.run()
    files = folder.path / ".cuebook" / "files"
    pieces = sorted((path for path in files.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    assert len(pieces) > 2
    pieces[0].chmod(0o600)
    pieces[0].write_bytes(b"?" * pieces[0].stat().st_size)

    (folder.path / "fail").touch()
    folder.run(code=1)
    assert [piece.exists() for piece in pieces] == [False, *[True] * (len(pieces) - 1)]
    (folder.path / "fail").unlink()
    assert folder.run() == ("12800000", ["large"])
    assert "is missing" in folder.stderr, "what could not be made again is known to be gone"
    assert folder.run() == ("12800000", [])


def test_a_file_in_a_large_value_that_has_changed_has_the_stage_done_again(folder: ScriptFolder) -> None:
    folder.write(
        "import cuebook\n"
        "@cuebook.stage\n"
        "def large():\n"
        "    open('calls', 'a').write('large\\n')\n"
        "    open('part', 'w').write('made')\n"
        "    return [cuebook.File('part'), list(range(100_000))]\n"
        "print(open(large()[0].path).read())\n"
    )
    assert folder.run() == ("made", ["large"])
    assert folder.run() == ("made", [])
    (folder.path / "part").write_text("other")
    assert folder.run() == ("made", ["large"])
    assert "gave back is gone or has changed" in folder.stderr


def test_the_items_of_a_chunk_in_a_stage_are_durable_each(folder: ScriptFolder) -> None:
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
def test_frames_are_kept_as_parquet(folder: ScriptFolder, kind: str) -> None:
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


def test_two_runs_of_one_script_at_once_never_both_do_all(folder: ScriptFolder) -> None:
    folder.write(
        "import cuebook, sys\n"
        "@cuebook.stage\n"
        "def wait():\n    print('here', flush=True)\n    return sys.stdin.readline()\n"
        "wait()\n"
    )
    environment = {**os.environ, "PYTHONPATH": ROOT}
    first = subprocess.Popen(
        [sys.executable, "script.py"], cwd=folder.path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdout is not None
    assert first.stdout.readline() == b"here\n"
    folder.run(code=1)
    first.communicate(b"go\n")

    assert f"is being run by process {first.pid}" in folder.stderr
    assert folder.run()[0] == ""


def test_a_stage_that_calls_itself_with_the_same_arguments_is_an_error(folder: ScriptFolder) -> None:
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


def test_data_sets_outlive_a_failure_and_are_listed_read_and_deleted(folder: ScriptFolder) -> None:
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


def test_a_data_set_that_a_stage_reads_by_name_counts(folder: ScriptFolder) -> None:
    folder.edit(
        "@cuebook.stage\ndef stage3(rows):", "@cuebook.stage\ndef stage3():\n    rows = cuebook.read_dataset('stage2')"
    )
    folder.edit("print(stage3(stage2(rows)))", "stage2(rows)\nprint(stage3())")
    assert folder.run() == ("84", ALL)
    assert folder.run() == ("84", [])
    folder.edit("row > 2", "row > 3")

    assert folder.run() == ("78", ["stage2", "stage3"])


def test_names_of_any_kind(folder: ScriptFolder) -> None:
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


def test_coroutine_functions_and_retries(folder: ScriptFolder) -> None:
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


@pytest.mark.parametrize("form", ["polars", "pandas", "arrow", "chain", "\x1b[31m"])
def test_bytes_that_are_no_frame_are_an_error_of_ours(form: str) -> None:
    with pytest.raises(MalformedMessage):
        decode_value(form, b"no frame")
