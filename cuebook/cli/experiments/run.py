"""What `cuebook exp run` does with its arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cuebook.experiments.deciding import Wish
from cuebook.experiments.grids import change_params, grid_of
from cuebook.experiments.lines import Lines
from cuebook.experiments.params import Override
from cuebook.experiments.running import RunRequest, run_experiment
from cuebook.experiments.stages import STAGES_FILE, ProgramStage, StageOutput, read_stages
from cuebook.workplace.capture import name_below
from cuebook.workplace.location import open_workplace

__all__ = ["one_combination", "run_here", "stages_for"]


def run_here(command: tuple[str, ...], options: dict[str, Any]) -> int:
    """Run in the current folder; gives the exit code."""
    root = Path.cwd()
    stages = stages_for(root, command, options)
    workplace = open_workplace(root)
    start = Lines(workplace).resolve(options["start"]) if options["start"] else None
    (overrides,) = one_combination(options["overrides"], root)
    change_params(root, overrides)
    request = RunRequest(
        root,
        stages,
        Wish(options["reset"], options["force"], start),
        options["name"],
        options["message"],
        tuple(name_below(root, path) for path in options["metrics"]),
    )
    return run_experiment(workplace, request).exit_code


def stages_for(root: Path, command: tuple[str, ...], options: dict[str, Any]) -> tuple[ProgramStage, ...]:
    """One stage for a command with its `--out`, else those of `dvc.yaml`."""
    has_own = bool(options["outs"])
    if not has_own and ((root / STAGES_FILE).is_file() or not command):
        if options["deps"]:
            raise click.UsageError(f"--dep is for a command; {STAGES_FILE} has its own deps")
        if not (root / STAGES_FILE).is_file():
            raise click.UsageError(f"nothing to run: no {STAGES_FILE} here, and no command behind --")
        return tuple(read_stages(root, command))
    if not command:
        raise click.UsageError("--out needs the command that writes it, behind --")
    if not has_own:
        raise click.UsageError("name what the command writes: --out PATH, once for each file or folder")
    outputs = tuple(StageOutput(name_below(root, path), persists=True, is_required=True) for path in options["outs"])
    deps = tuple(name_below(root, path) for path in options["deps"])
    return (ProgramStage("", (tuple(command),), outputs, deps),)


def one_combination(texts: tuple[str, ...], root: Path) -> list[list[Override]]:
    """The combination of parameters; where there are several, only a queue can take them."""
    grid = grid_of(texts, root)
    if len(grid) != 1:
        raise click.UsageError(f"{len(grid)} combinations of parameters: --queue queues them")
    return grid
