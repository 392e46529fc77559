"""What runs in an executor: one job, which is some calls of one function, and its answer. Knows no executor.

A process may get jobs of several runs, in any order and in several threads: it keeps the functions that it has loaded.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from cuebook.children.program.program import ProgramHere
from cuebook.engines.away.landmark import Landmark, sees
from cuebook.engines.away.line import Cargo
from cuebook.engines.away.resettling import Resettling
from cuebook.engines.calls.arrival import arrived
from cuebook.engines.calls.current import CurrentCall, enter_context_call
from cuebook.engines.calls.function import LoadedFunction, load_function
from cuebook.engines.calls.outcome import failure_message, results_messages
from cuebook.engines.calls.protocol import Ready, Setup, calls_fields, calls_indexes
from cuebook.engines.calls.states import StateExchange
from cuebook.engines.executor.prints import captured
from cuebook.errors import JournalError
from cuebook.wire.message import decode, encode

if TYPE_CHECKING:
    from cuebook.children.logs.forwarding import Forwarding

__all__ = ["ExecutorJob", "JobAnswer", "do_job"]

LOADED_MAX = 8
"""Functions that a process keeps, for each of its threads its own; those that were not used for longest go first."""


class ExecutorJob(NamedTuple):
    """Some calls of a function.

    Attributes:
        key: by which the function is known; setup: its Setup, None where the process should have it.
        cargo: the calls, and what goes along with them.
        landmark: of the parent.
        owner: the parent's process.
    """

    key: bytes
    setup: bytes | None
    cargo: Cargo
    landmark: Landmark
    owner: int


class JobAnswer(NamedTuple):
    """What came of a job.

    Attributes:
        frames: messages of a worker's; printed: stream and bytes; blobs: content of large results from another machine.
        is_missing: the function is not here: the job has to come again, with its Setup.
    """

    frames: list[bytes] = []
    printed: list[tuple[str, bytes]] = []
    blobs: list[bytes] = []
    is_missing: bool = False


def _nobody(payload: bytes) -> None:
    """Nobody is asked anything."""


class _NoCheckpoints(StateExchange):
    """Nothing leaves a job before its end."""

    def save_state(self, index: int, label: str | None, state: Any, metrics: dict[str, Any]) -> int:
        raise JournalError(
            f"the checkpoint of call {index} is not kept: nothing leaves an executor's job before its end. Use "
            'where="process", "dask" or "ray" for calls that make checkpoints'
        )

    def find_state(self, index: int, default: Any) -> Any:
        return default


class _Home:
    """What a function needs of the worker that it is loaded into: as `WorkerPort`."""

    def __init__(self) -> None:
        self.states: StateExchange = _NoCheckpoints(_nobody)
        self.between: CurrentCall | None = None
        self.setups = 1  # each is told to ship anew, as no fresh process can be had
        self.forwarding: Forwarding | None = None
        self.program = ProgramHere()
        self.said: list[bytes] = []
        self.send: Callable[[bytes], None] = self.said.append
        self.folder: Resettling | None = None


class _Loaded(NamedTuple):
    function: LoadedFunction | None
    run: int
    answer: bytes


_lock = threading.Lock()
_home = _Home()
_loaded: OrderedDict[tuple[bytes, int], _Loaded] = OrderedDict()


def do_job(job: ExecutorJob) -> JobAnswer:
    """Load the function, unless it is here, and make the calls, one after another."""
    if job.owner == os.getpid() and sees(job.landmark):
        raise RuntimeError(
            "this executor runs its jobs in the program's own process: write ExecutorEngine(..., shares_memory=True)"
        )
    with captured() as printed:
        resettling = None if sees(job.landmark) else _resettled()
        if resettling is not None:
            resettling.unpack(job.cargo)
        loaded = _function_of(job, resettling)
        if loaded is None:
            return JobAnswer(is_missing=True)
        frames = [] if job.setup is None or job.cargo.frames else [loaded.answer]
        for frame in job.cargo.frames:
            frames += _made(loaded, frame)
        said, _home.said[:] = list(_home.said), []
    blobs = [] if resettling is None else resettling.results(frames)
    return JobAnswer([*said, *frames], printed, blobs)


def _resettled() -> Resettling:
    with _lock:
        if _home.folder is None:
            _home.folder = Resettling(tempfile.mkdtemp(prefix="cuebook-job-"))
        return _home.folder


def _function_of(job: ExecutorJob, resettling: Resettling | None) -> _Loaded | None:
    place = (job.key, threading.get_ident())
    with _lock:
        found = _loaded.get(place)
        if found is not None:
            _loaded.move_to_end(place)
            return found
        if job.setup is None:
            return None
        frame = job.setup if resettling is None else resettling.settled(job.setup)
        order: Setup = decode(frame)
        answer, function = load_function(order, _home)
        found = _Loaded(function, order.run, encode(answer))
        if isinstance(answer, Ready) and function is not None:
            _loaded[place] = found
        while len(_loaded) > LOADED_MAX:
            _, oldest = _loaded.popitem(last=False)
            if oldest.function is not None:
                oldest.function.tear_down()
        return found


def _made(loaded: _Loaded, frame: bytes) -> list[bytes]:
    """The calls of one message; none where the function could not be loaded."""
    fields = calls_fields(frame)
    function = loaded.function
    if fields is None or function is None:
        return []
    _, *batch = fields
    places = calls_indexes(batch)
    attempts = batch[3] or [1] * len(places)
    finished: list[tuple[int, float, float, bytes]] = []
    frames: list[bytes] = []
    for call, given in zip(
        zip(places, attempts, strict=True), arrived(function.decoder, batch[4], places, begin=_nothing), strict=True
    ):
        arguments: Any = list(given) if type(given) is tuple else given
        enter_context_call(
            CurrentCall(
                *call,
                arguments,
                worker=function.worker,
                fingerprint=function.fingerprint,
                key=function.call_key,
                port=_home.states,
            )
        )
        started = time.monotonic()
        try:
            value = function.invoke(*arguments) if type(arguments) is list else function.invoke(**arguments)
            ended = time.monotonic()
            finished.append((call[0], started, ended, function.encoder.encode(value)))
        except Exception as error:
            frames.append(encode(failure_message(loaded.run, call, started, error, function.encoder.encode)))
        except SystemExit as error:
            frames.append(encode(failure_message(loaded.run, call, started, error, function.encoder.encode)))
        finally:
            enter_context_call(None)
    results = results_messages(loaded.run, finished) if finished else []
    return [*map(encode, results), *frames]


def _nothing(index: int) -> None:
    """Nobody is told which call's arguments are loaded."""
