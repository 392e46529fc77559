"""How a run begins: who the function is, what earlier runs have done of it, what goes on record, what is left to do."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import tempfile
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from cuebook.actors.application import Application
from cuebook.actors.messages import Append, AppendFailed, Recover
from cuebook.actors.reporting import log_event
from cuebook.actors.runs.pace import Pace
from cuebook.actors.runs.progress import Event, EventKind
from cuebook.actors.runs.roster import WorkerKind
from cuebook.actors.runs.run import Run, RunPlan, RunPolicy
from cuebook.actors.runs.sources import FedSource, ListSource
from cuebook.children.limits import cpus_allowed
from cuebook.children.program.program import take_program, taken
from cuebook.chunks.failures import hide_failure
from cuebook.chunks.feeding import EarlierResults, start_feeding
from cuebook.chunks.opened import OpenedRun, Request
from cuebook.chunks.options import Options
from cuebook.chunks.packing import FunctionPack, encode_calls, send_nothing
from cuebook.chunks.planning import Beginning, plan_iterator, plan_list
from cuebook.chunks.records import closing_entries, portions
from cuebook.chunks.reusing import read_claims, unclaimed
from cuebook.chunks.run_lines import retried_detail
from cuebook.chunks.same_numbers import SameNumbers
from cuebook.chunks.sinks import ListSink, StreamSink, grow_old
from cuebook.chunks.spill import Spill
from cuebook.engines.calls.current import OUTSIDE, CurrentCall, NoStates, current_call
from cuebook.engines.local.shared_worker import SharedWorker
from cuebook.engines.port import AwayEngine, LocalWork
from cuebook.errors import ActorFailed, CallFailed, JournalBusy, JournalError, JournalFull
from cuebook.persistence.blobs.transient import TransientBlobs
from cuebook.persistence.history.items import ListCalls, as_calls, with_one_argument
from cuebook.persistence.history.results import Decoder, RunResults
from cuebook.persistence.identity.files import are_used
from cuebook.persistence.journal.new_journal import say_if_not_private
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Entry
from cuebook.persistence.values import ValueDecoder
from cuebook.persistence.values.pickling.names import Names
from cuebook.persistence.values.whole import WholeDecoder
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.tasks.threads import in_thread
from cuebook.temporary import owned_name, remove_leftovers_once

__all__ = ["OpenedRun", "Request", "open_run"]


WORKERS_USUAL = 32
"""So many worker processes may be meant on the smallest machine; the batch size that some give instead is larger."""


@dataclass(slots=True)
class _Place:
    """Where a run is kept: its journal, or nowhere."""

    file: JournalWriter | None
    ref: ActorRef | None
    decoder: WholeDecoder
    folders: dict[str, Any]


async def open_run(
    app: Application, request: Request, *, room: int | None, listeners: Sequence[Callable[[Event], None]]
) -> OpenedRun:
    """Begin a run; returns once its first records are on disk and its workers are on their way.

    Args:
        room: outcomes that may wait for the consumer of a stream; None: a list is wanted.
        listeners: get the run's events.
    """
    if not request.options.star:
        request = replace(request, parameters=with_one_argument(request.parameters))
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
    if place.file is not None:
        say_if_not_private(place.file, request.options.trust)
    if calls is None:
        plan = await _in_thread(plan_iterator, place.file, request.func, request.options)
    else:
        plan = await _in_thread(plan_list, place.file, request.func, request.options, calls)
    opened = _make_run(app, request, plan, place, calls=calls, room=room, listeners=listeners)
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
    app: Application, opened: OpenedRun, request: Request, *, plan: Beginning, place: _Place, calls: list[Any] | None
) -> None:
    """Put the beginning of the run on record, deliver what is reused, and let the rest go."""
    run = opened.run
    claims = plan.claims
    is_finished = calls is not None and run.reused == len(calls)
    # Of a list before anything is on record: what is damaged among its results then leaves the journal as it was.
    not_rebuilt = await in_thread(partial(_fill, opened.sink, place, plan)) if claims else []
    if place.ref is not None:
        entries = [*plan.entries, *(closing_entries(run) if is_finished else [])]
        await _append(place, run.number, entries)
    for error in not_rebuilt:
        run.heed_failure(error)
    if claims and isinstance(opened.sink, StreamSink):
        _pump_reused(opened.sink, place, plan, calls)
    run.announce(EventKind.STARTED, detail=retried_detail(plan.retried))
    if is_finished:
        run.end()
        return
    todo = run.source.remaining
    workers = request.options.chunk_size if todo is None else min(request.options.chunk_size, todo)
    if workers > max(WORKERS_USUAL, 8 * cpus_allowed()) and not _is_elsewhere(request.options):
        cpus = cpus_allowed()
        text = f"{run.name} has {workers:,} worker processes on {cpus} CPUs; workers= is how many run at once"
        run.announce(EventKind.NOTICE, detail=text)
    app.begin(run, _kind(request.options), workers)
    if calls is None:
        # A decoder of its own: it works in the feeder's thread, while this run's results are decoded on the loop.
        decoder = _decoder(request, place) if plan.plain is None else plan.plain.decoder
        start_feeding(app, opened, request, EarlierResults(plan, decoder))


def _decoder(request: Request, place: _Place) -> WholeDecoder:
    blobs = None if place.file is None else place.file.blobs()
    return WholeDecoder(ValueDecoder(blobs=blobs, names=Names(request.func)))


def _of_earlier(plan: Beginning, place: _Place) -> Decoder:
    """What decodes earlier results; those of this run need no trust: its own workers have made them."""
    return place.decoder if plan.plain is None else plan.plain.decoder


async def _in_thread(function: Callable[..., Beginning], *args: Any) -> Beginning:
    """Planning reads the journal and encodes all arguments: it must not hold up the loop."""
    return await in_thread(partial(function, *args))


def _kind(options: Options) -> WorkerKind:
    return WorkerKind(options.engine, 1 if _is_elsewhere(options) else options.cores)


def _is_elsewhere(options: Options) -> bool:
    """Whether its workers are no processes that this one has started."""
    return options.engine.shares_memory or isinstance(options.engine, AwayEngine)


def _as_list(request: Request) -> list[Any] | None:
    """All calls, checked; None where they come from an iterator."""
    parameters = request.parameters
    if isinstance(parameters, AsyncIterable):
        calls = None
    elif not isinstance(parameters, Iterable):
        raise TypeError(
            f"parameters is {parameters!r} ({type(parameters).__name__}); "
            "give an iterable with one item a call, such as [[1, 4], [2, 5]]"
        )
    elif hasattr(parameters, "__len__"):
        calls = as_calls(parameters)
        grow_old(calls)
    else:
        calls = None
    if calls is None and request.options.reuse == "run":
        raise ValueError('reuse="run" compares whole lists, and these parameters are an iterator: use list(parameters)')
    return calls


async def _place(app: Application, request: Request) -> _Place:
    temporary = tempfile.gettempdir()
    await in_thread(partial(remove_leftovers_once, temporary))
    spill = str(Path(temporary) / owned_name())
    if request.path is None:
        title = getattr(request.func, "__name__", type(request.func).__name__)
        blobs = TransientBlobs(spill)  # results that are not kept are read once
        folders = {"blobs": [*blobs.place], "spill": spill, "title": title}
        decoder = ValueDecoder(blobs=blobs, names=Names(request.func))
        return _Place(None, None, WholeDecoder(decoder, blobs), folders)
    inner = current_call()
    try:
        file, ref = await app.journal(request.path, is_inner=inner is not None)
    except JournalBusy as error:
        if inner is None:
            raise
        where = "the setup of a worker" if inner.index == OUTSIDE else f"call {inner.index}"
        text = f"{error}. This chunk() runs inside {where} of another one"
        raise JournalBusy(text, host=error.host, pid=error.pid, since=error.since) from error
    folders = {"blobs": [*file.blobs().place], "spill": spill, "title": Path(request.path).name}
    decoder = ValueDecoder(blobs=file.blobs(), names=Names(request.func))
    return _Place(file, ref, WholeDecoder(decoder), folders)


def _make_run(
    app: Application,
    request: Request,
    plan: Beginning,
    place: _Place,
    *,
    calls: list[Any] | None,
    room: int | None,
    listeners: Sequence[Callable[[Event], None]],
) -> OpenedRun:
    """The run whole, before anything of it is on record."""
    options, func = request.options, request.func
    key = app.next_number()
    source: ListSource | FedSource
    source = FedSource() if calls is None else ListSource(calls, unclaimed(len(calls), plan.claims))
    place.folders["traceparent"] = request.traceparent
    identity = plan.identity
    known = {"ignore": sorted(options.ignore), "secrets_key": identity.hiding.key, "files": are_used()}
    spill = Spill(place.folders["spill"], are_fixed=calls is not None)
    pack = FunctionPack(func, options, identity.seed, spill, folders=place.folders, known=known, code=identity.code)
    work = _work(options, func, identity.seed, source.argument)
    encode = encode_calls(spill, are_lists=type(calls) is ListCalls)
    sink: ListSink | StreamSink
    if room is None:
        total = None if calls is None else len(calls)
        sink = ListSink(total, place.decoder, collects=not options.raises, arguments=source.argument)
    else:
        sink = StreamSink(place.decoder, arguments=source.argument, room=room, on_room=partial(app.changed, key))
    taken.set(None)
    run = Run(
        RunPlan(
            plan.number if plan.file is not None else key,
            _policy(options),
            source,
            sink,
            work,
            setup=partial(pack.setup, key),
            encoder_for=send_nothing if options.engine.shares_memory else encode,
            key=key,
            journal=place.ref,
            closing_entries=None if plan.file is None else closing_entries,
            reship=pack.reship,
            reship_unloaded=pack.reship_unloaded,
            on_shipped=spill.shipped,
            on_over=spill.over,
            on_generators=SameNumbers(plan.fingerprint.name).heard,
            call_key=identity.form.key,
            hide=partial(hide_failure, identity),
            earlier_states=plan.states,
            states_at_hand={} if plan.plain is None else dict(plan.plain.states),
            reused=sum(claim.count for claim in plan.claims),
            listeners=(log_event, *listeners),
        )
    )
    return OpenedRun(run, sink, request.path, place.file, spill=spill, shared=work.shared)


def _work(options: Options, func: Callable[..., Any], fingerprint: bytes, fetch: Callable[[int], Any]) -> LocalWork:
    shared, program = None, None
    if options.engine.shares_memory and not options.engine.needs_coroutines:
        program = taken.get() or take_program()
    if options.engine.needs_coroutines and options.of_workers:
        call = CurrentCall(OUTSIDE, 0, [], worker=0, fingerprint=fingerprint, port=NoStates())
        shared = SharedWorker(options.worker_class, options.initializer, call)
    return LocalWork(
        func,
        options.worker_class,
        fetch,
        initializer=options.initializer,
        shared=shared,
        context=contextvars.copy_context(),
        program=program,
    )


def _policy(options: Options) -> RunPolicy:
    return RunPolicy(
        workers_max=options.workers_max,
        batch=options.batch,
        retries=options.retry.times,
        covers=options.retry.covers,
        pause=options.retry.pause_s,
        timeout=options.timeout,
        raises=options.raises,
        max_failures=options.max_failures,
        pace=None if options.rate_per_s is None else Pace(options.rate_per_s),
        recycle_after=options.recycle_after,
        abandons=not options.engine.can_end_calls,
    )


async def _append(place: _Place, run: int, entries: list[Entry]) -> None:
    """Have the first records of a run committed."""
    assert place.file is not None and place.ref is not None
    count = 0
    for portion in portions(entries):
        count += len(portion)
        try:
            answer = await place.ref.ask(Append(run, 0, portion), timeout=None)
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


def _reused(place: _Place, plan: Beginning) -> Iterator[RunResults]:
    assert place.file is not None
    return read_claims(place.file, plan.history, plan.claims, _of_earlier(plan, place))


def _fill(sink: ListSink | StreamSink, place: _Place, plan: Beginning) -> list[CallFailed]:
    """Put the results of earlier runs in a list; the errors of those that cannot be rebuilt. Blocks on the disk."""
    if isinstance(sink, StreamSink):
        return []
    return [error for part in _reused(place, plan) for error in sink.put(part.indexes, part.values)]


def _pump_reused(sink: StreamSink, place: _Place, plan: Beginning, calls: list[Any] | None) -> None:
    """Hand the results of earlier runs to a stream, a record at a time, without holding up the loop."""
    parts = _reused(place, plan)

    def some() -> list[RunResults]:
        picked = []
        for part in parts:
            picked.append(part)
            if len(picked) >= 64:
                break
        return picked

    async def pump() -> None:
        while batch := await in_thread(some):
            for part in batch:
                for index, value, seconds in zip(part.indexes, part.values, part.seconds, strict=True):
                    await sink.wait_for_room()
                    sink.reuse(index, None if calls is None else calls[index], value, seconds)

    sink.hold(asyncio.create_task(pump()))
