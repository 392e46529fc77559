"""What a run shows of itself while it lasts: a bar on a terminal or in a notebook, lines elsewhere, notices always."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from cuebook.actors.application import Application
from cuebook.actors.runs.progress import Event, EventKind
from cuebook.api.bar import Bar, wants_bar
from cuebook.api.line_report import LineReport
from cuebook.api.notebook_bar import NotebookBar, is_notebook
from cuebook.chunks.opened import Request
from cuebook.notices import say

__all__ = ["Listener", "shown"]

Listener = Callable[[Event], None]


@contextlib.contextmanager
def shown(app: Application, request: Request, wanted: bool | None) -> Iterator[list[Listener]]:
    """Listeners for one run, which show it where people look.

    Args:
        app: what calls print goes above the bar while there is one.
        wanted: the user's `progress_bar`.
    """
    with contextlib.ExitStack() as at_end:
        report = LineReport(
            collects=not request.options.raises and not getattr(request.func, "tells_of_failures", False),
            path=request.path,
            is_silent=wanted is False or is_notebook(),
            has_bar=wants_bar(wanted),
        )
        at_end.callback(report.close)
        listeners: list[Listener] = [report.on_event]
        if wants_bar(wanted):
            bar = Bar(getattr(request.func, "__name__", type(request.func).__name__))
            at_end.callback(bar.close)
            at_end.enter_context(app.printing_by(bar.print))
            listeners.append(bar.on_event)
        else:
            listeners.append(_say_notices)
            if wanted is not False and is_notebook():
                listeners.append(NotebookBar().on_event)
        yield listeners


def _say_notices(event: Event) -> None:
    if event.kind is EventKind.NOTICE:
        say(event.detail)
