"""`cuebook why`: why a run took what it took from earlier runs, and made the rest afresh."""

from __future__ import annotations

from pathlib import Path

import click

from cuebook.cli.journals import opened, path_argument, picked, run_option, untrusting

__all__ = ["why"]


@click.command(
    short_help="Why a run reused some results and not others.",
    context_settings={"ignore_unknown_options": True},
)
@click.option("--now", is_flag=True, help="PATH is a Python script: what would its runs reuse if it ran now?")
@run_option("Explain this run; without it the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@path_argument
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGUMENTS OF THE SCRIPT]")
def why(path: str, number: int | None, *, as_json: bool, now: bool, arguments: tuple[str, ...]) -> int:
    """Say why a run reused what it reused and made the rest afresh.

    The run is compared with the one before it of the same function: which part of the function (its code, a
    helper, a constant, a default, ...) changed, and which calls are new, failed before or were forgotten.

    With --now the script at PATH is run up to the first of its runs that would make a call, which is not made: for
    each run it is said how many calls would be reused, and why not the rest. Nothing is written to a journal.
    Options of the script come after a `--`.

    Where PATH is a script whose stages were run, or a job's journal: why its newest run redid each stage.
    """
    if now:
        if number is not None:
            raise click.UsageError("--now and --run exclude each other")
        from cuebook.cli.explaining.rehearsal import rehearse_script

        return rehearse_script(Path(path), arguments, as_json=as_json)
    if arguments:
        raise (
            click.NoSuchOption(arguments[0])
            if arguments[0][0] == "-"
            else click.UsageError(f"Got unexpected extra argument ({arguments[0]})")
        )
    if number is None and _explain_job(path, as_json=as_json):
        return 0
    _explain(path, number, as_json=as_json)
    return 0


def _explain_job(path: str, *, as_json: bool) -> bool:
    """Explain the newest run of a job, where PATH is a job's script or journal."""
    from cuebook.cli.jobs.job_group import why_lines
    from cuebook.cli.output import SCHEMA, emit_json, printable
    from cuebook.stages.jobs import job_at

    seen = job_at(path)
    if seen is None:
        return False
    lines = why_lines(seen)
    if as_json:
        emit_json({"schema": SCHEMA, "job": seen.state.name, "why": lines})
        return True
    for line in lines:
        click.echo(printable(line))
    return True


def _explain(path: str, number: int | None, *, as_json: bool) -> None:
    from cuebook.cli.explaining.explanation import explain, explanation_lines, explanation_object
    from cuebook.cli.explaining.outlined_arguments import OutlinedArguments
    from cuebook.cli.output import emit_json, printable
    from cuebook.persistence.history.arguments_read import CallArguments
    from cuebook.persistence.history.replay import state_of

    with opened(path) as reader:
        state = state_of(reader)
        run = picked(state, number, path)
        arguments = OutlinedArguments(CallArguments(reader, state, untrusting(reader)), state)
        found = explain(state, run, arguments)
        if as_json:
            emit_json(explanation_object(found))
            return
        for line in explanation_lines(found):
            click.echo(printable(line))
