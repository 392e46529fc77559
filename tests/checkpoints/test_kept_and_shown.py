"""What becomes of checkpoints beside the call: shown while it runs, large states, and what no attempt needs any more."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cuebook import CallFailed, chunk, last_checkpoint, make_checkpoint
from tests.support.programs import calls, run_script, start
from tests.support.runs import environment

METRICS = """
def f(x):
    for step in range(3):
        make_checkpoint({"step": step}, label="epoch", metrics={"loss": np.float32(1 / (step + 1)), "step": step})
    if x:
        note(x, "ready.log")
        time.sleep(100)
    return x
import numpy as np
print(chunk(f, [[n] for n in range(3)], workers=3, path="x.cue", where=sys.argv[1]))
"""


@pytest.mark.parametrize("where", ["process", "thread"])
def test_label_age_and_metrics_of_running_calls_are_shown(where: str, tmp_path: Path) -> None:
    with start(tmp_path, METRICS, where) as program:
        while len(calls(tmp_path, "ready.log")) < 2:
            assert program.process.poll() is None, program.stderr
            time.sleep(0.01)
        text = _cuebook(tmp_path, "show", "x.cue")
        (shown,) = json.loads(_cuebook(tmp_path, "show", "x.cue", "--json"))["runs"]
        program.send(signal.SIGKILL)
        program.wait()
    lines = sorted(re.sub("3 'epoch', .* ago", "3 'epoch', AGE", line) for line in text.splitlines() if "call " in line)
    assert lines == [f"run 1, call {n}: checkpoint 3 'epoch', AGE, loss=0.3333, step=2" for n in (1, 2)]
    assert [(each["label"], each["metrics"]["step"]) for each in shown["checkpoints"]] == [("epoch", 2)] * 2

    assert "call " not in _cuebook(tmp_path, "show", "x.cue"), "nothing runs any more"
    assert "'epoch', " in _cuebook(tmp_path, "show", "x.cue", "--run", "1")
    assert "loss=0.3333, step=2" in _cuebook(tmp_path, "show", "x.cue", "--run", "1")


def _cuebook(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cuebook", *words], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


LARGE = """
import numpy as np
def f(x):
    step, weights = last_checkpoint((0, np.zeros(100_000)))
    note(f"from {step}")
    for step in range(step, 6):
        weights = weights + step
        make_checkpoint((step + 1, weights))
        if step == 3 and not os.path.exists("again"):
            open("again", "w").close()
            os.kill(os.getppid(), 9)
            time.sleep(100)
    return float(weights.sum())
print(chunk(f, [[1]], path="x.cue"))
"""


def test_large_states_lie_beside_the_journal_and_those_that_were_dropped_go_when_it_is_compacted(
    tmp_path: Path,
) -> None:
    with start(tmp_path, LARGE) as program:
        program.wait()
    assert run_script(tmp_path, LARGE) == "[1500000.0]\n"
    assert calls(tmp_path) == ["from 0", "from 4"]
    blobs = tmp_path / "x.cue.blobs"
    assert len([path for path in blobs.rglob("*") if path.is_file()]) == 6
    assert (tmp_path / "x.cue").stat().st_size < 200_000

    _cuebook(tmp_path, "compact", "x.cue")
    assert [path for path in blobs.rglob("*") if path.is_file()] == []
    assert run_script(tmp_path, LARGE) == "[1500000.0]\n", "the result is there"
    assert len(calls(tmp_path)) == 2


def test_what_a_later_run_has_done_leaves_no_state_of_an_earlier_one(tmp_path: Path) -> None:
    from cuebook.cli.command import main

    path, fails = tmp_path / "x.cue", tmp_path / "fails"
    fails.touch()

    def f(name: str) -> int:
        begin: int = last_checkpoint(0)
        make_checkpoint(begin + 5)
        if Path(name).exists():
            raise ValueError
        return begin

    with pytest.raises(CallFailed):
        chunk(f, [[str(fails)]], where="thread", path=path)
    fails.unlink()
    assert chunk(f, [[str(fails)]], where="thread", path=path) == [5]
    for compacts in (False, True):
        if compacts:
            _cuebook(tmp_path, "compact", "x.cue")
        assert main(["forget", str(path), "--run", "2" if not compacts else "3"]) == 0
        assert chunk(f, [[str(fails)]], where="thread", path=path) == [0], "the call was done since: it begins anew"
