"""A worker that is a place in an executor: each message of calls is one job there. Knows no scheduling."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b

from cuebook.children.port import Listener, Loss, Output
from cuebook.engines.away.landmark import landmark
from cuebook.engines.away.line import Cargo
from cuebook.engines.away.luggage import Luggage
from cuebook.engines.calls.protocol import Recall, Returned, Setup, calls_fields, calls_indexes
from cuebook.engines.executor.job import ExecutorJob, JobAnswer, do_job
from cuebook.engines.executor.pool import ExecutorPool
from cuebook.engines.port import LocalWork
from cuebook.errors import ClusterGone
from cuebook.wire.message import decode, encode
from cuebook.wording import error_text, error_type_name

__all__ = ["ExecutorHost"]

SETUP_BYTES_MAX = 1 << 15
"""A function of up to this goes along with each job: no job comes back because its process has not seen it."""


@dataclass(slots=True)
class _Sent:
    """A job on its way."""

    cargo: Cargo
    indexes: list[int]
    has_setup: bool


class ExecutorHost:
    """One job after another, and some ahead, in whichever of the executor's workers takes them.

    Args:
        pool: has the executor.
        output: takes what calls print.
    """

    shares_memory = False
    pid = None

    def __init__(self, pool: ExecutorPool, output: Output) -> None:
        self._pool = pool
        self._output = output
        self._listener: Listener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._luggage = None if pool.is_near else Luggage()
        self._setup: tuple[bytes, bytes] = (b"", b"")
        self._run = 0
        self._sent: dict[Future[JobAnswer], _Sent] = {}
        self._is_over = False
        self._executor: Executor | None = None

    async def start(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._pool.executor()

    def prepare(self, run: int, work: LocalWork) -> None:
        """Nothing is shared."""

    def send(self, frames: list[bytes]) -> None:
        calls: list[bytes] = []
        for frame in frames:
            if calls_fields(frame) is not None:
                calls.append(frame)
                continue
            order = decode(frame)
            if isinstance(order, Setup):
                self._set_up(order, frame)
        if calls:
            indexes = [index for frame in calls for index in calls_indexes((calls_fields(frame) or [])[1:])]
            self._submit(_Sent(self._cargo(calls), indexes, len(self._setup[1]) <= SETUP_BYTES_MAX))

    def send_urgent(self, frame: bytes) -> None:
        order = decode(frame)
        if isinstance(order, Recall):
            returned: list[int] = []
            for future, sent in list(self._sent.items()):
                if sent.indexes and future.cancel():
                    self._sent.pop(future, None)
                    returned += sent.indexes
            self._hear([encode(Returned(order.run, returned))])

    def running(self) -> tuple[int, float]:
        """Nobody knows which call of a job runs, nor since when."""
        return (-1, 0.0)

    def is_busy(self) -> bool:
        return bool(self._sent)

    def kill(self, reason: str) -> None:
        """Take back what has not begun, and give up what has: it cannot be ended."""
        self._lose(reason)

    async def close(self) -> None:
        self._is_over = True
        self._cancel()

    def drain_output(self) -> None:
        """What a job has printed comes with its answer."""

    # -- jobs -----------------------------------------------------------------------------------------------------

    def _set_up(self, order: Setup, frame: bytes) -> None:
        self._run = order.run
        if self._luggage is not None:
            self._luggage = Luggage()
            self._luggage.heed([frame])
        general = encode(replace(order, options={**order.options, "worker": 0}))
        digest = blake2b(general, digest_size=16, key=self._pool.token).digest()
        self._setup = (digest, general)
        self._submit(_Sent(self._cargo([]), [], has_setup=True))

    def _cargo(self, calls: list[bytes]) -> Cargo:
        if self._luggage is None:
            return Cargo(calls)
        luggage = Luggage()  # whichever process takes the job has nothing of what others were sent
        luggage.heed([self._setup[1]])
        packed = luggage.packed([self._setup[1], *calls], [])
        return packed._replace(frames=calls)

    def _submit(self, sent: _Sent) -> None:
        job = ExecutorJob(
            self._setup[0], self._setup[1] if sent.has_setup else None, sent.cargo, landmark(), os.getpid()
        )
        self._executor = self._pool.executor()
        try:
            future = self._executor.submit(do_job, job)
        except Exception as error:  # it is broken, or shut down
            self._fail(error)
            return
        self._sent[future] = sent
        assert self._loop is not None
        future.add_done_callback(partial(_pass_on, self._loop, self._done))

    def _done(self, future: Future[JobAnswer]) -> None:
        sent = self._sent.pop(future, None)
        if sent is None or self._is_over:
            return
        if future.cancelled():
            self._fail(RuntimeError("a job was cancelled"))
            return
        error = future.exception()
        if error is not None:
            self._fail(error)
            return
        answer = JobAnswer(*future.result())
        if answer.is_missing:
            sent.has_setup = True
            self._submit(sent)
            return
        for stream, printed in answer.printed:
            self._output(printed, stream)
        if self._luggage is not None:
            self._luggage.keep(answer.blobs)
        self._hear(answer.frames)

    def _hear(self, frames: list[bytes]) -> None:
        if self._listener is not None and frames and not self._is_over:
            self._listener.on_frames(frames)

    def _fail(self, error: BaseException) -> None:
        """A job did not come back: its process is gone, or the executor is."""
        text = f"{error_type_name(error)}: {error_text(error)}"
        if self._pool.is_replaced and self._executor is not None:
            self._pool.replace(self._executor)
            self._lose(f"was lost with its executor ({text})")
        else:
            gone = ClusterGone(f"the executor runs no more jobs ({text}). {self._pool.advice}")
            self._lose(str(gone), is_final=True)

    def _lose(self, reason: str, *, is_final: bool = False) -> None:
        if self._is_over or self._loop is None:
            return
        self._is_over = True
        self._cancel()
        if self._listener is not None:
            self._loop.call_soon(self._listener.on_lost, Loss(-1, 0.0, reason, is_final))

    def _cancel(self) -> None:
        for future in list(self._sent):
            future.cancel()
        self._sent.clear()


def _pass_on(
    loop: asyncio.AbstractEventLoop, done: Callable[[Future[JobAnswer]], None], future: Future[JobAnswer]
) -> None:
    if not loop.is_closed():
        try:
            loop.call_soon_threadsafe(done, future)
        except RuntimeError:
            return  # it was closed just now: nobody waits
