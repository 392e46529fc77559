"""The stages of a running job on a terminal: a tree that is drawn again as they go on, below what the program prints.

One at a time, and away while something else is drawn there. Knows no job.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from cuebook.notices import say
from cuebook.wording import duration, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cuebook.stages.progress.stage_news import StageNews

__all__ = ["LiveTree", "tree_set_aside"]

ROWS_SHOWN = 15
_STYLES = {"running": "yellow", "done": "green", "skipped": "dim", "failed": "red"}
_MARKS = {"running": "●", "done": "✓", "skipped": "↷", "failed": "✗"}
_PLAIN_MARKS = {"running": "*", "done": "+", "skipped": "-", "failed": "!"}
"""Where the terminal's encoding has no others."""
_GONE = (OSError, ValueError)
"""What writing to a terminal raises that was closed, or to a stream that the program has closed."""
_drawn: LiveTree | None = None


class LiveTree:
    """Draws from its first news on, until it is closed; then its place is free again."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rows: dict[object, tuple[StageNews, float]] = {}
        self._ended = 0
        self._live: Any = None
        self._aside = 0
        has_marks = "utf" in (getattr(sys.stderr, "encoding", "") or "").lower()
        self._marks = _MARKS if has_marks else _PLAIN_MARKS

    def show(self, news: StageNews) -> None:
        """A stage has begun, or has ended."""
        if _drawn is not None and _drawn is not self:  # another job's
            say(news.line())
            return
        with self._lock:
            began = self._rows[news.key][1] if news.key in self._rows else time.monotonic()
            self._rows[news.key] = (news, began)
            self._forget()
            if self._live is None:
                self._open()
            self._draw()

    def close(self) -> None:
        """Take it away. Twice is fine."""
        global _drawn
        atexit.unregister(self.close)
        with self._lock:
            self._stop()
            if _drawn is self:
                _drawn = None

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """While this lasts it is not drawn: something else is."""
        with self._lock:
            self._aside += 1
            self._stop()
        try:
            yield
        finally:
            with self._lock:
                self._aside -= 1
                if _drawn is self:
                    self._open()

    def _open(self) -> None:
        global _drawn
        if self._aside:
            return
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            get_renderable=self.drawing,
            console=Console(stderr=True),
            transient=True,
            refresh_per_second=4,
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        _drawn = self
        with contextlib.suppress(*_GONE):
            self._live.start()
        atexit.register(self.close)

    def _draw(self) -> None:
        if self._live is not None:
            with contextlib.suppress(*_GONE):
                self._live.refresh()

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            with contextlib.suppress(*_GONE):
                live.stop()

    def _forget(self) -> None:
        """Of those that have ended only the newest rows stay."""
        ended = [key for key, (news, _) in self._rows.items() if news.status != "running"]
        for key in ended[: max(0, len(self._rows) - ROWS_SHOWN)]:
            del self._rows[key]
            self._ended += 1

    def drawing(self) -> Any:
        """The tree as it is now, for rich."""
        from rich.table import Table
        from rich.text import Text

        now, grid = time.monotonic(), Table.grid(padding=(0, 1))
        with self._lock:
            rows = list(self._rows.values())
        if self._ended:
            grid.add_row("", Text(f"{self._ended:,} more", style="dim"))
        for news, began in rows:
            mark, style = self._marks[news.status], _STYLES[news.status]
            told = f"{duration(now - began)} ..." if news.status == "running" else news.told(news.seconds)
            why = f"  ({'; '.join(news.reasons)})" if news.reasons else ""
            stage = printable(f"{'  ' * news.depth}{news.stage}")
            grid.add_row(Text(mark, style=style), Text(stage), Text(printable(f"{told}{why}")))
        return grid


@contextlib.contextmanager
def tree_set_aside() -> Iterator[None]:
    """While this lasts the terminal is somebody else's, such as a progress bar's."""
    tree = _drawn
    with contextlib.nullcontext() if tree is None else tree.aside():
        yield
