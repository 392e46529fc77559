"""`Workspace`: experiments from Python, as `cuebook exp` has them on the command line. Knows no process of a program.

A run is a process of its own, as its runner must outlive nothing of ours and be outlived by nothing of its own.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuebook.errors import ExperimentError
from cuebook.experiments import changing
from cuebook.experiments.heads import WorkspaceHead
from cuebook.experiments.lines import Lines
from cuebook.experiments.settling import is_running
from cuebook.experiments.table import ExperimentRow, ExperimentView, columns_of, rows_of, tree_lines, views_of
from cuebook.workplace.location import Workplace, find_workplace

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ExperimentTable", "Outcome", "Workspace"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run.

    Attributes:
        experiment: its name. checkpoint: number of the checkpoint that the workspace has now; 0 is the beginning.
        state: `finished`, `failed`, `killed`, `interrupted` or `lost`.
        exit_code: as of `cuebook exp run`: the program's own, or 128 and the number of a signal.
    """

    experiment: str
    checkpoint: int
    state: str
    exit_code: int


class ExperimentTable(Sequence[ExperimentRow]):
    """Checkpoints of experiments, newest first within each; a notebook shows the tree."""

    def __init__(self, views: Sequence[ExperimentView], head: Any) -> None:
        """Use `Workspace.show`."""
        self._views = list(views)
        self._head = head
        self._rows = rows_of(self._views)

    @property
    def experiments(self) -> list[ExperimentView]:
        """One by one, with their checkpoints."""
        return list(self._views)

    def __getitem__(self, place: Any) -> Any:
        return self._rows[place]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[ExperimentRow]:
        return iter(self._rows)

    def to_pandas(self) -> pd.DataFrame:
        """A row for each checkpoint; metrics and parameters are columns of their own.

        Raises:
            ImportError: there is no pandas.
        """
        import pandas as pd

        metrics, params = columns_of(self._views)
        plain = ("experiment", "number", "id", "created", "state", "label", "parent")
        rows = []
        for row in self._rows:
            known = {name: getattr(row, name) for name in plain}
            known |= {name: row.metrics.get(name) for name in metrics}
            rows.append(known | {name: row.params.get(name) for name in params})
        frame = pd.DataFrame(rows, columns=list(dict.fromkeys((*plain, *metrics, *params))))
        frame["created"] = pd.to_datetime(frame["created"], unit="s", utc=True)
        return frame

    def _repr_html_(self) -> str:
        import html

        columns = columns_of(self._views)
        headers = ["experiment", "created", "state", *columns[0], *columns[1]]
        lines = [headers, *tree_lines(self._views, self._head, _moment, columns)]
        cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in line) for line in lines]
        return "<table style='white-space:pre'>" + "".join(f"<tr>{line}</tr>" for line in cells) + "</table>"


class Workspace:
    """A folder in which experiments are run.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | os.PathLike[str] = ".") -> None:
        self.path = Path(path).resolve()

    def run(self, command: Sequence[str] = (), *, outs: Sequence[str] = (), **options: Any) -> Outcome:
        """Run a program, or the stages of `dvc.yaml`; again: go on. Its output passes through.

        Args:
            command: the program and its arguments; or names of stages, none for all.
            outs: files and folders that the program writes.
            params: parameters to change first, by name.
            metrics, deps: files of metrics; files and folders that it depends on.
            start: a checkpoint to begin a new line from. reset: begin from scratch. force: also run what is finished.
            name, message: of a new experiment.

        Raises:
            ExperimentError: it could not be run; the text is that of the command.
        """
        arguments = _arguments(command, outs, **options)
        before = self._head()
        done = subprocess.run(arguments, cwd=self.path, check=False)
        return self._outcome(before, done.returncode)

    async def run_async(self, command: Sequence[str] = (), *, outs: Sequence[str] = (), **options: Any) -> Outcome:
        """As `run`, without holding up the loop; who is cancelled interrupts the program, and waits for its end."""
        arguments = _arguments(command, outs, **options)
        before = self._head()
        process = await asyncio.create_subprocess_exec(*arguments, cwd=self.path)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            await process.wait()
            raise
        return self._outcome(before, code)

    def show(self, *names: str) -> ExperimentTable:
        """The checkpoints of all experiments, or of these.

        Raises:
            ExperimentError: there is no such experiment.
        Cost: 1 ms an experiment, and 10 us a checkpoint.
        """
        workplace = find_workplace(self.path)
        if workplace is None:
            return ExperimentTable([], None)
        lines = Lines(workplace)
        if missing := [name for name in names if name not in lines.names()]:
            raise ExperimentError(f"there is no experiment {', '.join(missing)}")
        found = [line for line in lines.all() if not names or line.opened.name in names]
        head = WorkspaceHead(workplace, self.path).read()
        return ExperimentTable(views_of(found, lambda name: is_running(lines, name)), head)

    async def show_async(self, *names: str) -> ExperimentTable:
        """As `show`, in a thread."""
        return await asyncio.to_thread(self.show, *names)

    def apply(self, ref: str, *, force: bool = False) -> Path | None:
        """Give the folder the outputs of a checkpoint; gives where changed ones were put aside, if any were.

        Args:
            ref: an experiment, `experiment:number`, or the beginning of a checkpoint's id.
            force: also where outputs have changed since they were kept.

        Raises:
            ExperimentError: there is no such checkpoint, or there are changes. WorkplaceBusy: somebody runs there.
        """
        lines = Lines(self._workplace())
        return changing.apply(lines, self.path, lines.resolve(ref), forces=force).folder

    async def apply_async(self, ref: str, *, force: bool = False) -> Path | None:
        """As `apply`, in a thread."""
        return await asyncio.to_thread(self.apply, ref, force=force)

    def export(self, ref: str, folder: str | os.PathLike[str]) -> None:
        """Write the outputs of a checkpoint into a new or empty folder.

        Raises:
            ExperimentError: there is no such checkpoint, or something in the folder.
        """
        lines = Lines(self._workplace())
        changing.export(lines, lines.resolve(ref), Path(folder))

    def __repr__(self) -> str:
        return f"<Workspace {self.path}>"

    def _workplace(self) -> Workplace:
        found = find_workplace(self.path)
        if found is None:
            raise ExperimentError(f"there are no experiments in {self.path}")
        return found

    def _head(self) -> tuple[str, int, int] | None:
        """Experiment, checkpoint and number of attempts."""
        workplace = find_workplace(self.path)
        ref = None if workplace is None else WorkspaceHead(workplace, self.path).read()
        line = None if workplace is None or ref is None else Lines(workplace).load(ref.name)
        return None if ref is None or line is None else (ref.name, ref.number, line.attempts)

    def _outcome(self, before: tuple[str, int, int] | None, code: int) -> Outcome:
        head = self._head()
        if head is None or (head == before and code):
            raise ExperimentError(f"it could not be run (exit code {code}); the reason stands on standard error")
        line = Lines(self._workplace()).load(head[0])
        state = "lost" if line is None or line.ended is None else line.ended.outcome
        return Outcome(head[0], head[1], state, code)


def _arguments(
    command: Sequence[str],
    outs: Sequence[str],
    *,
    params: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = (),
    deps: Sequence[str] = (),
    **options: Any,
) -> list[str]:
    """The command line of a run."""
    found = [sys.executable, "-m", "cuebook", "exp", "run"]
    for name, values in (("--out", outs), ("--metrics", metrics), ("--dep", deps)):
        if isinstance(values, str):
            raise TypeError(f"{name.lstrip('-')}={values!r} must be a list of paths")
        found += [part for value in values for part in (name, os.fspath(value))]
    for key, value in (params or {}).items():
        found += ["-S", f"{key}={_text(value)}"]
    flags = {"reset": "--reset", "force": "--force"}
    named = {"start": "--from", "name": "--name", "message": "--message"}
    for key, value in options.items():
        if key in flags:
            found += [flags[key]] if value else []
        elif key in named:
            found += [] if value is None else [named[key], str(value)]
        else:
            raise TypeError(f"run() got an unexpected keyword argument {key!r}")
    return [*found, "--", *command]


def _text(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


def _moment(at: float) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
