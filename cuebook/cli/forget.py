"""`cuebook forget`: a result, a run or a function that is not to be reused any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cuebook.cli.command import NotThere
from cuebook.cli.journals import func_option, opened, path_argument, picked, run_option

if TYPE_CHECKING:
    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.records.run_heads import Forgotten

__all__ = ["forget"]


@click.command(short_help="Say that results are not to be reused.")
@path_argument
@click.option("--call", "index", type=click.IntRange(min=0), metavar="N", help="The call of this index, from 0.")
@run_option("Of this run (with --call; the newest without it); alone: the whole run.")
@func_option("All runs so far of this function.")
def forget(path: str, index: int | None, number: int | None, func: str | None) -> None:
    """Say that results in the journal at PATH are not to be reused: the next run makes these calls afresh.

    Nothing is deleted (see compact): one record is appended.
    """
    import asyncio

    from cuebook.persistence.history.replay import state_of

    if func is None and number is None and index is None:
        raise click.UsageError("say what to forget: --call N [--run R], --run R or --func NAME")
    if func is not None and (number is not None or index is not None):
        raise click.UsageError("--func excludes --run and --call")
    with opened(path) as reader:
        head, text = _decided(state_of(reader), path, (index, number, func))
    asyncio.run(_append(path, head))
    click.echo(text)


def _decided(
    state: JournalState, path: str, wanted: tuple[int | None, int | None, str | None]
) -> tuple[Forgotten, str]:
    """The record to append, and what to say of it."""
    from cuebook.cli.output import printable
    from cuebook.persistence.records.run_heads import Forgetting, Forgotten

    index, number, func = wanted
    now = time.time()
    if func is not None:
        runs = [run for run in state.runs.values() if run.opened.function == func]
        if not runs:
            names = ", ".join(dict.fromkeys(run.opened.function for run in state.runs.values())) or "none"
            raise NotThere(f"no run of {func} in {path}; its functions: {names}")
        text = f"forgotten: all results so far of {func} ({len(runs):,} runs)"
        return Forgotten(Forgetting.FUNCTION, None, func, None, now), printable(text)
    run = picked(state, number, path)
    name = f"run {run.number} of {printable(run.opened.function)}"
    if index is None:
        return Forgotten(Forgetting.RUN, run.number, None, None, now), f"forgotten: the results of {name}"
    if not run.done[index]:
        raise NotThere(f"call {index} of {name} has no result")
    return Forgotten(Forgetting.CALL, run.number, None, index, now), f"forgotten: call {index} of {name}"


async def _append(path: str, head: Forgotten) -> None:
    from cuebook.persistence.journal.writer import JournalWriter
    from cuebook.persistence.records.record import Entry, Kind

    async with await JournalWriter.open(path) as journal:
        await journal.append([Entry(Kind.FORGOTTEN, head.run or 0, head.encode())])
