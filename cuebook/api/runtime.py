"""Runtime: the durable map for asynchronous programs. Everything else is a face of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self, Unpack, overload

import anyio

from cuebook.actors.application import Application
from cuebook.actors.runs.progress import Event, Stop, StopKind
from cuebook.actors.runs.run import Run
from cuebook.api.actors_face import ActorsFace
from cuebook.api.durable_face import DurableFace
from cuebook.api.forwarding import forwarded, forwarded_overloads
from cuebook.api.rehearsal import Plan, rehearse, rehearsed, rehearsed_runs, whole
from cuebook.api.saved_settings import with_saved
from cuebook.api.shown import Listener, shown
from cuebook.api.view_face import ViewFace
from cuebook.children.importing import imports_pass
from cuebook.chunks.observed import find_telemetry, open_observed
from cuebook.chunks.opened import OpenedRun, Request
from cuebook.chunks.opening import open_run
from cuebook.chunks.options import (
    Options,
    RunOptions,
    check_flag,
    check_function,
    check_workers,
    checked_path,
    make_options,
    merged,
    takes_options,
    takes_options_over_defaults,
)
from cuebook.chunks.sinks import Done, ListSink, StreamSink
from cuebook.errors import MessagingError, ResultNotRebuilt, RunStopped
from cuebook.runtime.reports.readers import Readers
from cuebook.runtime.reports.shutdown import ShutdownReport
from cuebook.runtime.system import ActorSystem
from cuebook.runtime.tasks.threads import in_thread
from cuebook.stages.job import Job

__all__ = ["GRACE_S", "Runtime"]

GRACE_S = 2.0
"""How long running calls may go on once a run is stopped, in seconds."""
_NOT_GIVEN: Any = object()


class Runtime:
    """Durable parallel calls, and actors, inside an asyncio program; use it in `async with`.

    No global state: several runtimes in a process do not know each other, except that those with the same path share
    its journal. Signals are not touched unless `signals=True`.

    Args:
        path: the journal of every run that names no other; None: nothing is kept.
        signals: whether SIGINT and SIGTERM stop the runs, and SIGUSR1 prints `dump()` (main thread only).
        progress_bar: as for `chunk()`, for every run.
        telemetry: True: OpenTelemetry spans and metrics of messages and runs, by the program's providers; or a
            `cuebook.runtime.seeing.telemetry.Telemetry` with others. Needs `pip install cuebook[otel]`.
        blocking_s: an actor's handler that holds up the event loop for so many seconds is named, with its stack, in
            the log and in `blockages()`; None: nobody watches.
        options: any keyword of `chunk()` from `workers` on: the default for every run.

    Raises:
        TypeError, ValueError: an option is wrong.
    """

    @takes_options
    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        signals: bool = False,
        progress_bar: bool | None = None,
        blocking_s: float | None = 1.0,
        telemetry: Any = False,
        **options: Unpack[RunOptions],
    ) -> None:
        self.path = checked_path(path)
        self.defaults = options
        self._options = make_options(**options)
        self._progress_bar = check_flag("progress_bar", progress_bar, none=True)
        self._signals = signals
        self._telemetry = find_telemetry(telemetry)
        self.app = self._application(blocking_s)
        self._runs: dict[int, Run] = {}
        self._opening: set[asyncio.Future[None]] = set()
        self._stop: Stop | None = None
        self._events: Readers[Event] = Readers()
        self._exit = contextlib.AsyncExitStack()
        self._actors = ActorsFace(self.app)
        self._durable = DurableFace(self._actors)
        self._view = ViewFace(self.app)
        self._is_closed = True
        self._was_opened = False

    def _application(self, blocking_s: float | None) -> Application:
        """The composition that it runs; a test has another."""
        return Application(keeps_warm=True, blocking_s=blocking_s)

    def __repr__(self) -> str:
        return f"<Runtime path={self.path!r}: {', '.join(map(repr, self._runs.values())) or 'idle'}>"

    async def __aenter__(self) -> Self:
        if self._was_opened:
            raise RuntimeError("a Runtime is opened once: make another one")
        self._was_opened = True
        self._exit.enter_context(imports_pass())
        self._exit.push_async_callback(self._actors.end_processes)
        if self._telemetry is not None:
            self._exit.enter_context(self.app.system.telemetry(self._telemetry))
        await self._exit.enter_async_context(self.app)
        self._durable.open(self.path, self._options.trust)
        self._is_closed = False
        if self._signals:
            self._watch_signals(asyncio.get_running_loop())
        return self

    def _watch_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        from cuebook.api.signals.dump import dumps_on_signal
        from cuebook.api.signals.interruption import SignalWatch, name_of_stop, watched_signals
        from cuebook.api.signals.wakeup import signals_wake

        watch = SignalWatch(lambda number, count: _later(loop, self.interrupt, name_of_stop(number), count))
        self._exit.enter_context(watched_signals(watch))
        dump = self._exit.enter_context(dumps_on_signal(self.dump))
        handlers = {signal.SIGINT: watch.handle, signal.SIGTERM: watch.handle, **dump}
        self._exit.enter_context(signals_wake(loop, handlers))

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._end_runs()
        await self._exit.__aexit__(exc_type, exc, tb)

    async def close(self) -> ShutdownReport:
        """Stop the runs as Ctrl-C does, then every actor in good order; the end of the block does no more then.

        Returns:
            what was drained, dropped and killed; also `report`, afterwards.
        """
        await self._end_runs()
        return await self.app.stop()

    @property
    def report(self) -> ShutdownReport | None:
        """How the end of the actors went; None before it begins. Stays after the block."""
        return self.app.system.report

    async def _end_runs(self) -> None:
        self._is_closed = True
        self._durable.close()
        with anyio.CancelScope(shield=True):
            if self._runs or self._opening:
                await self.stop("the runtime was closed")
        self._events.close()

    # -- runs -----------------------------------------------------------------------------------------------------

    @overload
    async def chunk(
        self,
        func: Callable[..., Any],
        parameters: Iterable[Any] | AsyncIterable[Any],
        *,
        path: Any = _NOT_GIVEN,
        progress_bar: bool | None = None,
        dry_run: Literal[False] = False,
        **options: Unpack[RunOptions],
    ) -> list[Any]: ...

    @overload
    async def chunk(
        self, func: Any, parameters: Any, *, path: Any = ..., dry_run: Literal[True], **options: Unpack[RunOptions]
    ) -> Plan: ...

    @takes_options_over_defaults
    async def chunk(
        self,
        func: Callable[..., Any],
        parameters: Iterable[Any] | AsyncIterable[Any],
        *,
        path: Any = _NOT_GIVEN,
        progress_bar: bool | None = None,
        dry_run: bool = False,
        **options: Unpack[RunOptions],
    ) -> list[Any] | Plan:
        """Call `func` with each item of `parameters`; the results in the order of the parameters.

        Like `cuebook.chunk()`, awaited; with `dry_run=True` a Plan. When the awaiting task is cancelled the run stops
        as Ctrl-C stops it: what is finished is kept, running calls get two seconds, then the cancellation goes on.

        Raises:
            CallFailed: a call failed, with `errors="raise"`; every finished result is kept.
            RunStopped: the run was stopped by a signal, a time limit or `stop()`.
            JournalError: the journal cannot be used; what was committed stays.
        """
        chosen = self._choose(func, options)
        request = Request(func, parameters, chosen, self._path(path))
        if check_flag("dry_run", dry_run):
            return await in_thread(partial(rehearse, func, await whole(parameters), chosen, request.path))
        if rehearsed_runs:
            return [done.value for done in rehearsed(func, await whole(parameters), chosen, request.path)]
        with self._shown(request, progress_bar) as listeners:
            opened = await self._open(request, None, listeners)
            await self._see_through(opened)
        assert isinstance(opened.sink, ListSink)
        return opened.sink.output

    @takes_options_over_defaults
    async def stream(
        self,
        func: Callable[..., Any],
        parameters: Iterable[Any] | AsyncIterable[Any],
        *,
        path: Any = _NOT_GIVEN,
        progress_bar: bool | None = None,
        **options: Unpack[RunOptions],
    ) -> AsyncIterator[Done]:
        """Call `func` with each item of `parameters` and yield each call when it is done, in any order.

        Works without end in bounded memory: parameters are read as they are needed, and reading pauses while the
        consumer does. Reused results come too. A failed call is yielded with its `error`; with `errors="raise"` it also
        ends the stream. Leaving the loop stops the run as Ctrl-C does.

        Raises:
            as `chunk`.
        """
        chosen = self._choose(func, options)
        request = Request(func, parameters, chosen, self._path(path))
        if rehearsed_runs:
            for known in rehearsed(func, await whole(parameters), chosen, request.path):
                yield known
            return
        room = max(1024, 4 * chosen.chunk_size)
        with self._shown(request, progress_bar) as listeners:
            opened = await self._open(request, room, listeners)
            sink = opened.sink
            assert isinstance(sink, StreamSink)
            opened.run.ended.add_done_callback(lambda _: sink.close())
            try:
                while (done := await sink.take()) is not None:
                    if isinstance(done.error, ResultNotRebuilt) and chosen.raises:
                        raise done.error
                    if done.error is None or not chosen.raises:
                        yield done
            finally:
                sink.abandon()
                if not opened.run.ended.done():
                    self._stop_run(opened.run, Stop(StopKind.INTERRUPTED, "the stream was left", GRACE_S))
                    await self._end_of(opened)
                await self._close(opened)
            await self._see_through(opened)

    async def stop(self, reason: str = "stopped", *, grace_s: float = GRACE_S) -> None:
        """Stop every run as Ctrl-C does: no new calls, running ones get `grace_s` seconds, what is finished is kept.

        Returns when they have ended; runs that begin later go on as usual.
        """
        self.interrupt(reason, 1, grace_s=grace_s)
        while under_way := {*self._opening, *(run.ended for run in self._runs.values())}:
            await asyncio.wait(under_way)
        self.resume()

    def interrupt(self, reason: str, count: int = 1, *, grace_s: float = GRACE_S) -> None:
        """Begin to stop every run; `count` > 1: at once. Returns immediately; on the runtime's loop only."""
        stop = Stop(StopKind.INTERRUPTED, reason, grace_s if count <= 1 else 0.0)
        self._stop = stop
        for run in list(self._runs.values()):
            self._stop_run(run, stop)

    def resume(self) -> None:
        """Let runs begin again after a stop."""
        self._stop = None

    def events(self) -> AsyncIterator[Event]:
        """What happens to the runs, as it happens; ends with the runtime. The progress bar reads the same events.

        A consumer that falls 1,024 events behind loses the oldest ones.
        """
        return self._events.stream()

    # -- actors -----------------------------------------------------------------------------------------------------

    @property
    def system(self) -> ActorSystem:
        """Where the actors live: its `services`, its `dead_letters`, its `tree()` and `statistics()`."""
        return self.app.system

    spawn = forwarded_overloads(DurableFace.spawn, "_durable")
    entity = forwarded(DurableFace.entity, "_durable")
    host = forwarded(DurableFace.host, "_durable")
    subscribe = forwarded(DurableFace.subscribe, "_durable")
    remove = forwarded(DurableFace.remove, "_durable")
    promise = forwarded_overloads(DurableFace.promise, "_durable")
    supervise = forwarded(ActorsFace.supervise, "_actors")
    pool = forwarded_overloads(ActorsFace.pool, "_actors")
    process = forwarded(ActorsFace.process, "_actors")
    actor = forwarded(ActorsFace.actor, "_actors")

    def job(self, name: str) -> Job:
        """A job of this application: `async with runtime.job("order-17"):`. Its steps are done once; see `step`.

        Args:
            name: any text: the same name is the same job, in this run of the program and in later ones.

        Raises:
            StageError: it is no name. When it is entered, JobBusy: it is being run already.
        """
        return Job.named(name)

    # -- looking inside ---------------------------------------------------------------------------------------------

    tree = forwarded(ViewFace.tree, "_view")
    statistics = forwarded(ViewFace.statistics, "_view")
    trace = forwarded(ViewFace.trace, "_view")
    traces = forwarded(ViewFace.traces, "_view")
    dead_letters = forwarded(ViewFace.dead_letters, "_view")
    blockages = forwarded(ViewFace.blockages, "_view")
    dump = forwarded(ViewFace.dump, "_view")

    # -- within ---------------------------------------------------------------------------------------------------

    def _path(self, path: Any) -> str | None:
        if path is _NOT_GIVEN:
            return self.path
        return checked_path(path)

    def _choose(self, func: Any, options: RunOptions) -> Options:
        asked = merged(self.defaults, options) if options else self.defaults
        saved = with_saved(func, asked)
        chosen = self._options if saved is self.defaults else make_options(**saved)
        check_function(func, chosen.engine, chosen.worker_class)
        check_workers(func, chosen)
        return chosen

    def _shown(self, request: Request, progress_bar: bool | None) -> AbstractContextManager[list[Listener]]:
        wanted = self._progress_bar if check_flag("progress_bar", progress_bar, none=True) is None else progress_bar
        return shown(self.app, request, wanted)

    async def _open(self, request: Request, room: int | None, listeners: list[Listener]) -> OpenedRun:
        self.app.check_whole()
        if self._is_closed:
            raise RuntimeError("this Runtime is not open: use it inside its `async with` block")
        listeners = [self._events.put, *listeners]
        opening = asyncio.get_running_loop().create_future()
        self._opening.add(opening)
        try:
            if self._telemetry is None:
                opened = await open_run(self.app, request, room=room, listeners=listeners)
            else:
                opened = await open_observed(self.app, request, room, listeners=listeners, telemetry=self._telemetry)
            self._begin(opened.run, request)
        except MessagingError:
            self.app.check_whole()
            raise
        finally:
            self._opening.discard(opening)
            opening.set_result(None)
        return opened

    def _begin(self, run: Run, request: Request) -> None:
        """Know a run until it ends; one that was opened while the others were stopped is stopped with them."""
        if run.ended.done():
            return
        self._runs[run.key] = run
        run.ended.add_done_callback(lambda _: self._runs.pop(run.key, None))
        self._limit_time(run, request.options.stop_after_s)
        if self._stop is not None:
            self._stop_run(run, self._stop)

    def _limit_time(self, run: Run, stop_after_s: float | None) -> None:
        if stop_after_s is None:
            return
        begin = stop_after_s - min(GRACE_S + 0.5, stop_after_s / 4)
        stop = Stop(StopKind.INTERRUPTED, "the time limit is near", min(GRACE_S, stop_after_s / 5))
        handle = asyncio.get_running_loop().call_later(begin, self._stop_run, run, stop)
        run.ended.add_done_callback(lambda _: handle.cancel())

    def _stop_run(self, run: Run, stop: Stop) -> None:
        if run.ended.done():
            return
        if run.stop is not None and stop.grace_s == 0.0:
            run.is_stop_applied = False
        if run.stop is None or stop.grace_s == 0.0:
            run.stop = stop
        self.app.changed(run.key)

    async def _end_of(self, opened: OpenedRun) -> None:
        """Wait for the end of a run that is being stopped, whatever becomes of the waiting task."""
        with anyio.CancelScope(shield=True), contextlib.suppress(Exception):
            await asyncio.shield(opened.run.ended)

    async def _close(self, opened: OpenedRun) -> None:
        """Give back what a run used that is over; its journal is closed with the last run that uses it."""
        if opened.is_closed:
            return
        with anyio.CancelScope(shield=True):
            await opened.close()
            self.app.drain_output()
            if opened.file is not None:
                await self.app.release(opened.file)

    async def _see_through(self, opened: OpenedRun) -> None:
        run = opened.run
        try:
            await asyncio.shield(run.ended)
        except asyncio.CancelledError:
            if not run.ended.done():
                self._stop_run(run, Stop(StopKind.INTERRUPTED, "cancelled", GRACE_S))
                await self._end_of(opened)
            raise
        finally:
            await self._close(opened)
        stop = run.stop
        if stop is None:
            return
        if stop.error is not None:
            raise stop.error
        done = run.done + run.reused
        raise RunStopped(stop.reason, done=done, total=run.source.total, path=opened.path)


def _later(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *args: Any) -> None:
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *args)
