"""Runs in copies of the workspace, side by side: nothing of the workspace is touched, nothing that was kept is lost."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.experiments import COUNTER, Experiment
from tests.support.programs import wait_until

COMMAND = ("--out", "a.txt", "--out", "b", "--", sys.executable, "count.py")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Experiment]:
    with Experiment(tmp_path) as experiment:
        experiment.write("count.py", COUNTER)
        yield experiment


def states(here: Experiment) -> dict[str, str]:
    done = here.run("exp", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {each["name"]: each["state"] for each in json.loads(done.stdout)["experiments"]}


def test_a_run_in_a_copy_leaves_the_workspace_alone(here: Experiment) -> None:
    here.write("a.txt", "7")

    done = here.run("exp", "run", "--temp", "-n", "copy", *COMMAND, "3")

    assert done.returncode == 0, done.stderr
    assert here.read("a.txt") == "7"
    (line,) = here.shown()
    assert [each["metrics"]["i"] for each in line["checkpoints"]] == [3, 2, 1]
    assert not list((here.folder / ".cuebook" / "temp").iterdir())
    assert here.run("exp", "apply", "copy").returncode == 1  # a.txt was changed since
    assert here.run("exp", "apply", "copy", "--force").returncode == 0
    assert here.read("a.txt") == "3"


def test_a_grid_is_queued_run_side_by_side_and_not_queued_again(here: Experiment) -> None:
    here.write("params.yaml", "lr: 1\nseed: 0\n")
    grid = ("exp", "run", "--queue", "-S", "lr=0.1,0.01", "-S", "seed=range(2)", *COMMAND, "2")
    assert here.run(*grid).stdout.count("queued") == 4
    assert sorted(states(here).values()) == ["queued"] * 4

    done = here.run("exp", "start", "-j", "2")

    assert done.returncode == 0, done.stdout + done.stderr
    found = {(each["params"]["lr"], each["params"]["seed"]) for each in here.shown()}
    assert found == {(0.1, 0), (0.1, 1), (0.01, 0), (0.01, 1)}
    assert here.read("params.yaml") == "lr: 1\nseed: 0\n"
    assert here.run(*grid).stdout.count("is finished with the same parameters") == 4
    here.write("count.py", f"{COUNTER}# changed\n")
    assert here.run(*grid).stdout.count("queued") == 4


def test_what_was_queued_is_as_it_was_then(here: Experiment) -> None:
    assert here.run("exp", "run", "--queue", "-n", "early", *COMMAND, "2").returncode == 0
    here.write("count.py", "raise SystemExit(1)")

    assert here.run("exp", "start").returncode == 0

    assert states(here) == {"early": "finished"}


def test_a_run_that_was_killed_goes_on_where_it_was_when_it_is_queued_again(here: Experiment) -> None:
    here.write(
        "count.py", f"{COUNTER}\n    if i == 3 and 'CUEBOOK_RESUME' not in os.environ: os.kill(os.getpid(), 9)\n"
    )
    assert here.run("exp", "run", "--queue", "-n", "hard", *COMMAND, "5").returncode == 0
    assert here.run("exp", "start").returncode == 1
    assert states(here) == {"hard": "killed"}
    assert here.run("exp", "gc", "--last", "1").returncode == 0

    assert here.run("exp", "retry", "--failed").returncode == 0
    assert here.run("exp", "start").returncode == 0

    (line,) = here.shown()
    assert line["state"] == "finished"
    assert [each["metrics"]["i"] for each in line["checkpoints"]] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("how", ["kill", "interrupt", "lost"])
def test_a_queued_run_that_is_ended_loses_nothing(here: Experiment, how: str) -> None:
    assert here.run("exp", "run", "--queue", "-n", "long", *COMMAND, "1000000").returncode == 0
    crew = here.start("exp", "start")
    wait_until(lambda: (found := here.shown()) and len(found[0]["checkpoints"]) > 2, "checkpoints")
    if how == "kill":
        assert here.run("exp", "kill", "long").returncode == 0
        assert crew.wait(30) == 1
        assert states(here) == {"long": "interrupted"}
    elif how == "interrupt":
        crew.send_signal(signal.SIGINT)
        assert crew.wait(30) == 130
        assert states(here) == {"long": "queued"}
    else:
        crew.kill()
        os.kill(here.runner("long"), signal.SIGKILL)
        wait_until(lambda: states(here) == {"long": "lost"}, "the guardian")
    assert len(here.shown()[0]["checkpoints"]) > 2
    root = here.folder / ".cuebook" / "temp" / "long"
    newest = here.shown()[0]["checkpoints"][0]["metrics"]["i"]
    wait_until(lambda: (root / "a.txt").read_text() == str(newest), "the last checkpoint")
    assert (root / "b" / "copy").read_text() == str(newest)


def test_one_that_waits_is_taken_out_of_the_queue(here: Experiment) -> None:
    assert here.run("exp", "run", "--queue", "-n", "early", *COMMAND, "2").returncode == 0

    assert here.run("exp", "kill", "early").returncode == 0

    assert states(here) == {}
    assert here.run("exp", "start").returncode == 0
    assert here.run("exp", "kill", "early").returncode == 3


def test_several_values_are_only_for_the_queue(here: Experiment) -> None:
    here.write("params.yaml", "lr: 1\n")

    done = here.run("exp", "run", "-S", "lr=1,2", *COMMAND, "2")

    assert done.returncode == 2
    assert "--queue" in done.stderr
