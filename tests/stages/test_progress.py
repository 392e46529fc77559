"""Checkpoints that a stage makes of itself: its next attempt goes on from there, through kills, until it is done."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.upkeep.compaction import compact
from tests.support.scripts import ROOT, ScriptFolder

FIT = """
import os, sys
import cuebook
from cuebook import last_checkpoint, make_checkpoint

def note(text):
    with open("calls", "a") as file:
        file.write(text + "\\n")

@cuebook.stage
def fit(steps):
    begin, total = last_checkpoint((0, 0.0))
    note(f"from{begin}")
    for step in range(begin, steps):
        total += step
        make_checkpoint((step + 1, total), label="step", metrics={"total": total})
        if os.path.exists(f"kill{step}"):
            os.kill(os.getpid(), 9)
        if os.path.exists(f"fail{step}"):
            raise ValueError("no")
    return total

print(fit(10))
"""


@pytest.fixture
def folder(tmp_path: Path) -> ScriptFolder:
    made = ScriptFolder(tmp_path)
    made.write(FIT)
    return made


def journal(folder: ScriptFolder) -> Path:
    (found,) = (folder.path / ".cuebook" / "jobs").rglob("*.cuebook")
    return found


def test_a_stage_goes_on_from_its_newest_state_through_kills_and_failures(folder: ScriptFolder) -> None:
    (folder.path / "kill3").touch()
    assert folder.run(code=-signal.SIGKILL)[1] == ["from0"]
    (folder.path / "kill3").unlink()
    (folder.path / "fail6").touch()
    assert folder.run(code=1)[1] == ["from4"]
    (folder.path / "fail6").unlink()

    assert folder.run() == ("45.0", ["from7"])
    assert folder.run() == ("45.0", [])


def test_of_a_stage_two_states_are_kept_and_none_once_it_is_done(folder: ScriptFolder) -> None:
    (folder.path / "kill5").touch()
    folder.run(code=-signal.SIGKILL)
    with open_reader(journal(folder)) as reader:
        assert len(reader.states()) == 2
    compact(journal(folder))
    (folder.path / "kill5").unlink()
    assert folder.run()[1] == ["from6"], "compaction leaves what is needed"
    compact(journal(folder))
    with open_reader(journal(folder)) as reader:
        assert reader.states() == []
        assert "STAGE_STATE" not in {record.kind.name for record in reader.records()}


def test_another_code_or_a_reset_begins_anew(folder: ScriptFolder) -> None:
    (folder.path / "kill3").touch()
    folder.run(code=-signal.SIGKILL)
    (folder.path / "kill3").unlink()
    (folder.path / "fail3").touch()
    assert folder.run(code=1, CUEBOOK_RESET="1")[1] == ["from0"]
    (folder.path / "fail3").unlink()
    folder.edit("total += step", "total += 2 * step")

    assert folder.run() == ("90.0", ["from0"])


def test_a_retry_goes_on_from_the_state_of_the_attempt_before(folder: ScriptFolder) -> None:
    folder.edit("@cuebook.stage", "@cuebook.stage(retries=cuebook.Retry(2, backoff=0.0))")
    folder.edit('raise ValueError("no")', 'os.unlink(f"fail{step}"); raise ValueError("no")')
    (folder.path / "fail2").touch()
    (folder.path / "fail5").touch()

    assert folder.run() == ("45.0", ["from0", "from3", "from6"])


def test_a_coroutine_awaits_both_and_a_plain_stage_under_a_loop_does_not(folder: ScriptFolder) -> None:
    folder.write(
        "import asyncio, cuebook\n"
        "from cuebook import last_checkpoint, make_checkpoint\n"
        "@cuebook.stage\n"
        "async def one():\n"
        "    return [await make_checkpoint(1), await make_checkpoint(2, every=5), await last_checkpoint()]\n"
        "@cuebook.stage\n"
        "def two():\n"
        "    return [make_checkpoint(3), make_checkpoint(4, every=5), last_checkpoint()]\n"
        "async def main():\n    print(await one(), two())\n"
        "asyncio.run(main())\n"
    )
    assert folder.run()[0] == "[1, None, 1] [1, None, 3]"


def test_the_innermost_has_the_checkpoint(folder: ScriptFolder) -> None:
    folder.write(
        "import cuebook\n"
        "from cuebook import last_checkpoint, make_checkpoint\n"
        "def call(x):\n    return make_checkpoint(x)\n"
        "@cuebook.stage\n"
        "def outer():\n"
        "    make_checkpoint('outer')\n"
        "    calls = cuebook.chunk(call, [[1], [2]], where='thread', progress_bar=False)\n"
        "    return [calls, inner(), last_checkpoint()]\n"
        "@cuebook.stage\n"
        "def inner():\n"
        "    return [last_checkpoint('none'), make_checkpoint('inner')]\n"
        "if __name__ == '__main__':\n    print(outer(), make_checkpoint(5), last_checkpoint('none'))\n"
    )
    assert folder.run()[0] == "[[1, 1], ['none', 1], 'outer'] None none"


def test_a_state_that_is_damaged_is_said_and_the_one_before_is_taken(folder: ScriptFolder) -> None:
    import sqlite3

    (folder.path / "kill3").touch()
    folder.run(code=-signal.SIGKILL)
    (folder.path / "kill3").unlink()
    connection = sqlite3.connect(journal(folder))
    (seq,) = connection.execute("SELECT max(seq) FROM states").fetchone()
    connection.execute("DELETE FROM states WHERE seq = ?", (seq,))
    connection.commit()
    connection.close()

    assert folder.run() == ("45.0", ["from3"])
    assert "checkpoint 4 of stage fit cannot be read" in folder.stderr


def test_job_show_tells_the_newest_checkpoint_of_what_is_not_done(folder: ScriptFolder) -> None:
    (folder.path / "kill3").touch()
    folder.run(code=-signal.SIGKILL)

    def shown(*words: str) -> str:
        command = [sys.executable, "-m", "cuebook", "job", "show", "script.py", *words]
        return subprocess.run(
            command, cwd=folder.path, env={"PYTHONPATH": ROOT, "PATH": ""}, capture_output=True, text=True, check=True
        ).stdout

    assert "fit  checkpoint 4 'step', " in shown()
    assert "total=6" in shown()
    (found,) = json.loads(shown("--json"))["runs"][-1]["checkpoints"]
    assert (found["stage"], found["number"], found["metrics"]) == ("fit", 4, {"total": 6.0})


def test_what_a_stage_has_left_running_keeps_nothing_once_it_is_done(folder: ScriptFolder) -> None:
    folder.write(
        "import contextvars, cuebook, threading\n"
        "go, told = threading.Event(), []\n"
        "def later():\n    go.wait()\n    told.append(cuebook.make_checkpoint(2))\n"
        "@cuebook.stage\n"
        "def begun():\n"
        "    global thread\n"
        "    thread = threading.Thread(target=contextvars.copy_context().run, args=(later,))\n"
        "    thread.start()\n"
        "    return cuebook.make_checkpoint(1)\n"
        "print(begun())\ngo.set()\nthread.join()\nprint(told)\n"
    )
    assert folder.run()[0] == "1\n[None]"
    with open_reader(journal(folder)) as reader:
        assert [record.kind.name for record in reader.records()].count("STAGE_STATE") == 1
