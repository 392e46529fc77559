"""How a sub-command gets at a journal: its path, its runs, and the shell's completion of both.

Knows nothing of what is printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cuebook.cli.command import NotThere

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.journal.reader import Reader
    from cuebook.persistence.values import ValueDecoder

__all__ = ["func_option", "metrics_in", "opened", "path_argument", "picked", "run_option", "untrusting"]


def path_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument PATH: where a journal lies, in the words of whatever store it lies in."""
    return click.argument("path", type=click.Path(path_type=str))(function)


def run_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option --run N."""
    return click.option(
        "--run", "number", type=click.IntRange(min=1), metavar="N", help=text, shell_complete=_complete_run
    )


def func_option(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option --func NAME."""
    return click.option("--func", metavar="NAME", help=text, shell_complete=_complete_func)


def opened(path: str, *, check_end: bool = True) -> Reader:
    """The journal at `path`, for reading.

    Raises:
        NotThere: there is none. JournalError: it cannot be read, or is damaged.
    """
    from cuebook.persistence.journal.reader import open_reader
    from cuebook.persistence.stores.media import medium_of

    medium = medium_of(path)
    if not medium.is_there():
        raise NotThere(f"there is no journal at {path}")
    return open_reader(medium, check_end=check_end)


def metrics_in(reader: Reader) -> Callable[[int], Mapping[str, Any]]:
    """What reads the metrics of the checkpoint that a record tells of; they are in its body. Cost: one record."""
    from cuebook.persistence.records.bodies import open_metrics

    return lambda seq: open_metrics(reader.record(seq).body, seq)


def picked(state: JournalState, number: int | None, path: str) -> RunState:
    """The run of that number, or the newest.

    Raises:
        NotThere: there is none.
    """
    run = state.newest if number is None else state.runs.get(number)
    if run is None:
        held = f"it has runs {', '.join(map(str, state.runs))}" if state.runs else "it has no run yet"
        raise NotThere(f"there is no {'run' if number is None else f'run {number}'} in {path}; {held}")
    return run


def untrusting(reader: Reader) -> ValueDecoder:
    """A decoder that unpickles nothing and imports nothing of the user's."""
    from cuebook.persistence.values import ValueDecoder

    return ValueDecoder(trusted=False, blobs=reader.blobs())


def _complete_run(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(str(number), help=function)
        for number, function in _runs(ctx)
        if str(number).startswith(incomplete)
    ]


def _complete_func(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem

    functions = dict.fromkeys(function for _, function in _runs(ctx))
    return [CompletionItem(function) for function in functions if function.startswith(incomplete)]


def _runs(ctx: click.Context) -> list[tuple[int, str]]:
    """Number and function of every run in the journal that stands on the command line; none where it has none."""
    from cuebook.errors import CuebookError
    from cuebook.persistence.records.record import Kind
    from cuebook.persistence.records.run_heads import RunOpened

    # While an option lacks its value, click leaves the arguments before it unparsed.
    path = ctx.params.get("path") or next(iter(ctx.args), None)
    if path is None:
        return []
    try:
        with opened(path) as reader:
            records = reader.records(kinds=(Kind.RUN_OPENED,), bodies=False)
            return [(record.run, RunOpened.decode(record.head).function) for record in records]
    except (CuebookError, click.ClickException, OSError):
        return []  # a shell that completes must not be told errors
