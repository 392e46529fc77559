"""How a run begins: who the function is, what earlier runs have done of it, what goes on record, what is left to do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import uuid
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from cuebook.actors.application import Application
from cuebook.actors.messages import Append, AppendFailed, Recover
from cuebook.actors.reporting import log_event
from cuebook.actors.run import Event, EventKind, Run, RunPolicy
from cuebook.actors.sources import FedSource, ListSource
from cuebook.actors.table import WorkerKind
from cuebook.chunks.failures import hide_failure
from cuebook.chunks.feeding import Reuses, start_feeding
from cuebook.chunks.opened import OpenedRun, Request
from cuebook.chunks.options import Options
from cuebook.chunks.packing import FunctionPack, encode_calls, send_nothing
from cuebook.chunks.planning import Plan, plan_iterator, plan_list
from cuebook.chunks.records import closing_entries, portions
from cuebook.chunks.reusing import read_claims, unclaimed
from cuebook.chunks.sinks import ListSink, StreamSink
from cuebook.chunks.spill import Spill
from cuebook.engines.current import current_call
from cuebook.engines.host import LocalWork
from cuebook.persistence.arguments import check_calls
from cuebook.persistence.blobs import BlobStore, TransientBlobs
from cuebook.persistence.files import are_used
from cuebook.persistence.journal import JournalFile
from cuebook.persistence.names import Names
from cuebook.persistence.ownership import is_users_module
from cuebook.persistence.record import Entry
from cuebook.persistence.results import Results
from cuebook.persistence.values import ValueDecoder
from cuebook.persistence.whole_values import WholeDecoder
from cuebook.runtime.errors import ActorFailed, JournalBusy, JournalError, JournalFull
from cuebook.runtime.ref import ActorRef

__all__ = ["OpenedRun", "Request", "open_run"]


@dataclass(slots=True)
class _Place:
    """Where a run is kept: its journal, or nowhere."""

    file: JournalFile | None
    ref: ActorRef | None
    decoder: WholeDecoder
    folders: dict[str, str]


async def open_run(
    app: Application, request: Request, *, room: int | None, listeners: Sequence[Callable[[Event], None]]
) -> OpenedRun:
    """Begin a run; returns once its first records are on disk and its workers are on their way.

    Args:
        room: outcomes that may wait for the consumer of a stream; None: a list is wanted.
        listeners: get the run's events.
    """
    calls = _as_list(request)
    place = await _place(app, request)
    try:
        return await _open_in(app, request, place, calls, room=room, listeners=listeners)
    except BaseException:
        if place.file is not None:
            await app.release(place.file)
        raise


async def _open_in(
    app: Application,
    request: Request,
    place: _Place,
    calls: list[Any] | None,
    *,
    room: int | None,
    listeners: Sequence[Callable[[Event], None]],
) -> OpenedRun:
    if calls is None:
        plan = await _in_thread(plan_iterator, place.file, request.func, request.options)
    else:
        plan = await _in_thread(plan_list, place.file, request.func, request.options, calls)
    opened = _make_run(app, request, plan, place, calls=calls, room=room)
    opened.closers.append(plan.close)
    opened.run.listeners.extend([log_event, *listeners])
    opened.run.journal = place.ref
    for text in plan.notices:
        opened.run.announce(EventKind.NOTICE, detail=text)
    try:
        await _begin(app, opened, request, plan=plan, place=place, calls=calls)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await opened.close()
        raise
    return opened


async def _begin(
    app: Application, opened: OpenedRun, request: Request, *, plan: Plan, place: _Place, calls: list[Any] | None
) -> None:
    """Put the beginning of the run on record, deliver what is reused, and let the rest go."""
    run = opened.run
    claims = plan.claims
    run.reused = sum(claim.count for claim in claims)
    is_finished = calls is not None and run.reused == len(calls)
    if place.ref is not None:
        entries = [*plan.entries, *(closing_entries(run) if is_finished else [])]
        await _append(place, run.number, entries)
    if claims:
        await _deliver_reused(opened, place, claims, calls)
    run.announce(EventKind.STARTED)
    if is_finished:
        run.end()
        return
    if plan.file is not None:
        run.closing_entries = closing_entries
    todo = run.source.remaining
    workers = request.options.chunk_size if todo is None else min(request.options.chunk_size, todo)
    app.begin(run, _kind(request.options), workers)
    if calls is None:
        start_feeding(app, opened, request, Reuses(plan, place.decoder))


async def _in_thread(function: Callable[..., Plan], *args: Any) -> Plan:
    """Planning reads the journal and encodes all arguments: it must not hold up the loop."""
    return await anyio.to_thread.run_sync(partial(function, *args))


def _kind(options: Options) -> WorkerKind:
    return WorkerKind(options.engine, 1 if options.engine.shares_memory else options.cores)


def _as_list(request: Request) -> list[Any] | None:
    """All calls, checked; None where they come from an iterator."""
    parameters = request.parameters
    if isinstance(parameters, str | bytes | bytearray):
        check_calls([parameters])
    if isinstance(parameters, AsyncIterable):
        calls = None
    elif not isinstance(parameters, Iterable):
        raise TypeError(
            f"parameters is {parameters!r} ({type(parameters).__name__}); "
            "give an iterable with one item a call, such as [[1, 4], [2, 5]]"
        )
    elif hasattr(parameters, "__len__"):
        calls = list(parameters)
        check_calls(calls)
    else:
        calls = None
    if calls is None and request.options.reuse == "run":
        raise ValueError('reuse="run" compares whole lists, and these parameters are an iterator: use list(parameters)')
    return calls


async def _place(app: Application, request: Request) -> _Place:
    if request.path is None:
        spill = str(Path(tempfile.gettempdir()) / f"cuebook-{os.getpid()}-{uuid.uuid4().hex[:12]}")
        title = getattr(request.func, "__name__", type(request.func).__name__)
        folders = {"blobs": spill, "spill": spill, "title": title}
        blobs = TransientBlobs(spill)
        return _Place(None, None, WholeDecoder(ValueDecoder(blobs=blobs, names=Names(request.func)), blobs), folders)
    inner = current_call()
    try:
        file, ref = await app.journal(request.path, is_inner=inner is not None)
    except JournalBusy as error:
        if inner is None:
            raise
        text = f"{error}. This chunk() runs inside call {inner.index} of another one"
        raise JournalBusy(text, host=error.host, pid=error.pid, since=error.since) from error
    folder = str(file.blobs_folder)
    spill = str(Path(tempfile.gettempdir()) / f"cuebook-{os.getpid()}-{uuid.uuid4().hex[:12]}")
    folders = {"blobs": folder, "spill": spill, "title": Path(request.path).name}
    decoder = ValueDecoder(blobs=BlobStore(folder), names=Names(request.func))
    return _Place(file, ref, WholeDecoder(decoder), folders)


def _make_run(
    app: Application,
    request: Request,
    plan: Plan,
    place: _Place,
    *,
    calls: list[Any] | None,
    room: int | None,
) -> OpenedRun:
    options, func = request.options, request.func
    key = app.next_number()
    source: ListSource | FedSource
    source = FedSource() if calls is None else ListSource(calls, unclaimed(len(calls), plan.claims))
    place.folders["traceparent"] = request.traceparent
    identity = plan.identity
    known = {"ignore": sorted(options.ignore), "secrets_key": identity.hiding.key, "files": are_used()}
    pack = FunctionPack(func, options, identity.seed, folders=place.folders, known=known, parts=_parts(plan))
    run_box: list[Run] = []
    spill = Spill(place.folders["spill"])
    sink: ListSink | StreamSink
    if room is None:
        sink = ListSink(
            None if calls is None else len(calls),
            place.decoder,
            collects=not options.raises,
            arguments=source.argument,
            on_failure=lambda error: run_box[0].heed_failure(error),
        )
    else:
        sink = StreamSink(place.decoder, arguments=source.argument, room=room, on_room=lambda: app.changed(run_box[0]))
    run = Run(
        plan.number if plan.file is not None else key,
        RunPolicy(
            batch=options.batch,
            retries=options.retries,
            pause=options.pause,
            timeout=options.timeout,
            raises=options.raises,
            recycle_after=options.recycle_after,
            abandons=not options.engine.can_end_calls,
        ),
        source,
        sink,
        work=LocalWork(func, options.worker_class, source.argument),
        setup=partial(pack.setup, key),
        encoder_for=send_nothing if options.engine.shares_memory else encode_calls(spill),
        key=key,
    )
    run_box.append(run)
    run.on_shipped, run.on_over = spill.shipped, spill.over
    run.call_key = identity.form.key
    run.hide = partial(hide_failure, identity)
    run.earlier_states = plan.states
    run.reship = partial(pack.reship, modules=_users_modules)
    return OpenedRun(run, sink, request.path, place.file, spill=place.folders["spill"])


def _parts(plan: Plan) -> list[tuple[str, str, bool]]:
    """The parts of the function for its workers to compare, if any: only what a fresh process imports can differ."""
    imported, parts = plan.fingerprint.imported, plan.fingerprint.code_parts
    return [(part.label, part.digest, part.label in imported) for part in parts] if imported else []


def _users_modules() -> list[str]:
    modules = list(sys.modules.items())
    return [name for name, module in modules if name != "__main__" and module is not None and is_users_module(module)]


async def _append(place: _Place, run: int, entries: list[Entry]) -> None:
    """Have the first records of a run committed."""
    assert place.file is not None and place.ref is not None
    count = 0
    for rows in portions(entries):
        count += len(rows)
        try:
            answer = await place.ref.ask(Append(run, 0, rows, []), timeout=None)
        except ActorFailed:
            await _wait_behind(place.ref, run)
            if sum(1 for _ in place.file.records(runs=(run,), bodies=False)) < count:
                raise
            continue
        if isinstance(answer, AppendFailed):
            raise (JournalFull if answer.error == "JournalFull" else JournalError)(answer.text)


async def _wait_behind(ref: ActorRef, run: int) -> None:
    """Until a Journal that failed has done what was asked of it before: its next incarnation goes on with that."""
    while True:
        with contextlib.suppress(ActorFailed):
            await ref.ask(Recover(run, 0), timeout=None)
            return


async def _deliver_reused(opened: OpenedRun, place: _Place, claims: Sequence[Any], calls: list[Any] | None) -> None:
    """Hand the results of earlier runs to the sink, a record at a time, without holding up the loop."""
    assert place.file is not None
    parts = read_claims(place.file, claims, place.decoder)
    sink = opened.sink
    if isinstance(sink, ListSink):

        def fill(sink: ListSink = sink) -> None:
            for part in parts:
                sink.put(part.indexes, list(part.values))

        await anyio.to_thread.run_sync(fill)
        return

    def some() -> list[Results]:
        picked = []
        for part in parts:
            picked.append(part)
            if len(picked) >= 64:
                break
        return picked

    reused = sink

    async def pump() -> None:
        while batch := await anyio.to_thread.run_sync(some):
            for part in batch:
                for index, value, seconds in zip(part.indexes, part.values, part.seconds, strict=True):
                    await reused.wait_for_room()
                    reused.reuse(index, None if calls is None else calls[index], value, seconds)

    sink.hold(asyncio.create_task(pump()))
