"""`cuebook job`: which jobs there are, their runs, and what became of each stage and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cuebook.cli.jobs.place import found_job, found_workplace, json_option

if TYPE_CHECKING:
    from cuebook.persistence.history.jobs.job import JobRun
    from cuebook.stages.jobs import SeenJob

__all__ = ["job", "job_object", "why_lines"]


@click.group(short_help="Jobs: list, show.")
def job() -> None:
    """Look into the jobs of this folder's .cuebook/. Nothing of the program is imported or run."""


@job.command(name="list", short_help="All of them, a line each.")
@json_option
def list_jobs(*, as_json: bool) -> None:
    """List the jobs: runs, how the newest one is or has ended, and what is kept."""
    from cuebook.cli.output import SCHEMA, emit_json, local_time, table
    from cuebook.stages.jobs import seen_jobs

    found = list(seen_jobs(found_workplace()))
    if as_json:
        emit_json({"schema": SCHEMA, "jobs": [_summary(seen) for seen in found]})
        return
    rows = []
    for seen in found:
        each = _summary(seen)
        began = local_time(seen.state.runs[each["runs"][-1]].opened.at)
        rows.append(
            [each["name"], str(len(each["runs"])), each["status"], began, str(each["stages"]), str(each["steps"])]
        )
    if rows:
        table(["job", "runs", "status", "began", "stages", "steps"], rows)
    else:
        click.echo("no job yet")


@job.command(name="show", short_help="The runs of one, and what became of each stage.")
@click.argument("name", metavar="JOB")
@click.option("--all", "shows_all", is_flag=True, help="Every run; without it the newest ten.")
@json_option
def show_job(name: str, *, shows_all: bool, as_json: bool) -> None:
    """Show the runs of JOB (its name, the end of it, or its script), newest last: what was done, skipped and redone."""
    from cuebook.cli.output import SCHEMA, emit_json, printable

    seen = found_job(name)
    shown = job_object(seen, None if shows_all else 10)
    if as_json:
        emit_json({"schema": SCHEMA, **shown})
        return
    click.echo(printable(f"job {shown['name']}"))
    for run in shown["runs"]:
        click.echo(printable(_run_line(run)))
        for stage in run["stages"]:
            click.echo(printable(_stage_line(stage)))
        for kept in run["checkpoints"]:
            click.echo(printable(_checkpoint_line(kept)))


def _summary(seen: SeenJob) -> dict[str, Any]:
    from cuebook.stages.job_view import status_of

    state = seen.state
    newest = state.newest
    assert newest is not None
    return {
        "name": state.name,
        "runs": list(state.runs),
        "status": status_of(newest, is_live=seen.is_live),
        "stages": len(state.stages),
        "steps": len(state.steps),
        "journal": str(seen.journal),
    }


def job_object(seen: SeenJob, limit: int | None) -> dict[str, Any]:
    """A job and its newest runs, for programs."""
    runs = list(seen.state.runs.values())
    newest = runs[-1]
    chosen = runs if limit is None else runs[-limit:]
    shown = [_run_object(seen, run, is_live=seen.is_live and run is newest) for run in chosen]
    return {**_summary(seen), "runs": shown}


def _run_object(seen: SeenJob, run: JobRun, *, is_live: bool) -> dict[str, Any]:
    from cuebook.cli.output import iso_time
    from cuebook.stages.job_view import lines_of, status_of
    from cuebook.stages.jobs import checkpoints_of

    closed, lines = run.closed, lines_of(seen.state, run)
    return {
        "run": run.number,
        "parent": run.opened.parent or None,
        "status": status_of(run, is_live=is_live),
        "began": iso_time(run.opened.at),
        "seconds": None if closed is None else closed.at - run.opened.at,
        "pid": run.opened.pid,
        "host": run.opened.host,
        "command": run.opened.command,
        "error": closed.error if closed is not None and closed.error else None,
        "steps_done": run.steps,
        "steps_taken_over": 0 if closed is None else closed.steps,
        "rows_reused": sum(line.rows or 0 for line in lines if line.status == "skipped"),
        "rows_processed": sum(line.rows or 0 for line in lines if line.status != "skipped"),
        "stages": [
            {
                "stage": line.stage,
                "version": line.version,
                "status": line.status,
                "rows": line.rows,
                "seconds": line.seconds,
                "reasons": list(line.reasons),
            }
            for line in lines
        ],
        "checkpoints": [
            {
                "stage": head.stage,
                "number": head.number,
                "label": head.label,
                "bytes": head.length,
                "at": iso_time(head.at),
                "metrics": metrics,
            }
            for head, metrics in checkpoints_of(seen, run.number)
        ],
    }


def _run_line(run: dict[str, Any]) -> str:
    from cuebook.wording import duration

    parts = [f"run {run['run']}", run["status"], run["began"]]
    if run["seconds"] is not None:
        parts.append(duration(run["seconds"]))
    if run["parent"]:
        parts.append(f"after run {run['parent']}")
    if run["steps_done"] or run["steps_taken_over"]:
        parts.append(f"{run['steps_done']} steps done, {run['steps_taken_over']} taken over")
    if run["rows_reused"] or run["rows_processed"]:
        parts.append(f"{run['rows_processed']:,} rows processed, {run['rows_reused']:,} reused")
    if run["error"]:
        parts.append(run["error"])
    return "  ".join(parts)


def _stage_line(stage: dict[str, Any]) -> str:
    from cuebook.stages.reasons import reason_line
    from cuebook.wording import duration

    rows = "" if stage["rows"] is None else f"  {stage['rows']:,} rows"
    took = "" if stage["status"] == "skipped" else f"  {duration(stage['seconds'])}"
    why = f"  ({reason_line(stage['stage'], stage['reasons'])})" if stage["reasons"] else ""
    return f"    {stage['status']:<8} {stage['stage']} v{stage['version']}{rows}{took}{why}"


def _checkpoint_line(kept: dict[str, Any]) -> str:
    from cuebook.cli.call_checkpoints import metrics_text

    label = f" {kept['label']!r}" if kept["label"] is not None else ""
    metrics = f", {metrics_text(kept['metrics'])}" if kept["metrics"] else ""
    return f"    not done {kept['stage']}  checkpoint {kept['number']}{label}, {kept['at']}{metrics}"


def why_lines(seen: SeenJob) -> list[str]:
    """Why the newest run of a job redid what it redid, a line a stage."""
    from cuebook.stages.job_view import lines_of
    from cuebook.stages.reasons import reason_line

    newest = seen.state.newest
    assert newest is not None
    lines = lines_of(seen.state, newest)
    found = [reason_line(line.stage, line.reasons) for line in lines if line.reasons]
    done = [f"{line.stage} is new" for line in lines if line.status == "done"]
    skipped = [line.stage for line in lines if line.status == "skipped"]
    return [*found, *done, *([f"taken over: {', '.join(skipped)}"] if skipped else [])] or ["no stage was done"]
