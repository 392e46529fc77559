"""A worker in a thread of this process: nothing is copied, results are encoded all the same. Knows no scheduling."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
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

__all__ = ["ThreadHost"]


class ThreadHost:
    """One daemon thread that runs calls one after another. It cannot be killed: `kill` abandons it."""

    shares_memory = True
    pid = None

    def __init__(self) -> None:
        self._works: dict[int, LocalWork] = {}
        self._orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._mark: tuple[int, float] = (-1, 0.0)
        self._is_abandoned = False
        self._states = StateExchange(self._send_up)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<ThreadHost {'abandoned' if self._is_abandoned else 'alive'}>"

    async def start(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._serve,), name="cuebook-worker", daemon=True)
        self._thread.start()

    def prepare(self, run: int, work: LocalWork) -> None:
        self._works[run] = work

    def send(self, frames: list[bytes]) -> None:
        for frame in frames:
            self._orders.put(decode(frame))

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
        self._orders.put(Quit())
        if self._loop is not None and self._listener is not None:
            self._loop.call_soon(self._listener.on_lost, Loss(index, seconds, reason))

    async def close(self) -> None:
        self._listener = None
        self._states.close()
        self._orders.put(Quit())

    def drain_output(self) -> None:
        """What a thread prints has been printed."""

    # -- in the thread --------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        function: LoadedFunction | None = None
        run = 0
        while True:
            order = self._orders.get()
            if isinstance(order, Quit):
                break
            if isinstance(order, Setup):
                if function is not None:
                    function.tear_down()
                function, run = self._set_up(order), order.run
            elif isinstance(order, Calls) and function is not None and order.run == run:
                self._run_batch(function, order)
        if function is not None:
            function.tear_down()

    def _set_up(self, order: Setup) -> LoadedFunction | None:
        work = self._works[order.run]
        try:
            worker = work.worker_class() if work.worker_class is not None else None
            if worker is not None:
                worker.setup()
        except BaseException as error:
            self._send_up(encode(setup_failed(order.run, error)))
            return None
        loaded = LoadedFunction(work.func, worker, order)
        self._states.serve(order.run, loaded.encoder.encode, loaded.states_decoder.decode)
        self._send_up(encode(Ready(order.run, 0, None)))
        return loaded

    def _run_batch(self, function: LoadedFunction, batch: Calls) -> None:
        indexes = list(batch.indexes or range(batch.start, batch.start + batch.count))
        fetch = self._works[batch.run].fetch
        for place, index in enumerate(indexes):
            attempt = 1 if batch.attempts is None else batch.attempts[place]
            self._run_call(function, batch.run, (index, attempt), fetch(index))
            if self._is_abandoned:
                return

    def _run_call(self, function: LoadedFunction, run: int, call: tuple[int, int], arguments: Any) -> None:
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
            ended = time.monotonic()
            (message,) = results_messages(run, [(index, started, ended, function.encoder.encode(value))])
        except BaseException as error:
            message = failure_message(run, call, started, error, function.encoder.encode)
        finally:
            self._mark = (-1, 0)
            enter_context_call(None)
        if not self._is_abandoned:
            self._send_up(encode(message))

    def _give_back(self, run: int) -> None:
        """Return the batches that the thread has not begun (its running batch has one call or short ones)."""
        kept: list[Any] = []
        returned: list[int] = []
        while True:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                break
            if isinstance(order, Calls):
                returned.extend(order.indexes or range(order.start, order.start + order.count))
            else:
                kept.append(order)
        for order in kept:
            self._orders.put(order)
        self._send_up(encode(Returned(run, returned)))

    def _send_up(self, payload: bytes) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._hand_over, payload)
        except RuntimeError:
            return

    def _hand_over(self, payload: bytes) -> None:
        if self._listener is not None:
            self._listener.on_frames([payload])
