"""`cuebook watch`: a run as it goes on, until it ends."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

import click

from cuebook.cli.journals import opened, path_argument, picked, run_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cuebook.persistence.history.summary import RunSummary
    from cuebook.persistence.journal.reader import Reader

__all__ = ["follow", "watch"]

_POLL_SECONDS = 0.3


@click.command(short_help="A run as it goes on, until it ends.")
@path_argument
@run_option("Watch this run; without it the newest.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def watch(path: str, number: int | None, as_json: bool) -> None:
    """Watch a run in the journal at PATH until it ends. On a terminal one line is redrawn, else one is added."""
    with opened(path) as reader:
        display: _Display = _JsonLines() if as_json else _Bar() if sys.stdout.isatty() else _Lines()
        with display:
            for run, now in follow(reader, number, path):
                display.show(run, now)


def follow(
    reader: Reader, number: int | None, path: str, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[tuple[RunSummary, float]]:
    """A run's summary, and the time, whenever its journal has changed; ends when the run does.

    Args:
        reader: the journal.
        number: the run; None: the newest at the start.
        path: the journal's name for messages.
        sleep: waits between two looks, seconds.

    Raises:
        NotThere: there is no such run.
    """
    from cuebook.persistence.history.run import RunStatus
    from cuebook.persistence.history.summary import look

    picture = look(reader)
    run = picked(picture.state, number, path)
    while True:
        now = time.time()
        summary = picture.summary(run, now)
        yield summary, now
        if summary.status is not RunStatus.RUNNING:
            return
        while reader.last_seq == picture.state.last_seq and reader.holder() == picture.holder:
            sleep(_POLL_SECONDS)
        picture = look(reader, picture.state)


class _Display(Protocol):
    def show(self, run: RunSummary, now: float) -> None: ...

    def __enter__(self) -> object: ...

    def __exit__(self, *_: object) -> None: ...


class _Lines:
    """A line a change."""

    def show(self, run: RunSummary, now: float) -> None:
        from cuebook.cli.output import printable
        from cuebook.cli.queries import progress_line

        print(printable(progress_line(run, now)), flush=True)

    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None: ...


class _JsonLines(_Lines):
    """A JSON object a change."""

    def show(self, run: RunSummary, now: float) -> None:
        from cuebook.cli.output import SCHEMA, emit_json, iso_time
        from cuebook.cli.queries import run_object, seconds_left

        at, left = iso_time(now), seconds_left(run, now)
        emit_json({"schema": SCHEMA, "at": at, **run_object(run), "seconds_left": left}, is_line=True)


class _Bar:
    """A bar and a line that are redrawn."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(auto_refresh=False)

    def show(self, run: RunSummary, now: float) -> None:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        from cuebook.cli.output import printable
        from cuebook.cli.queries import progress_line

        line = Text(printable(progress_line(run, now)))
        rows = Table.grid(expand=True)  # a bar alone ends in no new line
        if run.total is not None:
            rows.add_row(ProgressBar(total=run.total or 1, completed=run.done))
        rows.add_row(line)
        self._live.update(rows, refresh=True)

    def __enter__(self) -> object:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)
