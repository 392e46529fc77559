"""The results of a run as they come, for programs without a loop: a plain generator over a stream on another thread."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from cuebook.api.loop_thread import LoopThread
from cuebook.api.runtime import Runtime
from cuebook.api.signals.interruption import SignalWatch, as_exit, name_of_stop, watched_signals
from cuebook.api.warm import SIGNALS_S, WarmWorkers
from cuebook.children.importing import imports_pass
from cuebook.children.program.program import take_program, taken
from cuebook.children.spawner import spawner
from cuebook.chunks.sinks import Done
from cuebook.errors import RunStopped

__all__ = ["stream_on"]

ROOM = 256
"""Results that wait between the loop's thread and the consumer's, beside those that the stream itself may hold."""
_LEAVE_S = 12.0


@dataclass(frozen=True, slots=True)
class _End:
    """The stream is over: with an error, or without."""

    error: BaseException | None


class _Bridge:
    """From the loop's thread to the consumer's, a bounded number of results."""

    def __init__(self, loop: LoopThread) -> None:
        self.loop = loop
        self.items: queue.SimpleQueue[Done | _End] = queue.SimpleQueue()
        self.runtime: Runtime | None = None
        self.stopped_by: int | None = None
        self.is_over = False
        self._free = ROOM
        self._wakeup: asyncio.Event | None = None
        self._owed = 0

    async def fill(self, runtime: Runtime, func: Any, parameters: Any, options: dict[str, Any]) -> None:
        """Run it, and pass on each result; on the loop."""
        self._wakeup = asyncio.Event()
        try:
            async with aclosing(runtime.stream(func, parameters, **options)) as results:  # type: ignore[type-var]
                async for done in results:
                    while self._free <= 0:
                        self._wakeup.clear()
                        await self._wakeup.wait()
                    self._free -= 1
                    self.items.put(done)
        except BaseException as error:
            self.items.put(_End(error))
            raise
        self.items.put(_End(None))

    def give_room(self, count: int) -> None:
        """The consumer has taken so many; on the loop."""
        self._free += count
        if self._wakeup is not None:
            self._wakeup.set()

    def end_unless_begun(self) -> None:
        """The run was cancelled: one that had not begun will never say that it is over; on the loop."""
        if self._wakeup is None:
            self.items.put(_End(None))

    def taken(self) -> int:
        """One was taken; how many the loop should be told of now, so that it is not told of each."""
        self._owed += 1
        if self._owed < ROOM // 4 and not self.items.empty():
            return 0
        owed, self._owed = self._owed, 0
        return owed


def stream_on(
    workers: WarmWorkers,
    func: Callable[..., Any],
    parameters: Iterable[Any],
    *,
    closes: bool,
    ordered: bool,
    **options: Any,
) -> Iterator[Done]:
    """The results of one run on the workers' loop, as they come. Leaving the generator stops the run as Ctrl-C does.

    Args:
        closes: whether the workers quit with the run.
        ordered: in the order of the parameters: what is done before its turn waits in memory.
    """
    loop = workers.thread
    bridge = _Bridge(loop)
    future: Future[None] | None = None
    try:
        with imports_pass():
            bridge.runtime = runtime = workers.runtime()
            runtime.resume()
            taken.set(take_program())
            try:
                future = loop.submit(bridge.fill(runtime, func, parameters, options))
            finally:
                taken.set(None)
            results = _results(bridge)
            yield from _in_order(results) if ordered else results
    finally:
        spawner().dismiss()
        if future is not None and not bridge.is_over:
            future.cancel()
            loop.call(bridge.end_unless_begun)
            _wait_for_end(bridge)
        if closes:
            workers.close()


def _results(bridge: _Bridge) -> Iterator[Done]:
    while True:
        item = _next(bridge)
        if isinstance(item, Done):
            owed = bridge.taken()
            if owed:
                bridge.loop.call(bridge.give_room, owed)
            yield item
            continue
        bridge.is_over = True
        if item.error is None:
            return
        if isinstance(item.error, RunStopped) and bridge.stopped_by is not None:
            raise as_exit(item.error, bridge.stopped_by)
        raise item.error.with_traceback(None) from item.error.__cause__


def _next(bridge: _Bridge) -> Done | _End:
    """The next result; while it is waited for, SIGINT and SIGTERM stop the run and keep what is finished."""
    try:
        return bridge.items.get_nowait()
    except queue.Empty:
        pass
    runtime = bridge.runtime
    assert runtime is not None
    watch = SignalWatch(lambda number, count: bridge.loop.call(runtime.interrupt, name_of_stop(number), count))
    with watched_signals(watch):
        while True:
            try:
                item = bridge.items.get(timeout=SIGNALS_S)
            except queue.Empty:
                continue
            if watch.count and bridge.stopped_by is None:  # results that were on their way may come before the end
                bridge.stopped_by = watch.first
            return item


def _wait_for_end(bridge: _Bridge) -> None:
    """Until the run that was left is over; what it still has to say is not waited for without end."""
    while True:
        try:
            if isinstance(bridge.items.get(timeout=_LEAVE_S), _End):
                return
        except queue.Empty:
            return


def _in_order(results: Iterator[Done]) -> Iterator[Done]:
    held: dict[int, Done] = {}
    expected = 0
    for done in results:
        held[done.index] = done
        while expected in held:
            yield held.pop(expected)
            expected += 1
    for index in sorted(held):  # some failed that are not told
        yield held.pop(index)
