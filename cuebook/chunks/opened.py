"""A request for a run, and the run once it is open: plain data."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cuebook.actors.runs.run import Run
from cuebook.chunks.feeder import Feeder
from cuebook.chunks.options import Options
from cuebook.chunks.sinks import ListSink, StreamSink
from cuebook.chunks.spill import Spill
from cuebook.engines.local.shared_worker import SharedWorker
from cuebook.persistence.journal.writer import JournalWriter

__all__ = ["OpenedRun", "Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """What the user wants: these calls of this function; `traceparent` is the trace that they are part of, or ""."""

    func: Callable[..., Any]
    parameters: Iterable[Any] | AsyncIterable[Any]
    options: Options
    path: str | None
    traceparent: str = ""


@dataclass(slots=True)
class OpenedRun:
    """A run that has begun (or is over already, where everything was there).

    Attributes:
        shared: the Worker that its coroutines share, None where there is none; torn down with the run.
    """

    run: Run
    sink: ListSink | StreamSink
    path: str | None
    file: JournalWriter | None = None
    feeder: Feeder | None = None
    spill: Spill | None = None
    shared: SharedWorker | None = None
    closers: list[Callable[[], None]] = field(default_factory=list)

    is_closed: bool = False

    async def close(self) -> None:
        """Give back what the run used."""
        self.is_closed = True
        if isinstance(self.sink, StreamSink):
            await self.sink.settled()
        if self.feeder is not None:
            self.feeder.stop()
        try:
            if self.shared is not None:
                await self.shared.end()
        finally:
            for closer in self.closers:
                closer()
            self.closers.clear()
            if self.spill is not None:
                self.spill.close()
                shutil.rmtree(self.spill.folder, ignore_errors=True)
