"""`cuebook checkpoint`: what `make_checkpoint()` is to Python, for whatever can run a command."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from cuebook.checkpoints.program import RUNNER, ask
from cuebook.cli.command import ExitCode
from cuebook.errors import CheckpointRefused, RunnerGone

__all__ = ["checkpoint"]


@click.command(short_help="Keep the outputs of the program that runs this.")
@click.option("--label", metavar="NAME", help="A name for this checkpoint.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME=VALUE", help="A number or text to keep with it.")
def checkpoint(label: str | None, metrics: tuple[str, ...]) -> int:
    """Keep a version of the outputs of the program that runs this, and wait until it is committed.

    Prints the checkpoint's id. Outside of `cuebook exp run` it does nothing.

    Exit codes: 0 committed (or nothing to do), 1 refused: earlier checkpoints are whole, 5 the runner is gone: end.
    """
    values = dict(_metric(text) for text in metrics)
    if not os.environ.get(RUNNER):
        return ExitCode.OK
    try:
        answer, _ = ask({"do": "checkpoint", "label": label, "metrics": values})
    except RunnerGone as error:
        click.echo(f"Error: {error}", err=True)
        return ExitCode.RUNNER_GONE
    except CheckpointRefused as error:
        click.echo(f"Error: {error}", err=True)
        return ExitCode.BAD
    click.echo(answer["id"])
    return ExitCode.OK


def _metric(text: str) -> tuple[str, Any]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise click.UsageError(f"--metric {text}: NAME=VALUE is expected")
    try:
        found = json.loads(value)
    except ValueError:
        found = value
    return name, found if isinstance(found, bool | int | float | str) else value
