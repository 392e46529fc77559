"""`cuebook watch`: a run as it goes on, until it ends."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import click

from cuebook.cli.journals import opened, path_argument, picked, run_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cuebook.cli.call_checkpoints import CallCheckpoint
    from cuebook.persistence.history.summary import RunSummary
    from cuebook.persistence.journal.reader import Reader

__all__ = ["View", "follow", "watch"]

_POLL_SECONDS = 0.3
_CHECKPOINTS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class View:
    """A run at one moment.

    Attributes:
        run: in numbers. at: seconds since the epoch. checkpoints: the newest ones of calls that are running.
    """

    run: RunSummary
    at: float
    checkpoints: Sequence[CallCheckpoint]


@click.command(short_help="A run as it goes on, until it ends.")
@path_argument
@run_option("Watch this run; without it the newest.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def watch(path: str, number: int | None, as_json: bool) -> None:
    """Watch a run in the journal at PATH until it ends, and the newest checkpoints of its running calls.

    On a terminal these lines are redrawn, else one is added for each change.
    """
    with opened(path) as reader:
        display: _Display = _JsonLines() if as_json else _Bar() if sys.stdout.isatty() else _Lines()
        with display:
            for view in follow(reader, number, path):
                display.show(view)


def follow(
    reader: Reader, number: int | None, path: str, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[View]:
    """A run as it is, whenever its journal has changed; ends when the run does.

    Args:
        reader: the journal.
        number: the run; None: the newest at the start.
        path: the journal's name for messages.
        sleep: waits between two looks, seconds.

    Raises:
        NotThere: there is no such run.
    """
    from cuebook.cli.call_checkpoints import running_checkpoints
    from cuebook.cli.journals import metrics_in
    from cuebook.persistence.history.run import RunStatus
    from cuebook.persistence.history.summary import look

    picture = look(reader)
    run = picked(picture.state, number, path)
    while True:
        now = time.time()
        summary = picture.summary(run, now)
        is_running = summary.status is RunStatus.RUNNING
        kept = running_checkpoints(run, metrics_in(reader), _CHECKPOINTS_SHOWN)[0] if is_running else ()
        yield View(summary, now, kept)
        if not is_running:
            return
        while reader.last_seq == picture.state.last_seq and reader.holder() == picture.holder:
            sleep(_POLL_SECONDS)
        picture = look(reader, picture.state)


class _Display(Protocol):
    def show(self, view: View) -> None: ...

    def __enter__(self) -> object: ...

    def __exit__(self, *_: object) -> None: ...


class _Lines:
    """A line a change."""

    def show(self, view: View) -> None:
        from cuebook.cli.call_checkpoints import checkpoint_line
        from cuebook.cli.output import printable
        from cuebook.cli.queries import progress_line

        newest = [checkpoint_line(kept, view.at) for kept in view.checkpoints[:1]]
        print(printable("; ".join([progress_line(view.run, view.at), *newest])), flush=True)

    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None: ...


class _JsonLines(_Lines):
    """A JSON object a change."""

    def show(self, view: View) -> None:
        from cuebook.cli.call_checkpoints import checkpoint_object
        from cuebook.cli.output import SCHEMA, emit_json, iso_time
        from cuebook.cli.queries import run_object, seconds_left

        left = seconds_left(view.run, view.at)
        kept = [checkpoint_object(each) for each in view.checkpoints]
        found = {"at": iso_time(view.at), **run_object(view.run), "seconds_left": left, "checkpoints": kept}
        emit_json({"schema": SCHEMA, **found}, is_line=True)


class _Bar:
    """A bar and a line that are redrawn."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(auto_refresh=False)

    def show(self, view: View) -> None:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        from cuebook.cli.call_checkpoints import checkpoint_line
        from cuebook.cli.output import printable
        from cuebook.cli.queries import progress_line

        rows = Table.grid(expand=True)  # a bar alone ends in no new line
        if view.run.total is not None:
            rows.add_row(ProgressBar(total=view.run.total or 1, completed=view.run.done))
        rows.add_row(Text(printable(progress_line(view.run, view.at))))
        for kept in view.checkpoints:
            rows.add_row(Text(printable(f"  {checkpoint_line(kept, view.at)}")))
        self._live.update(rows, refresh=True)

    def __enter__(self) -> object:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)
