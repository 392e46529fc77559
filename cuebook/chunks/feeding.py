"""Lets an iterator feed a run: checks each call, looks whether its result is there, puts it on record."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable
from typing import Any

from cuebook.actors.application import Application
from cuebook.actors.messages import Append
from cuebook.actors.runs.progress import EventKind, Stop, StopKind
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.sources import FedSource
from cuebook.chunks.feeder import AsyncFeeder, ThreadFeeder, ahead_limit
from cuebook.chunks.files import LostFile, lost_files_in, on_lost_files
from cuebook.chunks.opened import OpenedRun, Request
from cuebook.chunks.planning import Plan
from cuebook.chunks.records import portions
from cuebook.chunks.reusing import ResultReader
from cuebook.chunks.sinks import ListSink
from cuebook.errors import MessagingError
from cuebook.persistence.history.arguments import check_call, encode_blocks
from cuebook.persistence.history.results import Decoder
from cuebook.persistence.history.run_writer import iterator_entries
from cuebook.persistence.identity.parts import readable

__all__ = ["EarlierResults", "start_feeding"]


class EarlierResults:
    """Earlier results for calls that come one at a time.

    Args:
        plan: of the run; its cursor finds the results.
        decoder: of values.
    """

    def __init__(self, plan: Plan, decoder: Decoder) -> None:
        self._cursor = plan.cursor
        self._reader = None if plan.file is None else ResultReader(plan.file, plan.history, decoder)
        self.identity = plan.identity
        self.lost: list[LostFile] = []

    def find(self, call: Any) -> tuple[int, int] | None:
        """The run and index whose result this call takes, if there is one; none that returned a file that is lost."""
        found = None if self._cursor is None else self._cursor.claim(call)
        if found is not None and self._reader is not None:
            lost = lost_files_in(self._reader.encoded(*found), *found)
            if lost:
                self.lost.extend(lost)
                return None
        return found

    def value(self, found: tuple[int, int]) -> tuple[Any, float]:
        """That result, and the seconds it took."""
        assert self._reader is not None
        return self._reader.read(*found)


class _Feeding:
    """The accept and end of a feeder, for one run."""

    def __init__(self, app: Application, opened: OpenedRun, request: Request, reuses: EarlierResults) -> None:
        self._app = app
        self._opened = opened
        self._request = request
        self._reuses = reuses
        self._run: Run = opened.run
        self._has_told = False
        assert isinstance(opened.run.source, FedSource)
        self._source: FedSource = opened.run.source

    def accept(self, items: list[Any]) -> None:
        """Take in some calls, in order."""
        try:
            self._take_in(items)
        except BaseException as error:  # what a user's class raises where its objects are looked at
            self.end(error)
            return
        self.read_on()
        self._app.changed(self._run.key)

    def _take_in(self, items: list[Any]) -> None:
        start = self._source.count
        good: list[Any] = []
        claims: list[tuple[int, int] | None] = []
        try:
            for item in items:
                check_call(item, start + len(good))
                found = self._reuses.find(item)
                if found is None:
                    self._source.feed(item)
                else:
                    self._take_reused(item, found)
                good.append(item)
                claims.append(found)
        finally:
            self._record(start, good, claims)
            self._tell_of_lost_files()

    def _tell_of_lost_files(self) -> None:
        """The first ones: which else there are, is found out as the calls come."""
        lost = self._reuses.lost
        if lost and not self._has_told:
            self._has_told = True
            self._run.announce(EventKind.NOTICE, detail=on_lost_files(self._run.name, lost))

    def _take_reused(self, item: Any, found: tuple[int, int]) -> None:
        value, seconds = self._reuses.value(found)
        index = self._source.skip()
        self._run.reused += 1
        sink = self._opened.sink
        if isinstance(sink, ListSink):
            for error in sink.put([index], [value]):
                self._run.heed_failure(error)
        else:
            sink.reuse(index, item, value, seconds)

    def _record(self, start: int, items: list[Any], claims: list[tuple[int, int] | None]) -> None:
        run = self._run
        if run.journal is None or not items:
            return
        keep = self._request.options.keep_arguments
        blocks = encode_blocks(items, self._reuses.identity.form, keep=keep)
        entries = iterator_entries(run.number, start, blocks, claims)
        with contextlib.suppress(MessagingError):
            for portion in portions(entries):
                run.journal.tell_nowait(Append(run.number, 0, portion))

    def end(self, error: BaseException | None) -> None:
        """The iterator has ended, or raised."""
        self._source.end()
        if self._opened.feeder is not None:
            self._opened.feeder.stop()
        if error is not None and self._run.stop is None:
            text = f"the parameters raised {readable(error)}"
            if isinstance(error, asyncio.CancelledError):  # nobody cancelled us, and whoever waits must hear of it
                error = _caused(RuntimeError(text), error)
            self._run.stop = Stop(StopKind.FAILED, text, None, error)
        self._app.changed(self._run.key)

    def read_on(self) -> None:
        """Calls were done: a few more may be read, unless the consumer of a stream is behind."""
        feeder = self._opened.feeder
        if feeder is not None and self._opened.sink.has_room:
            done = self._source.count - self._source.held
            feeder.allow(ahead_limit(done, self._request.options.chunk_size))


def _caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def start_feeding(app: Application, opened: OpenedRun, request: Request, reuses: EarlierResults) -> None:
    """Begin to read the parameters, a little ahead of what is done."""
    feeding = _Feeding(app, opened, request, reuses)
    source = opened.run.source
    assert isinstance(source, FedSource)
    source.on_done = feeding.read_on
    opened.sink.on_room_for_more = feeding.read_on
    parameters = request.parameters
    if isinstance(parameters, AsyncIterable):
        opened.feeder = AsyncFeeder(aiter(parameters), feeding.accept, feeding.end)
    else:
        opened.feeder = ThreadFeeder(iter(parameters), feeding.accept, feeding.end)
    feeding.read_on()
