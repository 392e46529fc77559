"""What is done with checkpoints afterwards: shown, compared, applied, exported, branched, removed, collected."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebook import ExperimentError
from cuebook.experiments import Workspace
from tests.support.experiments import Experiment

PROGRAM = """\
import sys
from cuebook import make_checkpoint
import yaml
lr = yaml.safe_load(open("params.yaml"))["lr"]
for step in (1, 2, 3):
    open("model.txt", "w").write(f"step {step}\\nlr {lr}\\n")
    print("step", step, flush=True)
    make_checkpoint(label=f"step{step}", metrics={"loss": lr / step})
"""
COMMAND = ("--out", "model.txt", "--", sys.executable, "p.py")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two experiments, `one` and `two`, in a Git repository."""
    folder = tmp_path_factory.mktemp("made")
    with Experiment(folder) as here:
        here.write("p.py", PROGRAM)
        here.write("params.yaml", "lr: 1.0\n")
        for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
            git(folder, *arguments)
        assert here.run("exp", "run", "-n", "one", "-m", "the first", *COMMAND).returncode == 0
        done = here.run("exp", "run", "-n", "two", "--reset", "-S", "lr=0.5", *COMMAND)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def here(made: Path, tmp_path: Path) -> Iterator[Experiment]:
    """A copy of it."""
    folder = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(made), str(folder)], check=True)  # noqa: S603, S607
    with Experiment(folder) as experiment:
        yield experiment


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603, S607
    return done.stdout.strip()


def said(here: Experiment, *arguments: str) -> str:
    done = here.run("exp", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tree_has_the_newest_checkpoint_first(here: Experiment) -> None:
    lines = said(here, "show").splitlines()

    assert lines[0].split() == ["experiment", "created", "state", "loss", "lr"]
    assert "two:3" in lines[1]
    assert git(here.folder, "rev-parse", "HEAD")[:7] in lines[2]
    assert [line.split()[2] for line in lines[3:7]] == ["one", *(line.split()[2] for line in lines[4:7])]
    assert [line.split()[0] for line in lines[3:]] == ["│", "│", "│", "├─╨", "│", "│", "│", "└─╨"]
    assert [line.split()[-1] for line in lines[4:7]] == ["0.33333", "0.5", "1"]


def test_what_is_shown_is_chosen_sorted_and_written_as_csv_and_as_a_page(here: Experiment) -> None:
    rows = list(csv.DictReader(io.StringIO(said(here, "show", "--csv", "--sort", "loss", "--only", "loss"))))

    assert [row["experiment"] for row in rows] == ["two"] * 3 + ["one"] * 3
    assert "lr" not in rows[0]
    assert here.run("exp", "show", "--sort", "speed").returncode == 1
    assert here.run("exp", "show", "nobody").returncode == 3
    said(here, "show", "--plot", "plot.html")
    assert here.read("plot.html").count("<polyline") == 2


def test_a_picture_is_drawn_by_matplotlib_or_says_what_is_missing(here: Experiment) -> None:
    done = here.run("exp", "show", "--plot", "plot.png")
    if importlib.util.find_spec("matplotlib") is None:
        assert done.returncode == 2
        assert "needs matplotlib" in done.stderr
        assert not (here.folder / "plot.png").exists()
    else:
        assert (here.folder / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert "ends in .html or .png" in here.run("exp", "show", "--plot", "plot.svg").stderr


def test_a_difference_names_files_metrics_parameters_and_lines(here: Experiment) -> None:
    found = json.loads(said(here, "diff", "one:2", "two", "--json"))

    assert found["files"][0]["name"] == "model.txt"
    assert "-step 2" in found["files"][0]["diff"]
    assert found["params"] == {"lr": [1.0, 0.5]}
    assert found["metrics"]["loss"][0] == 0.5
    assert said(here, "diff", "one", "one") == "nothing differs\n"


def test_changes_are_not_overwritten_unless_forced_and_then_kept_aside(here: Experiment) -> None:
    here.write("model.txt", "mine")

    refused = here.run("exp", "apply", "one:1")

    assert refused.returncode == 1
    assert "model.txt changed since" in refused.stderr
    assert here.read("model.txt") == "mine"
    said(here, "apply", "one:1", "--force")
    assert here.read("model.txt") == "step 1\nlr 1.0\n"
    asides = (here.folder / ".cuebook" / "aside").iterdir()
    assert "mine" in [(aside / "model.txt").read_text() for aside in asides]
    count = len(list((here.folder / ".cuebook" / "aside").iterdir()))
    said(here, "apply", "two")  # nothing was changed since: no force is needed
    assert here.read("model.txt") == "step 3\nlr 0.5\n"
    assert len(list((here.folder / ".cuebook" / "aside").iterdir())) == count, "what is kept is not put aside as well"


def test_a_run_goes_on_from_what_was_applied(here: Experiment) -> None:
    said(here, "apply", "two:1")

    assert here.run("exp", "run", "-n", "three", *COMMAND).returncode == 0

    assert {each["name"]: each["parent"] for each in here.shown()}["three"] == "two:1"


def test_a_checkpoint_is_exported_into_an_empty_folder(here: Experiment) -> None:
    said(here, "export", "one:2", "out/there")

    assert here.read("out/there/model.txt") == "step 2\nlr 1.0\n"
    assert here.run("exp", "export", "one:2", "out/there").returncode == 1


def test_a_branch_has_the_outputs_and_leaves_the_working_tree(here: Experiment) -> None:
    before = git(here.folder, "status", "--porcelain"), git(here.folder, "rev-parse", "--abbrev-ref", "HEAD")

    said(here, "branch", "one:2", "found")

    assert git(here.folder, "show", "found:model.txt") == "step 2\nlr 1.0"
    assert git(here.folder, "show", "found:params.yaml") == "lr: 1.0"
    assert before == (git(here.folder, "status", "--porcelain"), git(here.folder, "rev-parse", "--abbrev-ref", "HEAD"))
    assert here.run("exp", "branch", "one:2", "found").returncode == 1
    assert here.run("exp", "branch", "one:2", "--", "-x").returncode == 1


def test_what_is_collected_is_gone_and_the_rest_comes_back(here: Experiment) -> None:
    assert said(here, "gc", "--best", "-loss").startswith("dropped 2 checkpoints")

    kept = {(each["name"], row["number"]) for each in here.shown() for row in each["checkpoints"] if row["has_files"]}
    assert kept == {("one", 3), ("one", 1), ("two", 3), ("two", 1)}
    refused = here.run("exp", "apply", "one:2", "--force")
    assert "no longer kept" in refused.stderr
    said(here, "apply", "one:1")
    said(here, "remove", "two")
    assert said(here, "gc").startswith("dropped 0 checkpoints; 2 files")
    assert here.run("exp", "show", "two").returncode == 3


def test_what_is_new_enough_or_fits_is_kept(here: Experiment) -> None:
    def kept() -> set[tuple[str, int]]:
        return {
            (each["name"], row["number"]) for each in here.shown() for row in each["checkpoints"] if row["has_files"]
        }

    everything = {(name, number) for name in ("one", "two") for number in (1, 2, 3)}
    said(here, "gc", "--newer", "12h")
    assert kept() == everything
    said(here, "gc", "--size", "1MB")
    assert kept() == everything
    said(here, "gc", "--size", "30")  # bytes: two files of fourteen
    assert ("two", 3) in kept()
    assert len(kept()) < 6
    for wrong in (("--newer", "soon"), ("--size", "much")):
        assert here.run("exp", "gc", *wrong).returncode == 2


def test_files_that_others_may_need_are_not_collected(here: Experiment) -> None:
    (here.folder / ".cuebook" / "elsewhere").mkdir()

    refused = here.run("exp", "gc", "--last", "1")

    assert refused.returncode == 1
    assert "elsewhere" in refused.stderr


def test_the_output_of_an_experiment_is_kept(here: Experiment) -> None:
    assert said(here, "logs", "one") == "step 1\nstep 2\nstep 3\n"


@pytest.mark.parametrize("ref", ["nothing", "one:9", "0", "one:x", "../one"])
def test_what_is_no_checkpoint_is_refused(here: Experiment, ref: str) -> None:
    assert here.run("exp", "apply", ref).returncode == 1


def test_the_same_from_python(here: Experiment) -> None:
    workspace = Workspace(here.folder)

    frame = workspace.show().to_pandas()
    assert list(frame["experiment"]) == ["one"] * 3 + ["two"] * 3
    assert frame["loss"].max() == 1.0
    assert "two:3" in workspace.show()._repr_html_()
    workspace.apply("one:1")
    assert here.read("model.txt") == "step 1\nlr 1.0\n"
    with pytest.raises(ExperimentError):
        workspace.show("nobody")
    outcome = workspace.run([sys.executable, "p.py"], outs=["model.txt"], params={"lr": 0.25}, name="py")
    assert (outcome.experiment, outcome.state, outcome.checkpoint, outcome.exit_code) == ("py", "finished", 3, 0)
    with pytest.raises(TypeError):
        workspace.run([], outs="model.txt")
