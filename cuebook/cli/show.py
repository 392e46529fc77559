"""`cuebook show`: the runs in a journal, one of them in detail, or its failures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from cuebook.cli.journals import opened, path_argument, picked, run_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cuebook.cli.call_checkpoints import CallCheckpoint
    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.history.summary import Picture, RunSummary
    from cuebook.persistence.journal.reader import Reader

__all__ = ["show"]

_CHECKPOINTS_SHOWN = 10
_CHECKPOINTS_LISTED = 1_000


@click.command(short_help="Runs, how far they are, their failures; durable actors.")
@path_argument
@run_option("Show this run in detail (with --failures: its failures).")
@click.option("--failures", is_flag=True, help="The failed calls of the newest run, by kind of error, with inputs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(path: str, number: int | None, failures: bool, as_json: bool) -> None:
    """Show the runs in the journal at PATH.

    For each run: its function, when it started, how many of its calls are done, failed and taken from earlier
    runs, how fast it goes, and what has become of it (running, finished, interrupted, failed, or abandoned: its
    process died). Of running calls the newest checkpoints, with label, age and metrics. Then the durable actors: how
    many events each has, and what it owes.
    """
    from cuebook.persistence.history.summary import look

    with opened(path) as reader:
        picture = look(reader)
        if failures:
            from cuebook.cli.failures import show_failures

            show_failures(reader, picture, picked(picture.state, number, path), as_json=as_json)
        elif number is not None:
            _show_run(reader, picture, picked(picture.state, number, path), as_json=as_json)
        else:
            _show_runs(reader, picture, as_json=as_json)


def _show_runs(reader: Reader, picture: Picture, *, as_json: bool) -> None:
    from cuebook.cli.actors import ACTOR_HEADERS, actor_object, actor_row
    from cuebook.cli.output import SCHEMA, emit_json, printable, table
    from cuebook.cli.queries import RUN_HEADERS, holder_object, run_object, run_row

    now = time.time()
    runs = list(picture.summaries(now))
    actors = list(picture.state.streams.values())
    holder = picture.holder
    if as_json:
        emit_json(
            {
                "schema": SCHEMA,
                "path": reader.name,
                "records": picture.state.last_seq,
                "writer": holder_object(holder),
                "runs": [{**run_object(run), **_running_object(reader, picture, run)} for run in runs],
                "actors": [actor_object(actor) for actor in actors],
            }
        )
        return
    if not (runs or actors):
        click.echo("no run yet")
        return
    if runs:
        table(RUN_HEADERS, [run_row(run) for run in runs])
        for line in (line for run in runs for line in _running_lines(reader, picture, run, now)):
            click.echo(printable(line))
    if actors:
        table(ACTOR_HEADERS, [actor_row(actor) for actor in actors])
    if holder is not None and holder.pid:
        click.echo(printable(f"in use by process {holder.pid} on {holder.host} since {holder.since}"))


def _running(
    reader: Reader, picture: Picture, run: RunSummary, most: int = _CHECKPOINTS_SHOWN
) -> tuple[list[CallCheckpoint], int]:
    """The newest checkpoints of the calls of a run that goes on, and of how many calls they are not told."""
    from cuebook.cli.call_checkpoints import running_checkpoints
    from cuebook.cli.journals import metrics_in
    from cuebook.persistence.history.run import RunStatus

    if run.status is not RunStatus.RUNNING:
        return [], 0
    return running_checkpoints(picture.state.runs[run.number], metrics_in(reader), most)


def _running_object(reader: Reader, picture: Picture, run: RunSummary) -> dict[str, Any]:
    from cuebook.cli.call_checkpoints import checkpoint_object

    found = _running(reader, picture, run, _CHECKPOINTS_LISTED)[0]
    return {"checkpoints": [checkpoint_object(kept) for kept in found]} if found else {}


def _running_lines(reader: Reader, picture: Picture, run: RunSummary, now: float) -> Iterator[str]:
    from cuebook.cli.call_checkpoints import checkpoint_line

    shown, left = _running(reader, picture, run)
    for kept in shown:
        yield f"run {run.number}, {checkpoint_line(kept, now)}"
    if left:
        yield f"run {run.number}, and checkpoints of {left:,} more calls"


def _show_run(reader: Reader, picture: Picture, run: RunState, *, as_json: bool) -> None:
    from cuebook.cli.journals import metrics_in
    from cuebook.cli.json_values import json_value
    from cuebook.cli.output import emit_json, printable
    from cuebook.cli.queries import details, progress_line, run_object
    from cuebook.persistence.history.run_parts import INNER_OPTIONS

    now = time.time()
    summary = picture.summary(run, now)
    options = {str(name): json_value(value) for name, value in run.opened.options.items() if name not in INNER_OPTIONS}
    found = details(picture, run, options, metrics_in(reader))
    if as_json:
        emit_json({**found, **run_object(summary)})
        return
    click.echo(printable(progress_line(summary, now)))
    for label, text in _detail_lines(found, summary.started, summary.ended):
        click.echo(printable(f"  {label:<12} {text}"))


def _detail_lines(found: dict[str, Any], started: float, ended: float | None) -> list[tuple[str, str]]:
    from cuebook.cli.output import duration, local_time

    options = {name: value for name, value in found["options"].items() if value is not None}
    lines = [
        ("started", local_time(started)),
        ("ended", f"{local_time(ended)}, after {duration(ended - started)}" if ended is not None else "-"),
        ("reason", found["reason"]),
        ("command", found["command"]),
        ("where", f"process {found['pid']} on {found['host']}, Python {found['python']}"),
        ("parameters", f"from {'a list' if found['source'] == 'list' else 'an iterator'}"),
        ("options", ", ".join(f"{name}={value!r}" for name, value in options.items())),
        ("reuse", f"{found['reuse']}{', forgotten' if found['forgotten'] else ''}"),
        ("reused", ", ".join(f"{count:,} from run {run}" for run, count in found["reused_from"].items())),
        ("function", f"{'?' if found['parts'] is None else found['parts']} parts, {found['fingerprint']}"),
        ("opaque", ", ".join(found["opaque"])),
        ("packages", ", ".join(f"{name} {version}" for name, version in found["packages"].items())),
    ]
    lines += [("checkpoint", _checkpoint_text(kept)) for kept in found["checkpoints"]]
    return [(label, text) for label, text in lines if text]


def _checkpoint_text(kept: dict[str, Any]) -> str:
    from cuebook.cli.call_checkpoints import metrics_text

    label = f" {kept['label']!r}" if kept["label"] is not None else ""
    state = "completed since" if kept["completed"] else "not completed"
    metrics = f", {metrics_text(kept['metrics'])}" if kept["metrics"] else ""
    return (
        f"call {kept['call']}: number {kept['number']}{label}, {kept['bytes']:,} bytes, {kept['at']}, {state}{metrics}"
    )
