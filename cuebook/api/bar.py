"""The progress bar: on standard error, when it is a terminal. Knows only a run's progress."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

from cuebook.actors.application import print_lines
from cuebook.actors.runs.progress import Event, EventKind, Progress
from cuebook.children.output_pipe import LINE_BYTES_MAX
from cuebook.notices import say
from cuebook.stages.progress.live_tree import tree_set_aside
from cuebook.wording import printable

__all__ = ["Bar", "wants_bar"]

INTERVAL_S = 0.1
_GONE = (OSError, ValueError)
"""What writing to a terminal raises that was closed, or to a stream that the program has closed."""


def wants_bar(progress_bar: bool | None) -> bool:
    """Whether to show a bar: as the user says, and never where standard error is no terminal."""
    return progress_bar is not False and _is_terminal(sys.stderr)


def _is_terminal(stream: Any) -> bool:
    try:
        return stream is not None and bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


class Bar:
    """One bar for one run; what calls print goes above it.

    Args:
        title: the function's name.
    """

    def __init__(self, title: str) -> None:
        self._title = printable(title)
        self._bar: Any = None
        self._place = contextlib.ExitStack()
        self._task: Any = None
        self._has_stdout = False
        self._shown_at = 0.0
        self._latest: Progress | None = None
        self._is_gone = False
        self._unfinished = {"stdout": b"", "stderr": b""}

    def on_event(self, event: Event) -> None:
        """Something happened to the run. A terminal that is gone ends the showing, never the run."""
        if event.kind is EventKind.NOTICE:
            self.say(event.detail)
        elif not self._is_gone:
            try:
                self.show(event.progress)
            except _GONE:
                self._is_gone = True
                self._stop()

    def say(self, text: str) -> None:
        """A notice, above the bar."""
        if self._bar is None:
            say(text)
        else:
            self.print(f"cuebook: {printable(text)}\n".encode("utf-8", "replace"))

    def show(self, progress: Progress) -> None:
        """Bring the bar up to date; cheap when it was just now."""
        self._latest = progress
        now = time.monotonic()
        if now - self._shown_at < INTERVAL_S and not progress.is_over:
            return
        self._shown_at = now
        if self._bar is None:
            self._open(progress)
        fields = {
            "failed": f"{progress.failed} failed" if progress.failed else "",
            "rate": self._rate(progress),
        }
        self._bar.update(self._task, completed=_finished(progress), total=progress.total, **fields)

    def print(self, printed: bytes, stream: str = "stdout", /) -> None:
        """What calls have printed: above the bar, where both have one terminal; a line is shown when it is whole."""
        if self._bar is None or not (stream == "stderr" or self._has_stdout):
            print_lines(printed, stream)
            return
        lines, newline, rest = (self._unfinished[stream] + printed).rpartition(b"\n")
        rest = rest[rest.rstrip(b"\r").rfind(b"\r") + 1 :]  # what was drawn over is not shown
        if len(rest) > LINE_BYTES_MAX:
            lines, newline, rest = lines + newline + rest, b"\n", b""
        self._unfinished[stream] = rest
        if newline:
            self._print_above(lines)

    def _print_above(self, lines: bytes) -> None:
        from rich.text import Text

        shown = b"\n".join(line.rstrip(b"\r").rpartition(b"\r")[2] for line in lines.split(b"\n"))
        with contextlib.suppress(*_GONE):
            self._bar.console.print(Text.from_ansi(shown.decode("utf-8", "replace")), soft_wrap=True)

    def close(self) -> None:
        """Leave the last state on the screen."""
        if self._bar is not None:
            if self._latest is not None:
                self._shown_at = 0.0
                with contextlib.suppress(*_GONE):
                    self.show(self._latest)
            self._stop()

    def _stop(self) -> None:
        bar = self._bar
        if bar is not None:
            for lines in self._unfinished.values():
                if lines:
                    self._print_above(lines)
            self._bar = None
            with contextlib.suppress(*_GONE):
                bar.stop()
            self._place.close()

    def _open(self, progress: Progress) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import (
            Progress as RichProgress,
        )

        self._place.enter_context(tree_set_aside())
        self._opened_at = time.monotonic()
        self._has_stdout = _is_terminal(sys.stdout)
        self._begun_with = _finished(progress)
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failed]}"),
            console=Console(stderr=True),
            refresh_per_second=10,
            redirect_stdout=self._has_stdout,  # else what goes to a file or a pipe would land on the terminal
        )
        title = self._title + (f" (resumed at {progress.reused:,})" if progress.reused else "")
        self._task = self._bar.add_task(title, total=progress.total, completed=self._begun_with, rate="", failed="")
        self._bar.start()

    def _rate(self, progress: Progress) -> str:
        seconds = time.monotonic() - self._opened_at
        fresh = _finished(progress) - self._begun_with
        if seconds < INTERVAL_S or not fresh:
            return ""
        rate = fresh / seconds
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s" if rate >= 1 else f"{1 / rate:.3g} s each"


def _finished(progress: Progress) -> int:
    return progress.done + progress.failed
