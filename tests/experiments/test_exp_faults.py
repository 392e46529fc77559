"""What goes wrong around a checkpoint: a full disk, a runner that is gone, words that make no sense, what a kill leaves."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.experiments import Experiment, wait_for_checkpoints
from tests.support.programs import wait_until

FILLING = """\
import resource
from cuebook import CheckpointRefused, make_checkpoint

soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # the program has room, and its runner has none
told = []
for size in (1000, 2_000_000, 500):
    with open("o", "wb") as file:
        file.write(b"x" * size)
    try:
        told.append(make_checkpoint(metrics={"size": size}))
    except CheckpointRefused as error:
        told.append(str(error))
print(told)
"""
DVC_API = """\
import builtins, os
from time import sleep

def make_checkpoint():
    if os.getenv("DVC_CHECKPOINT") is None:
        return
    signal_file = os.path.join(os.environ["DVC_ROOT"], ".dvc", "tmp", "DVC_CHECKPOINT")
    with builtins.open(signal_file, "w", encoding="utf-8") as fobj:
        fobj.write("")
        fobj.flush()
        os.fsync(fobj.fileno())
    while os.path.exists(signal_file):
        sleep(0.1)
"""
"""What DVC 2.58 does, without its 90 packages."""
SIGNALLING = """\
i=0; [ -f n ] && i=$(cat n)
while [ $i -lt 30 ]; do
    i=$((i + 1)); echo $i > n
    touch .dvc/tmp/DVC_CHECKPOINT
    while [ -e .dvc/tmp/DVC_CHECKPOINT ]; do sleep 0.01; done
    sleep 0.02
done
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Experiment]:
    with Experiment(tmp_path) as experiment:
        yield experiment


def test_a_full_disk_is_told_to_the_program_and_earlier_versions_are_whole(here: Experiment) -> None:
    here.write("p.py", FILLING)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        done = here.run("exp", "run", "-n", "full", "--out", "o", "--", sys.executable, "p.py")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stdout
    assert [each["metrics"]["size"] for each in here.shown()[0]["checkpoints"]] == [500, 1000]
    assert here.run("exp", "apply", "full:1").returncode == 0
    assert (here.folder / "o").stat().st_size == 1000


def test_a_folder_for_temporary_files_with_a_long_name_is_no_hindrance(here: Experiment) -> None:
    long = here.folder / ("x" * 120)
    long.mkdir()
    here.write("p.py", "from cuebook import make_checkpoint\nopen('o', 'w').write('1')\nprint(make_checkpoint())\n")
    done = here.run("exp", "run", "--out", "o", "--", sys.executable, "p.py", env={"TMPDIR": str(long)})
    assert done.returncode == 0, done.stderr
    assert len(here.shown()[0]["checkpoints"]) == 1


def test_a_name_is_free_where_its_run_was_killed_before_it_began(here: Experiment) -> None:
    left = here.folder / ".cuebook" / "experiments" / "one"
    left.mkdir(parents=True)
    (left / "runner.json").write_text("{}")
    here.write("p.py", "from cuebook import make_checkpoint\nopen('o', 'w').write('1')\nmake_checkpoint()\n")
    command = ("exp", "run", "--name", "one", "--out", "o", "--", sys.executable, "p.py")
    assert here.run(*command).returncode == 0
    again = here.run(*command[:-1], "other.py")
    assert again.returncode == 1 and "there is an experiment one already" in again.stderr


def test_programs_for_dvc_run_unchanged(here: Experiment) -> None:
    (here.folder / "lib" / "dvc").mkdir(parents=True)
    here.write("lib/dvc/__init__.py", "")
    here.write("lib/dvc/api.py", DVC_API)
    here.write(
        "p.py",
        "import os, sys\nsys.path.insert(0, 'lib')\nfrom dvc.api import make_checkpoint\n"
        "for i in range(3):\n    open('o', 'w').write(str(i))\n    make_checkpoint()\n",
    )
    assert here.run("exp", "run", "--out", "o", "--", sys.executable, "p.py").returncode == 0
    assert len(here.shown()[0]["checkpoints"]) == 3
    assert not (here.folder / ".dvc").exists(), "a workspace without DVC has no folder of it afterwards"
    alone = subprocess.run([sys.executable, "p.py"], cwd=here.folder, check=False)
    assert alone.returncode == 0, "alone it does nothing, as under DVC"


def test_a_killed_run_leaves_no_folder_of_dvc_behind_the_next_and_a_real_one_stays(here: Experiment) -> None:
    here.write("p.sh", SIGNALLING)
    run = here.start("exp", "run", "--out", "n", "--", "bash", "p.sh")
    wait_for_checkpoints(here, 3)
    run.kill()
    here.wait_until_settled()
    assert (here.folder / ".dvc" / "tmp").is_dir()
    assert here.run("exp", "run", "--out", "n", "--", "bash", "p.sh").returncode == 0
    assert not (here.folder / ".dvc").exists()

    (here.folder / ".dvc" / "tmp").mkdir(parents=True)
    here.write(".dvc/config", "")
    assert here.run("exp", "run", "--force", "--out", "n", "--", "bash", "p.sh").returncode == 0
    assert (here.folder / ".dvc" / "tmp").is_dir()


def test_the_command_has_an_exit_code_for_each_end(here: Experiment) -> None:
    here.write(
        "p.sh",
        "echo 1 > o\n"
        "cuebook checkpoint --label first --metric loss=0.25 --metric name=best --metric ok=true --metric n=3; echo $?\n"
        "rm o; cuebook checkpoint 2>/dev/null; echo $?\n"
        "cuebook checkpoint --metric nonsense 2>/dev/null; echo $?\n"
        "CUEBOOK_RUNNER=/nowhere cuebook checkpoint 2>/dev/null; echo $?\n"
        "echo 2 > o\n",
    )
    done = here.run("exp", "run", "--out", "o", "--", "bash", "p.sh")

    (kept,) = here.shown()[0]["checkpoints"][-1:]
    assert done.stdout.split()[1:] == ["0", "1", "2", "5"]
    assert (kept["label"], kept["metrics"]) == ("first", {"loss": 0.25, "name": "best", "ok": True, "n": 3})
    assert here.run("checkpoint", "--label", "x").returncode == 0, "outside of a run it does nothing"


def test_the_output_of_a_run_is_followed_until_its_end(here: Experiment) -> None:
    here.write(
        "p.py",
        "import os, time\nfrom cuebook import make_checkpoint\n"
        "open('o', 'w').write('1')\nprint('begun', flush=True)\nmake_checkpoint()\n"
        "while not os.path.exists('go'):\n    time.sleep(0.01)\nprint('ended', flush=True)\n",
    )
    here.start("exp", "run", "-n", "one", "--out", "o", "--", sys.executable, "p.py")
    wait_for_checkpoints(here, 1)
    following = subprocess.Popen(
        [sys.executable, "-m", "cuebook", "exp", "logs", "one", "-f"],
        cwd=here.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert following.stdout is not None
    assert following.stdout.readline() == "begun\n"
    (here.folder / "go").touch()

    out, _ = following.communicate(timeout=30)
    assert (out, following.returncode) == ("ended\n", 0)


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("whom", ["program", "runner", "both"])
def test_a_loop_of_numpy_ends_in_the_same_bits_however_it_was_killed(
    here: Experiment, sent: signal.Signals, whom: str
) -> None:
    here.write("train.py", TRAINING)
    command = ("exp", "run", "--out", "w.npy", "--", sys.executable, "train.py")
    for count in (5, 17, 30):
        (here.folder / "output.txt").unlink(missing_ok=True)
        run = here.start(*command)
        wait_for_checkpoints(here, count)
        here.write("kill", "")
        pids = [*([here.program()] if whom != "runner" else []), *([run.pid] if whom != "program" else [])]
        for pid in pids:
            os.kill(pid, sent)
        run.wait(30)
        here.wait_until_settled()
        assert here.run("exp", "show").returncode == 0
    (here.folder / "output.txt").unlink()
    assert here.start(*command).wait(60) == 0
    killed = (here.folder / "w.npy").read_bytes()

    assert here.run(*command[:2], "--reset", *command[2:]).returncode == 0
    assert (here.folder / "w.npy").read_bytes() == killed


TRAINING = """\
import time
import numpy as np
from cuebook import last_checkpoint, make_checkpoint

rng = np.random.default_rng(7)
begin, drawn, w = last_checkpoint((0, rng.bit_generator.state, np.zeros((20, 20))))
rng.bit_generator.state = drawn
for step in range(begin, 40):
    x = rng.standard_normal((8, 20))
    w = w - 1e-3 * (x.T @ (x @ w - x))
    np.save("w.npy", w)
    make_checkpoint((step + 1, rng.bit_generator.state, w), metrics={"norm": (w * w).sum()})
    np.save("w.npy", w * 0)
    time.sleep(0.01)
np.save("w.npy", w)
"""


def test_twins_for_an_event_loop(here: Experiment) -> None:
    import asyncio

    from cuebook.experiments import Workspace

    here.write(
        "p.py",
        "import os, sys, time\nfrom cuebook import make_checkpoint\n"
        "for i in range(3):\n    open('o', 'w').write(str(i))\n    make_checkpoint(metrics={'i': i})\n"
        "while os.path.exists('hold'):\n    time.sleep(0.01)\n",
    )
    workspace = Workspace(here.folder)
    command = [sys.executable, "p.py"]

    async def main() -> None:
        here.write("hold", "")
        running = asyncio.create_task(workspace.run_async(command, outs=["o"], name="one"))
        while len(await workspace.show_async()) < 3:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        (here.folder / "hold").unlink()
        outcome = await workspace.run_async(command, outs=["o"])
        assert (outcome.state, outcome.experiment) == ("finished", "one")
        assert await workspace.apply_async("one:2") is None
        assert here.read("o") == "1"
        assert [row.state for row in await workspace.show_async("one")][-1] == "finished"

    asyncio.run(main())
    wait_until(lambda: not here.processes(), "everything to end")
