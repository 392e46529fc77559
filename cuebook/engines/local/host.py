"""What workers inside this process have in common, be they a thread or a task. Knows neither."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import repeat
from typing import Any

from cuebook.children.port import Listener, Loss
from cuebook.engines.calls.current import CurrentCall, enter_context_call
from cuebook.engines.calls.function import LoadedFunction, setup_failed
from cuebook.engines.calls.protocol import (
    Calls,
    Quit,
    Ready,
    Recall,
    Returned,
    Setup,
    StateFound,
    StateKeptAck,
    calls_indexes,
)
from cuebook.engines.calls.states import StateExchange
from cuebook.engines.local.contexts import AdoptedContext
from cuebook.engines.port import LocalWork
from cuebook.wire.message import decode, encode

__all__ = ["LocalHost"]


class LocalHost(ABC):
    """A worker that shares this process's memory: nothing is copied, results are encoded all the same."""

    shares_memory = True
    pid = None

    def __init__(self) -> None:
        self._prepared: deque[LocalWork] = deque()
        self._work: LocalWork | None = None
        self._todo: deque[tuple[int, int]] = deque()
        self._mark: tuple[int, float] = (-1, 0.0)
        self._is_abandoned = False
        self._adopted = AdoptedContext()
        self._states = StateExchange(self._send_up)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: Listener | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'abandoned' if self._is_abandoned else 'alive'}>"

    @abstractmethod
    def _put(self, order: Any) -> None:
        """One more order for the worker, in order."""

    @abstractmethod
    def _take_all(self) -> list[Any]:
        """The orders that the worker has not begun, which are taken from it."""

    @abstractmethod
    def _has_orders(self) -> bool:
        """Whether an order waits."""

    @abstractmethod
    def _cut(self) -> None:
        """End what runs, where that can be done."""

    def prepare(self, run: int, work: LocalWork) -> None:
        self._prepared.append(work)  # one for each Setup, which follows

    def send(self, frames: list[bytes]) -> None:
        for frame in frames:
            self._put(decode(frame))

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
        return self._mark[0] >= 0 or self._has_orders()

    def kill(self, reason: str) -> None:
        if self._is_abandoned:
            return
        self._is_abandoned = True
        self._states.close()
        index, seconds = self.running()
        self._put(Quit())
        self._cut()
        if self._loop is not None and self._listener is not None:
            self._loop.call_soon(self._listener.on_lost, Loss(index, seconds, reason))

    def drain_output(self) -> None:  # noqa: B027 - nothing is to be done, here
        """What a thread or a task prints has been printed."""

    # -- in the worker --------------------------------------------------------------------------------------------

    def _next_work(self) -> LocalWork:
        """What the Setup at hand means; from now on the worker has the context variables of its run."""
        self._work = work = self._prepared.popleft()
        self._adopted.adopt(work.context)
        return work

    def _ready(self, loaded: LoadedFunction, order: Setup) -> LoadedFunction:
        """The function is there with the user's worker around it, which is told."""
        self._states.serve(order.run, loaded.encoder.encode, loaded.states_decoder.decode)
        self._send_up(encode(Ready(order.run, 0, None)))
        return loaded

    def _not_ready(self, order: Setup, error: BaseException) -> None:
        """`setup` raised, which is told."""
        self._send_up(encode(setup_failed(order, "setup", error)))

    def _calls(self, batch: Calls) -> Iterator[tuple[tuple[int, int], Any]]:
        """Index, attempt and arguments of each call of a batch, until it is given back or this worker is given up."""
        assert self._work is not None
        fetch, todo = self._work.fetch, self._todo
        attempts = batch.attempts or repeat(1)
        todo.extend(zip(calls_indexes((batch.start, batch.count, batch.indexes)), attempts, strict=False))
        while not self._is_abandoned:
            try:
                call = todo.popleft()  # each call is either begun here or given back on the loop
            except IndexError:
                return
            yield call, fetch(call[0])

    def _begin(self, function: LoadedFunction, call: tuple[int, int], arguments: Any) -> float:
        """A call begins, now; returns when."""
        index, attempt = call
        enter_context_call(
            CurrentCall(
                index,
                attempt,
                arguments,
                worker=function.worker,
                fingerprint=function.fingerprint,
                key=function.call_key,
                port=self._states,
            )
        )
        started = time.monotonic()
        self._mark = (index, started)
        return started

    def _end(self) -> None:
        """No call runs any more."""
        self._mark = (-1, 0.0)
        enter_context_call(None)

    def _crash(self, reason: str) -> None:
        """The worker has ended though nobody asked it to; on the loop."""
        if self._is_abandoned or self._listener is None:
            return
        self._is_abandoned = True
        self._states.close()
        index, seconds = self.running()
        self._listener.on_lost(Loss(index, seconds, reason))

    def _tell(self, message: Any) -> None:
        """Send how a call ended, unless this worker was given up."""
        if not self._is_abandoned:
            self._send_up(encode(message))

    def _give_back(self, run: int) -> None:
        """Return the calls that the worker has not begun, those of the batch that it is at too."""
        returned: list[int] = []
        with suppress(IndexError):
            while True:
                returned.append(self._todo.popleft()[0])
        for order in self._take_all():
            if isinstance(order, Calls):
                returned.extend(calls_indexes((order.start, order.count, order.indexes)))
            else:
                self._put(order)
        self._send_up(encode(Returned(run, returned)))

    def _send_up(self, payload: bytes) -> None:
        """Hand a message to the Worker actor, from whichever thread."""
        self._on_loop(self._hand_over, payload)

    def _on_loop(self, act: Callable[..., object], *args: Any) -> None:
        """Have something done on the loop, from whichever thread."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(act, *args)
        except RuntimeError:
            return  # the loop is closed: nobody minds this worker any more

    def _hand_over(self, payload: bytes) -> None:
        if self._listener is not None:
            self._listener.on_frames([payload])
