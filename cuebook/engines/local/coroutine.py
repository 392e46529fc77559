"""A worker that is a task on this event loop. Knows no scheduling."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

from cuebook.children.port import Listener
from cuebook.engines.calls.current import enter_context_call
from cuebook.engines.calls.function import LoadedFunction, outside_call
from cuebook.engines.calls.outcome import failure_message, results_messages
from cuebook.engines.calls.protocol import Calls, Quit, Setup
from cuebook.engines.local.host import LocalHost
from cuebook.engines.local.shared_worker import ABANDON_S
from cuebook.wording import error_type_name

__all__ = ["CoroutineHost"]


class CoroutineHost(LocalHost):
    """Runs one coroutine after another; `kill` cancels the running one."""

    def __init__(self) -> None:
        super().__init__()
        self._orders: asyncio.Queue[Any] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._serve(), name="cuebook-worker")
        self._task.add_done_callback(self._on_done)

    async def close(self) -> None:
        self._listener = None
        self._states.close()
        if self._task is None:
            return
        self._orders.put_nowait(Quit())
        if self._mark[0] >= 0:
            self._task.cancel()
        await asyncio.wait([self._task], timeout=ABANDON_S)

    def _put(self, order: Any) -> None:
        self._orders.put_nowait(order)

    def _take_all(self) -> list[Any]:
        return [self._orders.get_nowait() for _ in range(self._orders.qsize())]

    def _has_orders(self) -> bool:
        return not self._orders.empty()

    def _cut(self) -> None:
        assert self._task is not None
        self._task.cancel()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        """The task is over; where a call has cancelled it, or our own code failed, another has to take its place."""
        error = None if task.cancelled() else task.exception()
        self._crash("its task was cancelled" if error is None else f"its task ended with {error_type_name(error)}")

    # -- in the task ----------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        function: LoadedFunction | None = None
        run = 0
        while not self._is_abandoned:
            order = await self._orders.get()
            if isinstance(order, Quit):
                break
            if isinstance(order, Setup):
                function, run = await self._set_up(order), order.run
            elif isinstance(order, Calls) and function is not None and order.run == run:
                shared = None if self._work is None else self._work.shared
                for call, arguments in self._calls(order):
                    with contextlib.nullcontext() if shared is None else shared.in_use():
                        await self._run_call(function, run, call, arguments)

    async def _set_up(self, order: Setup) -> LoadedFunction | None:
        """The function of a run with the Worker that its workers share; None where the user's `setup` raised."""
        work = self._next_work()
        try:
            worker = None if work.shared is None else await work.shared.enter()
            if work.shared is not None:
                self._adopted.adopt(work.shared.context)
        except (Exception, SystemExit) as error:
            self._not_ready(order, error)
            return None
        outside = outside_call(order, self._states)
        return self._ready(LoadedFunction(work.func, worker, order, own=None, outside=outside), order)

    async def _run_call(self, function: LoadedFunction, run: int, call: tuple[int, int], arguments: Any) -> None:
        started = self._begin(function, call, arguments)
        message: Any
        try:
            value = function.invoke(**arguments) if isinstance(arguments, Mapping) else function.invoke(*arguments)
            if hasattr(value, "__await__"):
                value = await value
            ended = time.monotonic()
            (message,) = results_messages(run, [(call[0], started, ended, function.encoder.encode(value))])
        except BaseException as error:
            if self._is_ended_by(error):
                enter_context_call(None)
                raise  # and the mark stays: this is the call that ran
            message = failure_message(run, call, started, error, function.encoder.encode)
        self._end()
        self._tell(message)

    def _is_ended_by(self, error: BaseException) -> bool:
        """Whether this worker is being cancelled or thrown away, as against a call that raised just this."""
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return True  # no loop runs: the collector ends us
        if isinstance(error, asyncio.CancelledError):
            return task is None or task.cancelling() > 0
        return isinstance(error, GeneratorExit) and task is not self._task
