"""Lets an iterator feed a run: checks each call, looks whether its result is there, puts it on record."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterable
from typing import Any, NamedTuple

from cuebook.actors.application import Application
from cuebook.actors.messages import Append
from cuebook.actors.runs.progress import EventKind, Stop, StopKind
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.sources import FedSource
from cuebook.chunks.feeder import AsyncFeeder, Intake, ThreadFeeder, ahead_limit
from cuebook.chunks.files import LostFile, lost_files_in, on_lost_files
from cuebook.chunks.opened import OpenedRun, Request
from cuebook.chunks.planning import Beginning
from cuebook.chunks.records import portions
from cuebook.chunks.reusing import ResultReader
from cuebook.errors import MessagingError
from cuebook.persistence.history.arguments import encode_blocks
from cuebook.persistence.history.items import check_call
from cuebook.persistence.history.results import Decoder
from cuebook.persistence.history.run_writer import iterator_entries
from cuebook.persistence.identity.parts import readable

__all__ = ["EarlierResults", "Fed", "start_feeding"]


class Fed(NamedTuple):
    """A call that was read: the run and index whose result it takes (None: it is to be made), and that result."""

    call: Any
    found: tuple[int, int] | None
    value: Any
    seconds: float


class EarlierResults:
    """Earlier results for calls that come one at a time. Blocks on the disk: ask it in a thread.

    Args:
        plan: of the run; its cursor finds the results.
        decoder: of values, used from one thread at a time.
    """

    def __init__(self, plan: Beginning, decoder: Decoder) -> None:
        self._cursor = plan.cursor
        self._reader = None if plan.file is None else ResultReader(plan.file, plan.history, decoder)
        self._places = itertools.count()
        self._busy = threading.Lock()
        self._is_closed = False
        self.identity = plan.identity
        self.lost: list[LostFile] = []

    @property
    def is_slow(self) -> bool:
        """Whether looking may take its time: there are earlier results."""
        return self._cursor is not None

    def look(self, call: Any) -> Fed:
        """The next item of the parameters: checked, with the result that it takes, if there is one.

        None is taken that returned a file which is lost.

        Raises:
            TypeError: it is no call. JournalCorrupt: its result is damaged or gone.
        """
        check_call(call, next(self._places))
        with self._busy:
            try:
                found = None if self._cursor is None or self._is_closed else self._cursor.claim(call)
                if found is None or self._reader is None or self._is_lost(self._reader, found):
                    return Fed(call, None, None, 0.0)
                return Fed(call, found, *self._reader.read(*found))
            finally:
                self._drop_if_closed()

    def close(self) -> None:
        """Nothing more is asked. Never waits: whoever is asking at this moment lets go of the index."""
        self._is_closed = True
        if self._busy.acquire(blocking=False):
            try:
                self._drop_if_closed()
            finally:
                self._busy.release()

    def _is_lost(self, reader: ResultReader, found: tuple[int, int]) -> bool:
        lost = lost_files_in(reader.encoded(*found), *found)
        self.lost.extend(lost)
        return bool(lost)

    def _drop_if_closed(self) -> None:
        if self._is_closed and self._cursor is not None:
            self._cursor.close()


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

    def accept(self, items: list[Fed]) -> None:
        """Take in some calls, in order."""
        try:
            self._take_in(items)
        except BaseException as error:  # what a user's class raises where its objects are looked at
            self.end(error)
            return
        self.read_on()
        self._app.changed(self._run.key)

    def _take_in(self, items: list[Fed]) -> None:
        start = self._source.count
        for fed in items:
            if fed.found is None:
                self._source.feed(fed.call)
            else:
                self._take_reused(fed)
        self._record(start, [fed.call for fed in items], [fed.found for fed in items])
        self._tell_of_lost_files()

    def _tell_of_lost_files(self) -> None:
        """The first ones: which else there are, is found out as the calls come."""
        lost = self._reuses.lost
        if lost and not self._has_told:
            self._has_told = True
            self._run.announce(EventKind.NOTICE, detail=on_lost_files(self._run.name, lost))

    def _take_reused(self, fed: Fed) -> None:
        index = self._source.skip()
        self._run.reused += 1
        for error in self._opened.sink.reuse(index, fed.call, fed.value, fed.seconds):
            self._run.heed_failure(error)

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
            feeder.allow(ahead_limit(done, self._request.options.workers_max or self._request.options.chunk_size))


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
    opened.closers.append(reuses.close)
    parameters = request.parameters
    intake = Intake(reuses.look, feeding.accept, feeding.end, reuses.is_slow)
    if isinstance(parameters, AsyncIterable):
        opened.feeder = AsyncFeeder(aiter(parameters), intake)
    else:
        opened.feeder = ThreadFeeder(iter(parameters), intake)
    feeding.read_on()
