"""`cuebook exp`: experiments: programs in any language whose outputs are kept at each checkpoint."""

from __future__ import annotations

import click

__all__ = ["exp"]


@click.group(short_help="Experiments: run, show, list, diff, apply, remove.")
def exp() -> None:
    """Run programs whose outputs are kept at each checkpoint, and go on from any of them."""


@exp.command(name="run", short_help="Run a program, or the stages of dvc.yaml; again: go on.")
@click.option("--out", "outs", multiple=True, metavar="PATH", help="A file or folder that the program writes.")
@click.option("--metrics", multiple=True, metavar="FILE", help="A JSON, YAML or TOML file that holds metrics.")
@click.option("--dep", "deps", multiple=True, metavar="PATH", help="A file or folder that the program depends on.")
@click.option("--reset", is_flag=True, help="Begin from scratch; the old line is kept.")
@click.option("--from", "start", metavar="REF", help="Begin a new line from this checkpoint.")
@click.option("-S", "--set-param", "overrides", multiple=True, metavar="NAME=VALUE", help="Change a parameter first.")
@click.option("--force", is_flag=True, help="Also run what is finished.")
@click.option("-n", "--name", metavar="NAME", help="Name of a new experiment.")
@click.option("-m", "--message", default="", metavar="TEXT", help="Kept with a new experiment.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def run(command: tuple[str, ...], **options: object) -> int:
    """Run COMMAND (behind --), or the stages of dvc.yaml: all, or those named here.

    A program that was interrupted goes on from its last checkpoint. One that is finished is not run again unless
    something that it depends on has changed. The exit code is that of the program.
    """
    from cuebook.cli.exp_run import run_here

    return run_here(command, options)
