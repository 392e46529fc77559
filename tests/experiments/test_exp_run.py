"""`cuebook exp run`: a program is killed in any way, and goes on from its last checkpoint, whose outputs are whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.experiments import COUNTER, Experiment, wait_for_checkpoints

ITERATE = """\
import os

from cuebook import make_checkpoint

while True:
    if os.path.exists("int.txt"):
        with open("int.txt", "r") as fd:
            i_ = int(fd.read()) + 1
    else:
        i_ = 0

    with open("int.txt", "w") as fd:
        fd.write(f"{i_}")

    if i_ % 100 == 0:
        make_checkpoint()
"""
STAGES = """\
stages:
  every100:
    cmd: python iterate.py
    outs:
      - int.txt:
          checkpoint: true
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Experiment]:
    with Experiment(tmp_path) as experiment:
        yield experiment


def test_the_example_of_every_hundredth_iteration_runs_word_for_word(here: Experiment) -> None:
    here.write("dvc.yaml", STAGES)
    here.write("iterate.py", ITERATE)
    run = here.start("exp", "run")
    wait_for_checkpoints(here, 3)
    run.send_signal(signal.SIGINT)

    assert run.wait(30) == 130
    (first,) = here.shown()
    count = len(first["checkpoints"])
    assert here.read("int.txt") == str(100 * (count - 1))
    assert first["state"] == "interrupted"

    again = here.start("exp", "run")
    wait_for_checkpoints(here, count + 2)
    again.send_signal(signal.SIGINT)

    assert again.wait(30) == 130
    (line,) = here.shown()
    assert here.read("int.txt") == str(100 * (len(line["checkpoints"]) - 1))
    assert [each["number"] for each in line["checkpoints"]] == list(range(len(line["checkpoints"]), 0, -1))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("who", ["program", "runner", "both"])
def test_whoever_is_killed_the_workspace_has_the_last_checkpoint(
    here: Experiment, who: str, number: signal.Signals
) -> None:
    here.write("count.py", COUNTER)
    run = here.start("exp", "run", "--out", "a.txt", "--out", "b", "--", sys.executable, "count.py", "1000000")
    wait_for_checkpoints(here, 3)
    program = here.program()
    if who != "runner":
        os.kill(program, number)
    if who != "program":
        run.send_signal(number)
    code = run.wait(30)

    assert code in ({-9} if who != "program" and number == 9 else {128 + number, 1, 130, 143})
    here.wait_until_settled()
    (line,) = here.shown()
    newest = line["checkpoints"][0]
    assert line["state"] in ("interrupted", "killed", "failed", "lost")
    assert here.read("a.txt") == here.read("b/copy") == str(newest["metrics"]["i"])
    assert not here.processes()

    done = here.run(
        "exp", "run", "--out", "a.txt", "--out", "b", "--", sys.executable, "count.py", str(newest["metrics"]["i"] + 3)
    )
    assert done.returncode == 0
    assert here.read("a.txt") == here.read("b/copy") == str(newest["metrics"]["i"] + 3)


def test_what_was_written_after_the_last_checkpoint_is_kept_aside(here: Experiment) -> None:
    here.write(
        "p.py",
        "from cuebook import make_checkpoint\nopen('o','w').write('1')\nmake_checkpoint()\nopen('o','w').write('22')\nraise SystemExit(3)\n",
    )

    done = here.run("exp", "run", "--out", "o", "--", sys.executable, "p.py")

    assert done.returncode == 3
    assert here.read("o") == "1"
    (aside,) = (here.folder / ".cuebook" / "aside").iterdir()
    assert (aside / "o").read_text() == "22"
    assert str(aside) in done.stderr
    assert here.shown()[0]["state"] == "failed"


def test_a_program_that_ended_well_is_finished_until_something_changes(here: Experiment) -> None:
    command = ("exp", "run", "--out", "a.txt", "--out", "b", "--", sys.executable, "count.py", "3")
    here.write("count.py", COUNTER)
    here.write("params.yaml", "lr: 0.1  # rate\nmodel:\n  depth: 2\n")
    assert here.run(*command).returncode == 0
    again = here.run(*command)
    assert "is finished" in again.stderr
    assert len(here.shown()) == 1

    changed = here.run(*command[:2], "-S", "lr=0.2", "-S", "model.depth=3", *command[2:])

    assert "lr=0.2 (was 0.1)" in changed.stderr
    assert here.read("params.yaml") == "lr: 0.2  # rate\nmodel:\n  depth: 3\n"
    first, second = here.shown()
    assert second["parent"] == f"{first['name']}:3"
    assert second["params"] == {"lr": 0.2, "model.depth": 3}
    assert here.run(*command[:2], "--reset", *command[2:]).returncode == 0
    assert [each["parent"] for each in here.shown()] == [None, second["parent"], None]
    assert here.read("log.txt").split() == ["1", "2", "3", "resumed", "1", "2", "3"]


def test_it_goes_on_from_any_checkpoint_as_a_line_of_its_own(here: Experiment) -> None:
    command = ("--out", "a.txt", "--out", "b", "--", sys.executable, "count.py", "4")
    here.write("count.py", COUNTER)
    assert here.run("exp", "run", "-n", "base", *command).returncode == 0
    two = next(each["id"] for each in here.shown()[0]["checkpoints"] if each["number"] == 2)

    assert here.run("exp", "run", "--from", two, "-n", "side", *command).returncode == 0

    _, side = here.shown()
    assert side["parent"] == "base:2"
    assert [each["metrics"]["i"] for each in reversed(side["checkpoints"])] == [3, 4]


def test_the_state_of_a_checkpoint_is_handed_back(here: Experiment) -> None:
    here.write(
        "p.py",
        "import numpy as np\nfrom cuebook import last_checkpoint, make_checkpoint\n"
        "rng, total, i = last_checkpoint((np.random.default_rng(5), 0.0, 0))\n"
        "while i < 40:\n    total += rng.normal(); i += 1\n    open('o','w').write(repr(float(total)))\n"
        "    make_checkpoint((rng, total, i), metrics={'total': np.float64(total)})\n    open('o','w').write('later')\n"
        "    import os\n    if i % 7 == 0 and 'CRASH' in os.environ: os.kill(os.getpid(), 9)\n"
        "open('o','w').write(repr(float(total)))\n",
    )
    command = ("exp", "run", "--out", "o", "--", sys.executable, "p.py")
    codes = [here.run(*command, env={"CRASH": "1"}).returncode for _ in range(5)]
    assert codes == [137] * 5
    assert here.run(*command).returncode == 0
    killed = here.read("o")

    assert here.run(*command[:2], "--reset", *command[2:]).returncode == 0

    assert here.read("o") == killed


def test_a_shell_program_needs_only_the_signal_file(here: Experiment) -> None:
    here.write(
        "loop.sh",
        "i=$(cat n.txt 2>/dev/null || echo 0)\nwhile [ $i -lt 5 ]; do i=$((i+1)); echo $i > n.txt\n"
        "touch $DVC_ROOT/.dvc/tmp/DVC_CHECKPOINT; while [ -e .dvc/tmp/DVC_CHECKPOINT ]; do sleep 0.01; done; done\n",
    )
    (here.folder / ".dvc" / "tmp").mkdir(parents=True)
    here.write(".dvc/tmp/DVC_CHECKPOINT", "left by a dead run")

    assert here.run("exp", "run", "--out", "n.txt", "--", "sh", "loop.sh").returncode == 0

    assert len(here.shown()[0]["checkpoints"]) == 5
    assert here.read("n.txt") == "5\n"


def test_the_command_makes_a_checkpoint_and_says_which(here: Experiment) -> None:
    cuebook = f"{sys.executable} -m cuebook"
    here.write(
        "p.sh",
        f"echo 1 > o; {cuebook} checkpoint --label one --metric loss=0.5 > id; rm o; {cuebook} checkpoint || echo refused > told; echo 2 > o\n",
    )

    done = here.run("exp", "run", "--out", "o", "--", "sh", "p.sh")

    assert done.returncode == 0
    assert here.read("told") == "refused\n"
    last, first = here.shown()[0]["checkpoints"]
    assert (first["id"], first["label"], first["metrics"]) == (here.read("id").strip(), "one", {"loss": 0.5})
    assert "o is not there" in done.stderr
    assert here.run("checkpoint").returncode == 0  # outside of a run it does nothing


def test_an_output_that_is_missing_is_told_to_the_program(here: Experiment) -> None:
    here.write(
        "p.py",
        "from cuebook import CheckpointRefused, make_checkpoint\n"
        "try:\n    make_checkpoint()\nexcept CheckpointRefused as error:\n    print('told:', error)\n"
        "open('o','w').write('1')\nprint(make_checkpoint())\n",
    )

    done = here.run("exp", "run", "--out", "o", "--", sys.executable, "p.py")

    assert "told:" in done.stdout
    assert done.stdout.endswith("1\n")


def test_a_program_whose_runner_died_does_not_hang(here: Experiment) -> None:
    here.write(
        "p.py",
        "import os, signal\nfrom cuebook import RunnerGone, make_checkpoint\nopen('o','w').write('1')\nmake_checkpoint()\n"
        "os.kill(os.getppid(), signal.SIGKILL)\nopen('o','w').write('2')\n"
        "try:\n    while True: make_checkpoint()\nexcept RunnerGone:\n    open('told','w').write('gone')\n",
    )

    assert here.run("exp", "run", "--out", "o", "--", sys.executable, "p.py").returncode == -9

    here.wait_until_settled()
    assert here.read("told") == "gone"
    assert here.shown()[0]["state"] == "lost"
    assert here.read("o") == "1"


def test_the_second_run_in_a_workspace_is_told_who_runs(here: Experiment) -> None:
    here.write("count.py", COUNTER)
    command = ("exp", "run", "--out", "a.txt", "--out", "b", "--", sys.executable, "count.py", "1000000")
    run = here.start(*command)
    wait_for_checkpoints(here, 1)

    second = here.run(*command)

    assert second.returncode == 4
    assert f"process {run.pid}" in second.stderr


def test_stages_run_in_order_and_one_that_is_done_is_not_run_again(here: Experiment) -> None:
    here.write(
        "dvc.yaml",
        "stages:\n  second:\n    cmd: cat one >> two && ls | grep -q '^ok$'\n    deps: [one]\n    outs: [two]\n"
        "  first:\n    cmd: echo first >> calls && echo 1 > one\n    outs: [one]\n",
    )
    failed = here.run("exp", "run")
    assert failed.returncode == 1
    here.write("ok", "")

    assert here.run("exp", "run").returncode == 0

    assert here.read("calls") == "first\n"
    assert here.read("two") == "1\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: [", "malformed"),
        ("stages:\n  a:\n    cmd: x\n    frozen: true\n", "frozen"),
        ("stages:\n  a:\n    cmd: x\n    outs:\n      - o:\n          chekpoint: true\n", "chekpoint"),
        ("stages:\n  a:\n    outs: [o]\n", "cmd"),
        ("stages:\n  a:\n    cmd: x\n    outs: [../o]\n", "outside"),
        ("vars: [x]\nstages:\n  a:\n    cmd: x\n", "vars"),
    ],
)
def test_a_file_of_stages_that_is_not_understood_is_refused_by_name(here: Experiment, text: str, said: str) -> None:
    here.write("dvc.yaml", text)

    done = here.run("exp", "run")

    assert done.returncode == 1
    assert said in done.stderr


def test_a_thousand_triggers_are_a_thousand_checkpoints(here: Experiment) -> None:
    here.write("count.py", COUNTER)
    began = time.monotonic()
    done = here.run("exp", "run", "--out", "a.txt", "--out", "b", "--", sys.executable, "count.py", "1000")

    assert done.returncode == 0
    assert len(here.shown()[0]["checkpoints"]) == 1000
    assert time.monotonic() - began < 120


def test_the_innermost_has_the_checkpoint(here: Experiment) -> None:
    here.write(
        "p.py",
        "from cuebook import chunk, make_checkpoint\n"
        "def f(x):\n    return make_checkpoint({'x': x})\n"
        "if __name__ == '__main__':\n    print(chunk(f, [[1], [2]], progress_bar=False))\n    open('o','w').write('1')\n    print(make_checkpoint())\n",
    )

    done = here.run("exp", "run", "--out", "o", "--", sys.executable, "p.py")

    assert done.stdout == "[1, 1]\n1\n"
    assert len(here.shown()[0]["checkpoints"]) == 1


def test_output_passes_through_untouched_and_is_kept(here: Experiment) -> None:
    here.write("p.py", "import os,sys\nos.write(1, b'a\\xff\\x00b\\r\\n')\nos.write(2, b'err\\n')\nopen('o','w')\n")

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "cuebook", "exp", "run", "-n", "x", "--out", "o", "--", sys.executable, "p.py"],
        cwd=here.folder,
        capture_output=True,
        check=True,
    )

    assert done.stdout == b"a\xff\x00b\r\n"
    assert (here.folder / ".cuebook" / "experiments" / "x" / "log").read_bytes() in (
        b"a\xff\x00b\r\nerr\n",
        b"err\na\xff\x00b\r\n",
    )
    assert json.loads(here.run("exp", "show", "--json").stdout)["experiments"][0]["name"] == "x"
