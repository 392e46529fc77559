"""A worker that is a task on this event loop. Knows no scheduling."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from cuebook.engines.current import CurrentCall, enter_context_call
from cuebook.engines.function import LoadedFunction
from cuebook.engines.host import Listener, LocalWork, Loss
from cuebook.engines.local import setup_failed
from cuebook.engines.outcome import failure_message, results_messages
from cuebook.engines.states import StateExchange
from cuebook.engines.wire import Calls, Quit, Ready, Recall, Returned, Setup, StateFound, StateKeptAck
from cuebook.runtime.message import decode, encode

__all__ = ["CoroutineHost"]

ABANDON_S = 5.0
"""How long a cancelled call may take to end before it is left to itself."""


class CoroutineHost:
    """Runs one coroutine after another; `kill` cancels the running one."""

    shares_memory = True
    pid = None

    def __init__(self) -> None:
        self._works: dict[int, LocalWork] = {}
        self._orders: asyncio.Queue[Any] = asyncio.Queue()
        self._mark: tuple[int, float] = (-1, 0.0)
        self._states = StateExchange(self._send_up)
        self._listener: Listener | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_abandoned = False

    def __repr__(self) -> str:
        return f"<CoroutineHost {'abandoned' if self._is_abandoned else 'alive'}>"

    async def start(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._serve(), name="cuebook-worker")

    def prepare(self, run: int, work: LocalWork) -> None:
        self._works[run] = work

    def send(self, frames: list[bytes]) -> None:
        for frame in frames:
            self._orders.put_nowait(decode(frame))

    def send_urgent(self, frame: bytes) -> None:
        order = decode(frame)
        if isinstance(order, StateKeptAck | StateFound):
            self._states.answer(order)
        elif isinstance(order, Recall):
            self._give_back(order.run)

    def running(self) -> tuple[int, float]:
        index, started = self._mark
        return (index, time.monotonic() - started) if index >= 0 else (-1, 0.0)

    def is_busy(self) -> bool:
        return self._mark[0] >= 0 or not self._orders.empty()

    def kill(self, reason: str) -> None:
        if self._is_abandoned:
            return
        self._is_abandoned = True
        self._states.close()
        index, seconds = self.running()
        assert self._task is not None and self._loop is not None
        self._task.cancel()
        if self._listener is not None:
            self._loop.call_soon(self._listener.on_lost, Loss(index, seconds, reason))

    async def close(self) -> None:
        self._listener = None
        self._states.close()
        if self._task is None:
            return
        self._orders.put_nowait(Quit())
        if self._mark[0] >= 0:
            self._task.cancel()
        await asyncio.wait([self._task], timeout=ABANDON_S)

    def drain_output(self) -> None:
        """What a task prints has been printed."""

    async def _serve(self) -> None:
        function: LoadedFunction | None = None
        run = 0
        while not self._is_abandoned:
            order = await self._orders.get()
            if isinstance(order, Quit):
                break
            if isinstance(order, Setup):
                function, run = self._set_up(order), order.run
            elif isinstance(order, Calls) and function is not None and order.run == run:
                await self._run_batch(function, order)
        if function is not None:
            function.tear_down()

    def _set_up(self, order: Setup) -> LoadedFunction | None:
        work = self._works[order.run]
        try:
            worker = work.worker_class() if work.worker_class is not None else None
            if worker is not None:
                worker.setup()
        except Exception as error:
            self._send_up(encode(setup_failed(order.run, error)))
            return None
        loaded = LoadedFunction(work.func, worker, order, runs_coroutines=False)
        self._states.serve(order.run, loaded.encoder.encode, loaded.states_decoder.decode)
        self._send_up(encode(Ready(order.run, 0, None)))
        return loaded

    async def _run_batch(self, function: LoadedFunction, batch: Calls) -> None:
        fetch = self._works[batch.run].fetch
        indexes = batch.indexes or range(batch.start, batch.start + batch.count)
        for place, index in enumerate(indexes):
            attempt = 1 if batch.attempts is None else batch.attempts[place]
            await self._run_call(function, batch.run, (index, attempt), fetch(index))
            if self._is_abandoned:
                return

    async def _run_call(self, function: LoadedFunction, run: int, call: tuple[int, int], arguments: Any) -> None:
        index, attempt = call
        enter_context_call(
            CurrentCall(
                index,
                attempt,
                arguments,
                worker=function.worker,
                fingerprint=function.fingerprint,
                port=self._states,
            )
        )
        started = time.monotonic()
        self._mark = (index, started)
        message: Any
        try:
            value = function.invoke(**arguments) if isinstance(arguments, Mapping) else function.invoke(*arguments)
            if hasattr(value, "__await__"):
                value = await value
            ended = time.monotonic()
            (message,) = results_messages(run, [(index, started, ended, function.encoder.encode(value))])
        except BaseException as error:
            if self._is_ended_by(error):
                raise
            message = failure_message(run, call, started, error, function.encoder.encode)
        finally:
            self._mark = (-1, 0)
            enter_context_call(None)
        if not self._is_abandoned:
            self._send_up(encode(message))

    def _is_ended_by(self, error: BaseException) -> bool:
        """Whether this worker is being cancelled or thrown away, as against a call that raised just this."""
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return True  # no loop runs: the collector ends us
        if isinstance(error, asyncio.CancelledError):
            return task is None or task.cancelling() > 0
        return isinstance(error, GeneratorExit) and task is not self._task

    def _give_back(self, run: int) -> None:
        kept: list[Any] = []
        returned: list[int] = []
        while not self._orders.empty():
            order = self._orders.get_nowait()
            if isinstance(order, Calls):
                returned.extend(order.indexes or range(order.start, order.start + order.count))
            else:
                kept.append(order)
        for order in kept:
            self._orders.put_nowait(order)
        self._send_up(encode(Returned(run, returned)))

    def _send_up(self, payload: bytes) -> None:
        """Hand a message to the Worker actor; from the loop or, with a call's checkpoint, from a thread of the call."""
        try:
            self._loop.call_soon_threadsafe(self._hand_over, payload)  # type: ignore[union-attr]
        except RuntimeError:
            return

    def _hand_over(self, payload: bytes) -> None:
        if self._listener is not None:
            self._listener.on_frames([payload])
