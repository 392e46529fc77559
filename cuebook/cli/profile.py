"""`cuebook profile`: where the time of a run went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cuebook.cli.journals import opened, path_argument, picked, run_option, untrusting

if TYPE_CHECKING:
    from collections.abc import Callable

    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.journal.reader import Reader

__all__ = ["profile"]

_ARGUMENTS_MAX = 80


@click.command(short_help="Where the time of a run went: calls, workers, waiting.")
@path_argument
@run_option("This run; without it the newest.")
@click.option("--html", "page", type=click.Path(), metavar="FILE", help="Write a page with the timeline of the lanes.")
@click.option("--trace", type=click.Path(), metavar="FILE", help="Write a trace for Perfetto or chrome://tracing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def profile(path: str, number: int | None, *, page: str | None, trace: str | None, as_json: bool) -> None:
    """Say where the time of a run in the journal at PATH went.

    How long its calls took, which were far slower than the others, how busy the workers were, what was waited for,
    and how results got into the journal. Calls are laid out in lanes: a journal does not say which worker made a
    call, so there are as many lanes as calls ran at once. Calls that took earlier results are not among them.
    """
    from cuebook.cli.output import SCHEMA, emit_json, printable, write_file
    from cuebook.persistence.history.summary import look
    from cuebook.profiling.profile_page import profile_page
    from cuebook.profiling.run_profile import profile_of
    from cuebook.profiling.run_times import read_times
    from cuebook.profiling.trace_events import trace_lines
    from cuebook.profiling.words import profile_lines

    with opened(path) as reader:
        picture = look(reader)
        run = picked(picture.state, number, path)
        closed_s = None if run.closed is None else run.closed.at - run.opened.started
        found = profile_of(read_times(reader, run), closed_s)
        function = run.opened.function
        title = f"run {run.number} {function}: {run.status(picture.holder)}"
        lines = profile_lines(found, _argument_texts(reader, picture.state, run))
    if page is not None:
        write_file(page, [profile_page(found, title, lines)])
    if trace is not None:
        write_file(trace, (line + "\n" for line in trace_lines(found, function)))
    if as_json:
        options = run.opened.options
        known: dict[str, Any] = {"where": options.get("where"), "workers": options.get("chunk_size")}
        emit_json({"schema": SCHEMA, "run": run.number, "function": function, **known, **found.to_json()})
        return
    for line in [title, *lines]:
        click.echo(printable(line))


def _argument_texts(reader: Reader, state: JournalState, run: RunState) -> Callable[[int], str]:
    from cuebook.cli.json_values import json_value
    from cuebook.persistence.history.arguments_read import CallArguments

    arguments = CallArguments(reader, state, untrusting(reader))

    def text(index: int) -> str:
        found = arguments.call(run.number, index)
        if found is None:
            return ""
        shown = str(json_value(found))
        return f"arguments {shown[:_ARGUMENTS_MAX]}{'...' if len(shown) > _ARGUMENTS_MAX else ''}"

    return text
