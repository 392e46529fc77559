"""`cuebook run`: a script as `python` runs it, with switches for what is taken over, and a table at its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click

from cuebook.cli.command import NotThere

__all__ = ["run"]


@click.command(
    short_help="Run a script as its job.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--from-scratch", is_flag=True, help="Take over nothing that earlier runs have done.")
@click.option("--reset-stage", "reset", multiple=True, metavar="NAME", help="Redo this stage and what follows from it.")
@click.option("--job", "name", metavar="NAME", help="The job's name, in place of the script's path.")
@click.option("--lines", is_flag=True, help="A line for each news, also on a terminal, where a tree is drawn else.")
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    script: Path,
    arguments: tuple[str, ...],
    reset: tuple[str, ...],
    *,
    from_scratch: bool,
    name: str | None,
    lines: bool,
) -> int:
    """Run SCRIPT with its ARGUMENTS as `python SCRIPT` does, show its stages as they go, then what became of each.

    Its exit code is that of the script.
    """
    if not script.is_file():
        raise NotThere(f"there is no script {script}")
    environment = {**os.environ, "CUEBOOK_LIVE": "lines" if lines else "1"}
    if from_scratch:
        environment["CUEBOOK_RESET"] = "1"
    if reset:
        environment["CUEBOOK_RESET_STAGES"] = "\n".join(reset)
    if name:
        environment["CUEBOOK_JOB"] = name
    child = subprocess.Popen([sys.executable, str(script), *arguments], env=environment)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal gives it to the script, too
    passed_on = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, passed_on)
    if code < 0 and sys.stderr.isatty():
        click.echo("\x1b[?25h", nl=False, err=True)  # a killed one has left the cursor hidden
    _show_end(script, name)
    return code if code >= 0 else 128 - code


def _show_end(script: Path, name: str | None) -> None:
    from cuebook.cli.output import printable
    from cuebook.errors import StageError
    from cuebook.stages.job_view import job_text
    from cuebook.stages.jobs import job_named
    from cuebook.workplace.location import find_workplace

    workplace = find_workplace(script)
    try:
        seen = None if workplace is None else job_named(workplace, name or str(script.resolve()))
    except StageError:  # the script has no stage
        return
    newest = None if seen is None else seen.state.newest
    if seen is not None and newest is not None:
        steps = 0 if newest.closed is None else newest.closed.steps
        text = job_text(seen.state, newest.number, skipped=(), steps=steps, is_live=seen.is_live)
        click.echo(printable(text), err=True)
