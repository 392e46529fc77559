"""A run in a copy of its workspace: one that was queued, or one that asked for it. Knows no queue's files.

Its checkpoints lie where all others do, so that nothing is lost when the copy goes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from cuebook.experiments.copies import copy_into
from cuebook.experiments.deciding import Wish
from cuebook.experiments.lines import Lines
from cuebook.experiments.queue import QueueEntry
from cuebook.experiments.running import RunReport, RunRequest, run_experiment
from cuebook.experiments.stages import ProgramStage
from cuebook.notices import say
from cuebook.workplace.capture import name_below
from cuebook.workplace.location import VARIABLE, Workplace

__all__ = ["copy_of", "run_copy"]


def copy_of(workplace: Workplace, name: str) -> Path:
    """The folder that an experiment's copy of the workspace is."""
    return workplace.folder / "temp" / name


def run_copy(
    workplace: Workplace,
    entry: QueueEntry,
    stages_for: Callable[[Path], tuple[ProgramStage, ...]],
    change_params: Callable[[Path], None],
) -> RunReport:
    """Run in a copy, which is made where it is not there, and goes when the run is finished.

    Args:
        stages_for: what is to be run, in a folder. change_params: writes the parameters, in a folder.

    Raises:
        As `run_experiment`.

    The process must have one thread, and has the copy as its folder then.
    """
    lines = Lines(workplace)
    root = copy_of(workplace, entry.name)
    if not root.exists():
        with workplace.files.in_use():
            copy_into(workplace, entry.manifest(lines), Path(entry.root), root)
        change_params(root)
    os.chdir(root)
    os.environ[VARIABLE] = str(workplace.folder)
    has_begun = lines.load(entry.name) is not None
    start = lines.resolve(entry.start) if entry.start and not has_begun else None
    request = RunRequest(
        root,
        stages_for(root),
        Wish(start=start),
        None if has_begun else entry.name,
        entry.message,
        tuple(name_below(root, path) for path in entry.metrics),
        Path(entry.root),
    )
    report = run_experiment(workplace, request)
    if report.outcome == "finished":
        os.chdir(workplace.folder)
        shutil.rmtree(root, ignore_errors=True)
    else:
        say(f"its copy of the workspace stays in {root}")
    return report
