"""The command `cuebook`: its sub-commands, loaded when they are asked for, and what its exit codes mean.

Knows no journal: each sub-command is a module of its own beside this one.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cuebook.errors import CuebookError, InternalError, JournalBusy, WorkplaceBusy

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ExitCode", "NotThere", "cuebook", "main"]

_HOMES = {
    "show": "cuebook.cli.show",
    "watch": "cuebook.cli.watch",
    "why": "cuebook.cli.why",
    "profile": "cuebook.cli.profile",
    "export": "cuebook.cli.export",
    "verify": "cuebook.cli.upkeep",
    "recover": "cuebook.cli.upkeep",
    "backup": "cuebook.cli.upkeep",
    "compact": "cuebook.cli.upkeep",
    "forget": "cuebook.cli.forget",
    "tune": "cuebook.cli.tune",
    "actors": "cuebook.cli.actor_group",
    "exp": "cuebook.cli.experiments.group",
    "checkpoint": "cuebook.cli.experiments.checkpoint",
    "run": "cuebook.cli.jobs.run_script",
    "job": "cuebook.cli.jobs.job_group",
    "dataset": "cuebook.cli.jobs.dataset_group",
    "lineage": "cuebook.cli.jobs.lineage_tree",
    "gc": "cuebook.cli.jobs.collect",
}
"""The module of each sub-command, in which it has its own name."""


class ExitCode:
    """What the command's exit codes mean."""

    OK = 0
    BAD = 1
    USAGE = 2
    NOT_THERE = 3
    BUSY = 4
    RUNNER_GONE = 5
    INTERRUPTED = 130


class NotThere(click.ClickException):
    """There is no such journal, run or call."""

    exit_code = ExitCode.NOT_THERE


class _ReaderGone(Exception):
    """Whoever read our output has gone."""


class _LazyGroup(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # click would make an error of it
            raise _ReaderGone from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        home = _HOMES.get(cmd_name)
        if home is None:
            return None
        found = getattr(importlib.import_module(home), cmd_name)
        assert isinstance(found, click.Command)
        return found


def _print_version(ctx: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if is_wanted and not ctx.resilient_parsing:
        from cuebook import __version__

        click.echo(f"cuebook {__version__}")
        ctx.exit()


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 something is damaged or failed, 2 wrong use, 3 no such journal or run, "
    "4 the journal is in use.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cuebook() -> None:
    """Look into journals of durable runs, while they run or after; find out how a function is best run."""
    from cuebook.persistence.trust.option import trust_of

    try:
        trust_of(None)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit code, see `ExitCode`. Errors are one line on stderr."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except (BrokenPipeError, _ReaderGone):
        _silence_stdout()
        return ExitCode.OK


def _run(arguments: Sequence[str] | None) -> int:
    try:
        answer: Any = cuebook.main(arguments, prog_name="cuebook", standalone_mode=False)
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except (InternalError, BrokenPipeError):
        raise
    except (CuebookError, OSError) as error:  # an OSError: a path that no file can have, a folder that is closed to us
        from cuebook.cli.output import printable

        click.echo(f"Error: {printable(str(error))}", err=True)
        return ExitCode.BUSY if isinstance(error, JournalBusy | WorkplaceBusy) else ExitCode.BAD
    return answer if isinstance(answer, int) else ExitCode.OK


def _show(error: click.ClickException) -> None:
    """As click does it, but that nothing in it steers a terminal: it has words of the command line, and of journals."""
    import io

    from cuebook.cli.output import printable

    text = io.StringIO()
    error.show(file=text)
    click.echo(printable(text.getvalue()), nl=False, err=True)


def _silence_stdout() -> None:
    # Whoever read our output has gone, and has what was wanted; the interpreter's last flush must not complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
