"""What `cuebook exp show`, `list` and `diff` print."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from cuebook.cli.command import NotThere
from cuebook.cli.output import SCHEMA, csv_cell, emit_json, iso_time, local_time, printable, table
from cuebook.experiments.changing import compare
from cuebook.experiments.heads import WorkspaceHead
from cuebook.experiments.lines import Lines
from cuebook.experiments.queue import Place, RunQueue
from cuebook.experiments.settling import is_running
from cuebook.experiments.table import ExperimentView, columns_of, rows_of, sorted_views, tree_lines, views_of
from cuebook.workplace.location import find_workplace

__all__ = ["lines_here", "show_difference", "show_list", "show_tree"]


def lines_here() -> Lines:
    """The experiments of the current folder.

    Raises:
        NotThere: there is no `.cuebook/`.
    """
    workplace = find_workplace()
    if workplace is None:
        raise NotThere("there are no experiments here yet: `cuebook exp run` makes the first")
    return Lines(workplace)


def show_tree(names: tuple[str, ...], options: dict[str, Any]) -> None:
    """The tree, or the same as JSON, CSV or a plot."""
    lines = lines_here()
    views = _views(lines, names)
    if options["sort"]:
        key = options["sort"]
        views = sorted_views(views, key.lstrip("-"), descending=key.startswith("-"))
    columns = columns_of(views, options["only"])
    if options["plot"]:
        _write_plot(Path(options["plot"]), views, columns[0])
        click.echo(f"wrote {options['plot']}")
    elif options["as_json"]:
        emit_json({"schema": SCHEMA, "experiments": [_object(view, columns) for view in views]})
    elif options["as_csv"]:
        _write_csv(views, columns)
    else:
        head = WorkspaceHead(lines.workplace, Path.cwd()).read()
        headers = ["experiment", "created", "state", *columns[0], *columns[1]]
        table(headers, tree_lines(views, head, local_time, columns))


def _views(lines: Lines, names: tuple[str, ...]) -> list[ExperimentView]:
    if missing := [name for name in names if name not in lines.names()]:
        raise NotThere(f"there is no experiment {', '.join(missing)}")
    found = [line for line in lines.all() if not names or line.opened.name in names]
    return views_of(found, lambda name: is_running(lines, name))


def _object(view: ExperimentView, columns: tuple[list[str], list[str]]) -> dict[str, Any]:
    rows = [
        {
            "id": row.id,
            "number": row.number,
            "created": iso_time(row.created),
            "label": row.label,
            "stage": row.stage,
            "has_files": not row.is_dropped,
            "metrics": {name: value for name, value in row.metrics.items() if name in columns[0]},
        }
        for row in view.rows
    ]
    return {
        "name": view.name,
        "state": view.state,
        "created": iso_time(view.created),
        "parent": view.parent or None,
        "base": view.base or None,
        "message": view.message,
        "params": {name: value for name, value in view.params.items() if name in columns[1]},
        "checkpoints": rows,
    }


def _write_plot(path: Path, views: list[ExperimentView], metrics: list[str]) -> None:
    from cuebook.experiments.plot import picture, plotted

    if path.suffix.lower() in (".html", ".htm"):
        path.write_text(plotted(views, metrics), encoding="utf-8")
    elif path.suffix.lower() == ".png":
        try:
            path.write_bytes(picture(views, metrics))
        except ImportError as error:
            raise click.UsageError(f"--plot {path} needs matplotlib ({error}): install it, or name an .html") from None
    else:
        raise click.UsageError(f"--plot {path}: the name ends in .html or .png")


def _write_csv(views: list[ExperimentView], columns: tuple[list[str], list[str]]) -> None:
    metrics, params = columns
    out = csv.writer(sys.stdout, lineterminator="\n")
    titles = ["experiment", "number", "id", "created", "state", "label", *metrics, *params]
    out.writerow(map(csv_cell, titles))
    for row in rows_of(views):
        known = [row.experiment, row.number, row.id, iso_time(row.created), row.state, row.label]
        told = [*(row.metrics.get(name) for name in metrics), *(row.params.get(name) for name in params)]
        out.writerow(map(csv_cell, [*known, *told]))


def show_list(*, as_json: bool) -> None:
    """A line for each experiment."""
    lines = lines_here()
    views = [*_views(lines, ()), *_waiting(lines)]
    waiting = {entry.name for entry in RunQueue(lines).entries(Place.WAITING)}
    views = [replace(view, state="queued") if view.name in waiting else view for view in views]
    if as_json:
        emit_json({"schema": SCHEMA, "experiments": [_summary(view) for view in views]})
        return
    rows = [
        [view.name, view.state, str(len(view.rows)), local_time(view.created), view.parent, view.message]
        for view in views
    ]
    table(["experiment", "state", "checkpoints", "created", "from", "message"], rows)


def _waiting(lines: Lines) -> list[ExperimentView]:
    """Those that are queued and were not begun yet."""
    names = set(lines.names())
    return [
        ExperimentView(entry.name, "queued", entry.created, entry.start, "", " ".join(entry.overrides), {}, [])
        for entry in RunQueue(lines).entries(Place.WAITING)
        if entry.name not in names
    ]


def _summary(view: ExperimentView) -> dict[str, Any]:
    return {
        "name": view.name,
        "state": view.state,
        "checkpoints": len(view.rows),
        "created": iso_time(view.created),
        "parent": view.parent or None,
        "message": view.message,
    }


def show_difference(old: str, new: str, *, as_json: bool) -> None:
    """What differs between two checkpoints."""
    lines = lines_here()
    found = compare(lines, lines.resolve(old), lines.resolve(new))
    if as_json:
        files = [{"name": name, "change": change, "diff": found.texts.get(name)} for name, change in found.files]
        metrics = {name: list(pair) for name, pair in found.metrics.items()}
        params = {name: list(pair) for name, pair in found.params.items()}
        emit_json({"schema": SCHEMA, "files": files, "metrics": metrics, "params": params})
        return
    rows = [["file", name, change, ""] for name, change in found.files]
    for kind, values in (("metric", found.metrics), ("parameter", found.params)):
        rows += [[kind, name, str(pair[0]), str(pair[1])] for name, pair in values.items()]
    if not rows:
        click.echo("nothing differs")
        return
    table(["what", "name", "old", "new"], rows)
    for text in found.texts.values():
        click.echo()
        click.echo(printable(text))
