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
@click.option("--temp", is_flag=True, help="In a copy of the workspace, from scratch; any number side by side.")
@click.option("--queue", is_flag=True, help="Later, in a copy: by `exp start`. Lists and ranges in -S make a grid.")
@click.option("-n", "--name", metavar="NAME", help="Name of a new experiment.")
@click.option("-m", "--message", default="", metavar="TEXT", help="Kept with a new experiment.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def run(command: tuple[str, ...], **options: object) -> int:
    """Run COMMAND (behind --), or the stages of dvc.yaml: all, or those named here.

    A program that was interrupted goes on from its last checkpoint. One that is finished is not run again unless
    something that it depends on has changed. The exit code is that of the program.

    With --queue, `-S lr=0.1,0.01 -S 'seed=range(5)'` queues every combination; what is finished with the same
    parameters, code and data is said and left out.
    """
    from cuebook.cli.experiments.queue import run_elsewhere
    from cuebook.cli.experiments.run import run_here

    is_elsewhere = options["temp"] or options["queue"]
    return run_elsewhere(command, options) if is_elsewhere else run_here(command, options)


_ref_argument = click.argument("ref", metavar="REF")
_json_option = click.option("--json", "as_json", is_flag=True, help="JSON.")


@exp.command(name="start", short_help="Run what is queued.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, metavar="N", help="So many side by side.")
@click.option("--one", hidden=True)
def start(jobs: int, one: str | None) -> int:
    """Run what is queued, each run in a copy of its workspace, until nothing waits.

    Exit code 1 where a run did not finish; `exp retry` queues it again. Ctrl-C interrupts the runs; they wait again.
    """
    from cuebook.cli.experiments.queue import run_one, start_queued

    return start_queued(jobs) if one is None else run_one(one)


@exp.command(name="kill", short_help="End experiments that run or wait.")
@click.argument("names", nargs=-1, required=True, metavar="EXPERIMENT...")
def kill(names: tuple[str, ...]) -> None:
    """End experiments: one that runs as by SIGTERM, one that waits is taken out of the queue."""
    from cuebook.cli.experiments.queue import kill_all

    kill_all(names)


@exp.command(name="retry", short_help="Queue again what did not finish.")
@click.option("--failed", is_flag=True, help="All that failed, were killed, interrupted or lost.")
@click.argument("names", nargs=-1, metavar="[EXPERIMENT]...")
def retry(names: tuple[str, ...], failed: bool) -> None:
    """Queue queued runs again; each goes on from its last checkpoint."""
    from cuebook.cli.experiments.queue import retry_all

    retry_all(names, all_failed=failed)


@exp.command(name="show", short_help="The tree of experiments and their checkpoints.")
@_json_option
@click.option("--csv", "as_csv", is_flag=True, help="CSV, a row for each checkpoint.")
@click.option("--sort", metavar="NAME", help="By a metric, a parameter or `created`; `-NAME` for descending.")
@click.option("--only", multiple=True, metavar="NAME", help="Only these metrics and parameters.")
@click.option(
    "--plot", type=click.Path(dir_okay=False), help="Metrics over checkpoints: an .html page, or a .png by matplotlib."
)
@click.argument("names", nargs=-1, metavar="[EXPERIMENT]...")
def show(names: tuple[str, ...], **options: object) -> None:
    """Show experiments, newest checkpoints first: all of them, or those named here.

    REF in other commands is what stands here: an experiment (its newest checkpoint), EXPERIMENT:NUMBER, or the
    beginning of a checkpoint's id.
    """
    from cuebook.cli.experiments.show import show_tree

    show_tree(names, options)


@exp.command(name="list", short_help="All experiments, a line each.")
@_json_option
def list_experiments(as_json: bool) -> None:
    """List the experiments: state, checkpoints, when they were begun."""
    from cuebook.cli.experiments.show import show_list

    show_list(as_json=as_json)


@exp.command(name="diff", short_help="What differs between two checkpoints.")
@click.argument("old", metavar="REF")
@click.argument("new", metavar="REF")
@_json_option
def diff(old: str, new: str, as_json: bool) -> None:
    """Show which files, metrics and parameters differ, and how text files do."""
    from cuebook.cli.experiments.show import show_difference

    show_difference(old, new, as_json=as_json)


@exp.command(name="apply", short_help="Give the workspace the outputs of a checkpoint.")
@_ref_argument
@click.option("--force", is_flag=True, help="Also where outputs have changed; those are kept aside.")
def apply(ref: str, force: bool) -> None:
    """Give the workspace the outputs of REF; the next `exp run` goes on from there."""
    from cuebook.cli.experiments.change import apply_here

    apply_here(ref, forces=force)


@exp.command(name="branch", short_help="A Git branch with the outputs of a checkpoint.")
@_ref_argument
@click.argument("name")
def branch(ref: str, name: str) -> None:
    """Make a Git branch NAME: what is committed where the experiment was begun, and the outputs of REF on top.

    The working tree, the index and the current branch stay as they are.
    """
    from cuebook.cli.experiments.change import make_branch

    make_branch(ref, name)


@exp.command(name="remove", short_help="Take experiments away.")
@click.argument("names", nargs=-1, required=True, metavar="EXPERIMENT...")
def remove(names: tuple[str, ...]) -> None:
    """Remove experiments. Their files go with the next `exp gc`, unless others have the same ones."""
    from cuebook.cli.experiments.change import remove_all

    remove_all(names)


@exp.command(name="gc", short_help="Drop files that are no longer wanted.")
@click.option("--last", type=click.IntRange(1), metavar="N", help="Keep the newest N of each experiment.")
@click.option("--best", metavar="METRIC", help="Keep that with the least METRIC of each; `-METRIC`: the most.")
@click.option("--newer", metavar="TIME", help="Keep what is not older: 12h, 30d.")
@click.option("--size", metavar="BYTES", help="Keep the newest, up to this: 500MB, 20GB.")
def collect(**options: object) -> None:
    """Drop the files of checkpoints that no option keeps; without options, only what belongs to none.

    The newest checkpoint of each experiment stays, and everything of one that runs.
    """
    from cuebook.cli.experiments.change import collect_files

    collect_files(options)


@exp.command(name="export", short_help="The outputs of a checkpoint, in a folder.")
@_ref_argument
@click.argument("folder", type=click.Path(file_okay=False))
def export(ref: str, folder: str) -> None:
    """Write the outputs of REF into FOLDER, which is new or empty."""
    from cuebook.cli.experiments.change import export_to

    export_to(ref, folder)


@exp.command(name="logs", short_help="What an experiment's programs have written.")
@_ref_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the experiment ends.")
def logs(ref: str, follow: bool) -> None:
    """Write the kept output of an experiment (the last 64 MB of it)."""
    from cuebook.cli.experiments.change import show_log

    show_log(ref, follows=follow)
