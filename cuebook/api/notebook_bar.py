"""The progress bar of a notebook: under the cell, drawn by the front end. Knows only a run's progress."""

from __future__ import annotations

import html
import sys
import time
from contextvars import copy_context
from typing import Any

from cuebook.actors.runs.progress import Event, Progress
from cuebook.chunks.run_lines import standing_line

__all__ = ["NotebookBar", "is_notebook"]

INTERVAL_S = 0.5
"""Seconds before the first drawing and between two: each is a message to the front end."""


def is_notebook() -> bool:
    """Whether this is the kernel of a notebook, whose front end draws what it is told."""
    module = sys.modules.get("IPython")
    shell = None if module is None else module.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class NotebookBar:
    """One bar for one run, drawn under the cell that asks for it; a run that is over at once has none.

    A front end without HTML gets the same as a line of text.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._began_at = self._shown_at = time.monotonic()
        self._context = copy_context()

    def on_event(self, event: Event) -> None:
        """Something happened to the run."""
        now = time.monotonic()
        is_last = event.progress.is_over and self._handle is not None
        if is_last or now - self._shown_at >= INTERVAL_S:
            self._shown_at = now
            self._context.copy().run(self._show, event.function, event.progress, now - self._began_at)

    def _show(self, name: str, progress: Progress, elapsed_s: float) -> None:
        from IPython.display import display

        line = standing_line(name, progress, elapsed_s)
        drawn = {"text/plain": line, "text/html": drawing(line, progress)}
        if self._handle is None:
            self._handle = display(drawn, raw=True, display_id=True)
        else:
            self._handle.update(drawn, raw=True)


def drawing(line: str, progress: Progress) -> str:
    """A bar and a line in HTML; without a bar's end where nobody knows how many calls there are."""
    share = "" if progress.total is None else f' max="{progress.total}" value="{progress.done + progress.failed}"'
    return f'<progress{share} style="width: 30em"></progress> {html.escape(line)}'
