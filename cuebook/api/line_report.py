"""A run in lines on standard error, for those who see no bar: log files of clusters, containers and CI."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from cuebook.actors.runs.progress import Event, EventKind, Progress
from cuebook.chunks.run_lines import QUIET_S, closing_line, failures_line, opening_line, pause_s, standing_line
from cuebook.notices import say

__all__ = ["LineReport"]


class LineReport:
    """One run. What failed is said in any case, all else only of runs that take their time.

    Args:
        collects: whether the run goes on past failures, so that no exception tells of them.
        path: its journal, None where nothing is kept.
        is_silent: whether nothing but failures is said.
        has_bar: whether a bar shows how the run goes on, so that only its beginning and its end are said.
        write: takes a line.
    """

    def __init__(
        self,
        *,
        collects: bool,
        path: str | None,
        is_silent: bool,
        has_bar: bool = False,
        write: Callable[[str], None] = say,
    ) -> None:
        self._collects = collects
        self._path = path
        self._is_silent = is_silent
        self._has_bar = has_bar
        self._write = write
        self._kinds: Counter[str] = Counter()
        self._began_at: float | None = None
        self._latest: Progress | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._has_spoken = False
        self._name = ""

    def on_event(self, event: Event) -> None:
        """Something happened to the run."""
        self._name, self._latest = event.function, event.progress
        if event.kind is EventKind.STARTED:
            self._begin(event.progress)
        elif event.kind is EventKind.CALL_FAILED:
            self._kinds[event.detail.partition(":")[0]] += 1
        elif event.kind is EventKind.ENDED:
            self._end(event)

    def close(self) -> None:
        """No event comes any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self, progress: Progress) -> None:
        loop = asyncio.get_running_loop()
        self._began_at = loop.time()
        if self._is_silent:
            return
        if self._has_bar:
            self._say_what_is_reused(progress)
        else:
            self._timer = loop.call_later(QUIET_S, self._stand)

    def _elapsed(self) -> float:
        return 0.0 if self._began_at is None else asyncio.get_running_loop().time() - self._began_at

    def _stand(self) -> None:
        """Say where the run stands, and again later."""
        progress, elapsed = self._latest, self._elapsed()
        if progress is None:
            return
        if not self._has_spoken:
            self._has_spoken = True
            self._say_what_is_reused(progress)
        self._write(standing_line(self._name, progress, elapsed))
        self._timer = asyncio.get_running_loop().call_later(pause_s(elapsed), self._stand)

    def _say_what_is_reused(self, progress: Progress) -> None:
        line = opening_line(self._name, progress)
        if line is not None:
            self._write(line)

    def _end(self, event: Event) -> None:
        self.close()
        is_whole = not event.detail and event.progress.total in (None, event.progress.done + event.progress.failed)
        if is_whole and (self._has_spoken or (self._has_bar and not self._is_silent)):
            self._write(closing_line(self._name, event.progress, self._elapsed()))
        if self._collects and event.progress.failed:
            self._write(failures_line(self._name, event.progress, self._kinds, self._path))
