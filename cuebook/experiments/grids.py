"""Grids of parameters: every combination, and which of them are finished already. Knows no queue and no process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cuebook.experiments.inputs import Inputs, inputs_of, params_of
from cuebook.experiments.lines import Lines
from cuebook.experiments.params import PARAMS_FILES, Override, combinations, overridden, parsed_override
from cuebook.experiments.stages import ProgramStage
from cuebook.persistence.history.experiments.line import LineState
from cuebook.temporary import owned_prefix

__all__ = ["change_params", "finished_as", "grid_of"]


def grid_of(texts: Sequence[str], root: Path) -> list[list[Override]]:
    """Every combination of the values of `-S`.

    Raises:
        ExperimentError: one is malformed, or they are too many.
    """
    return combinations([parsed_override(text, root) for text in texts])


def change_params(root: Path, overrides: Sequence[Override]) -> None:
    """Write parameters into their files.

    Raises:
        ExperimentError: there is no such parameter.
    """
    for file, key, value in overrides:
        (root / file).write_text(overridden(root / file, key, value))


def finished_as(
    lines: Lines, root: Path, stages: Sequence[ProgramStage], grid: Sequence[Sequence[Override]]
) -> list[str | None]:
    """For each combination the finished experiment with the same parameters, code and data, or None."""
    base = inputs_of(root, stages)
    known = [line for line in lines.all() if line.ended is not None and line.ended.outcome == "finished"]
    return [_finished(known, inputs) for inputs in _inputs_with(base, root, stages, grid)]


def _finished(known: list[LineState], inputs: Inputs) -> str | None:
    for line in reversed(known):
        if line.attempt is not None and not line.opened.parent and not inputs.changes(line.attempt.facts, line.written):
            return line.opened.name
    return None


def _inputs_with(
    base: Inputs, root: Path, stages: Sequence[ProgramStage], grid: Sequence[Sequence[Override]]
) -> list[Inputs]:
    files = {*PARAMS_FILES, *(name for stage in stages for name in stage.params)}
    found = []
    with tempfile.TemporaryDirectory(prefix=owned_prefix("cuebook-grid-")) as folder:
        scratch = Path(folder)
        for overrides in grid:
            for name in files:
                if (root / name).is_file():
                    (scratch / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(root / name, scratch / name)
            change_params(scratch, overrides)
            params = {key: value for stage in stages for key, value in params_of(scratch, stage).items()}
            found.append(replace(base, params=params))
    return found
