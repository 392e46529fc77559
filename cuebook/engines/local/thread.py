"""A worker in a thread of this process. Knows no scheduling."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cuebook.children.port import Listener
from cuebook.children.program.program import set_in_thread
from cuebook.engines.calls.current import enter_context_call
from cuebook.engines.calls.function import LoadedFunction, outside_call
from cuebook.engines.calls.outcome import failure_message, results_messages
from cuebook.engines.calls.protocol import Calls, Quit, Setup
from cuebook.engines.calls.worker_life import OwnWorker
from cuebook.engines.local.host import LocalHost
from cuebook.engines.local.shared_worker import ABANDON_S
from cuebook.wording import error_type_name

__all__ = ["ThreadHost"]


class ThreadHost(LocalHost):
    """One daemon thread that runs calls one after another. It cannot be killed: `kill` abandons it."""

    def __init__(self) -> None:
        super().__init__()
        self._orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ended = asyncio.Event()

    async def start(self, listener: Listener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        self.begin(partial(context.run, self._live))

    def begin(self, live: Callable[[], Any]) -> None:
        """Have the worker's life lived, in a thread of its own."""
        threading.Thread(target=live, name="cuebook-worker", daemon=True).start()

    async def close(self) -> None:
        self._listener = None
        self._states.close()
        self._orders.put(Quit())
        if self._loop is None or self._is_abandoned:
            return
        try:
            async with asyncio.timeout(ABANDON_S):
                await self._ended.wait()
        except TimeoutError:
            self._is_abandoned = True

    def _put(self, order: Any) -> None:
        self._orders.put(order)

    def _take_all(self) -> list[Any]:
        taken: list[Any] = []
        while True:
            try:
                taken.append(self._orders.get_nowait())
            except queue.Empty:
                return taken

    def _has_orders(self) -> bool:
        return not self._orders.empty()

    def _cut(self) -> None:
        """No thread can be ended from outside."""

    # -- in the thread --------------------------------------------------------------------------------------------

    def _live(self) -> None:
        assert self._loop is not None
        try:
            self._serve()
        except BaseException as error:
            self._on_loop(self._crash, f"its thread ended with {error_type_name(error)}")
            if isinstance(error, Exception):  # ours; an interrupt of the user's is in the reason, and no news
                raise
        finally:
            self._on_loop(self._ended.set)

    def _serve(self) -> None:
        function: LoadedFunction | None = None
        run = 0
        while True:
            order = self._orders.get()
            if isinstance(order, Quit):
                break
            if isinstance(order, Setup):
                self._tear_down(function)
                function, run = self._set_up(order), order.run
            elif isinstance(order, Calls) and function is not None and order.run == run:
                for call, arguments in self._calls(order):
                    self._run_call(function, run, call, arguments)
        self._tear_down(function)

    def _set_up(self, order: Setup) -> LoadedFunction | None:
        """The function of a run; None where the user's `setup` raised."""
        work = self._next_work()
        if work.program is not None:
            set_in_thread(work.program)
        outside = outside_call(order, self._states)
        enter_context_call(outside)
        try:
            own = OwnWorker(work.func, work.worker_class, work.initializer)
            own.begin()
        except (Exception, SystemExit) as error:
            self._not_ready(order, error)
            return None
        finally:
            enter_context_call(None)
        return self._ready(LoadedFunction(work.func, own.instance, order, own=own, outside=outside), order)

    def _tear_down(self, function: LoadedFunction | None) -> None:
        if function is not None:
            enter_context_call(function.outside)
            function.tear_down()
            enter_context_call(None)

    def _run_call(self, function: LoadedFunction, run: int, call: tuple[int, int], arguments: Any) -> None:
        started = self._begin(function, call, arguments)
        message: Any
        try:
            value = function.invoke(**arguments) if isinstance(arguments, Mapping) else function.invoke(*arguments)
            ended = time.monotonic()
            (message,) = results_messages(run, [(call[0], started, ended, function.encoder.encode(value))])
        except BaseException as error:
            message = failure_message(run, call, started, error, function.encoder.encode)
        finally:
            self._end()
        self._tell(message)
