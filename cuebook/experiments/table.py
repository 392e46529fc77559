"""Experiments and their checkpoints as rows: for a tree on a terminal, JSON, CSV, or pandas. Pure.

Knows no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cuebook.errors import ExperimentError
from cuebook.experiments.lines import Ref
from cuebook.persistence.history.experiments.line import LineState
from cuebook.persistence.records.experiment_heads import CheckpointKept

__all__ = ["ExperimentRow", "ExperimentView", "rows_of", "state_text", "tree_lines", "views_of"]


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """One checkpoint.

    Attributes:
        experiment: its experiment. number: within it. id: its own.
        created: seconds since the epoch. label: the program's name for it.
        state: of the experiment: `running`, `finished`, `failed`, `killed`, `interrupted`, `lost`.
        is_last: whether it is the experiment's newest. is_dropped: whether its files are no longer kept.
        parent: the checkpoint that the experiment was begun from.
    """

    experiment: str
    number: int
    id: str
    created: float
    state: str
    label: str | None = None
    is_last: bool = False
    is_dropped: bool = False
    parent: str = ""
    stage: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Its fields by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """One experiment, with the rows of its checkpoints, newest first; that of the beginning is left out."""

    name: str
    state: str
    created: float
    parent: str
    base: str
    message: str
    params: dict[str, Any]
    rows: list[ExperimentRow]

    def best(self, key: str) -> Any:
        """A metric (of its newest checkpoint) or parameter, for sorting; None where it has none."""
        metrics = self.rows[0].metrics if self.rows else {}
        return metrics.get(key, self.params.get(key))


def state_text(line: LineState, *, is_running: bool) -> str:
    """What an experiment is in."""
    if line.attempt is None:
        return "running" if is_running else "lost"
    if line.ended is not None:
        return line.ended.outcome
    return "running" if is_running else "lost"


def views_of(lines: Sequence[LineState], is_running: Callable[[str], bool]) -> list[ExperimentView]:
    """Every experiment, in the order given."""
    return [_view(line, is_running) for line in lines]


def _view(line: LineState, is_running: Callable[[str], bool]) -> ExperimentView:
    opened, attempt = line.opened, line.attempt
    state = state_text(line, is_running=line.ended is None and is_running(opened.name))
    params = dict(attempt.facts.get("params", {})) if attempt else {}
    git = opened.facts.get("git", {})
    base = f"{git['commit'][:7]}{' (changed)' if git.get('dirty') else ''}" if git.get("commit") else ""
    rows = [_row(line, head, state, params) for head, _ in reversed(line.checkpoints) if head.number]
    message = str(opened.facts.get("message", ""))
    return ExperimentView(opened.name, state, opened.at, opened.parent, base, message, params, rows)


def _row(line: LineState, head: CheckpointKept, state: str, params: dict[str, Any]) -> ExperimentRow:
    return ExperimentRow(
        line.opened.name,
        head.number,
        head.id,
        head.at,
        state,
        head.label,
        head.number == line.next_number - 1,
        head.number in line.dropped,
        line.opened.parent,
        head.stage,
        head.metrics,
        params,
    )


def rows_of(views: Sequence[ExperimentView]) -> list[ExperimentRow]:
    """The rows of all of them."""
    return [row for view in views for row in view.rows]


def sorted_views(views: Sequence[ExperimentView], key: str, *, descending: bool) -> list[ExperimentView]:
    """By a metric or a parameter, or by `created`; those that have none come last.

    Raises:
        ExperimentError: none has it.
    """
    if key == "created":
        return sorted(views, key=lambda view: view.created, reverse=descending)
    if views and all(view.best(key) is None for view in views):
        raise ExperimentError(f"no experiment has a metric or a parameter {key}")
    has = [view for view in views if isinstance(view.best(key), int | float)]
    rest = [view for view in views if not isinstance(view.best(key), int | float)]
    return sorted(has, key=lambda view: view.best(key), reverse=descending) + rest


def columns_of(views: Sequence[ExperimentView], only: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """The names of metrics and of parameters that there are, in order of appearance; with `only`, those of them.

    Raises:
        ExperimentError: one of `only` is none of them.
    """
    metrics = dict.fromkeys(name for view in views for row in view.rows for name in row.metrics)
    params = dict.fromkeys(name for view in views for name in view.params)
    if missing := [name for name in only if name not in metrics and name not in params]:
        raise ExperimentError(f"no experiment has a metric or a parameter {', '.join(missing)}")
    return [name for name in metrics if not only or name in only], [name for name in params if not only or name in only]


def tree_lines(
    views: Sequence[ExperimentView],
    head: Ref | None,
    when: Callable[[float], str],
    columns: tuple[list[str], list[str]],
) -> Iterator[list[str]]:
    """The cells of the tree: workspace, base, experiments, each with its checkpoints from the newest to the first."""
    metrics, params = columns
    blank = [""] * (len(metrics) + len(params))
    yield ["workspace", "-", str(head or ""), *blank]
    bases: dict[str, list[ExperimentView]] = {}
    for view in views:
        bases.setdefault(view.base.partition(" ")[0], []).append(view)
    for base, members in bases.items():
        yield [base or "no commit", "-", "", *blank]
        for place, view in enumerate(members):
            is_last = place == len(members) - 1
            yield from _branch(view, when, columns, is_last=is_last)


def _branch(
    view: ExperimentView, when: Callable[[float], str], columns: tuple[list[str], list[str]], *, is_last: bool
) -> Iterator[list[str]]:
    metrics, params = columns
    corner = "└" if is_last else "├"
    values = [_cell(view.params.get(name)) for name in params]
    newest = view.rows[0].metrics if view.rows else {}
    parent = f" from {view.parent}" if view.parent else ""
    mark = "╓" if view.rows else "─"
    edge = "│" if view.rows else corner
    yield [
        f"{edge} {mark} {view.name}{parent}",
        when(view.created),
        view.state,
        *(_cell(newest.get(name)) for name in metrics),
        *values,
    ]
    for place, row in enumerate(view.rows):
        is_first = place == len(view.rows) - 1
        edge = f"{corner}─╨" if is_first else "│ ╟"
        label = f" {row.label}" if row.label else ""
        dropped = "files dropped" if row.is_dropped else ""
        cells = [_cell(row.metrics.get(name)) for name in metrics]
        yield [f"{edge} {row.id}{label}", when(row.created), dropped, *cells, *([""] * len(params))]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.5g}" if isinstance(value, float) else str(value)
