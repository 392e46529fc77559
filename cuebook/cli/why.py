"""`cuebook why`: why a run took what it took from earlier runs, and made the rest afresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cuebook.cli.journals import opened, path_argument, picked, run_option, untrusting

if TYPE_CHECKING:
    pass

__all__ = ["why"]


@click.command(short_help="Why a run reused some results and not others.")
@path_argument
@run_option("Explain this run; without it the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def why(path: str, number: int | None, as_json: bool) -> None:
    """Say why a run reused what it reused and made the rest afresh.

    The run is compared with the one before it of the same function: which part of the function (its code, a
    helper, a constant, a default, ...) changed, and which calls are new, failed before or were forgotten.
    """
    from cuebook.cli.explanation import explain, explanation_lines, explanation_object
    from cuebook.cli.outlined_arguments import OutlinedArguments
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
