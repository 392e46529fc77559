"""One call measured by itself, in a worker process: its time, its processor time, its memory, its bytes.

What runs in the worker. Knows no setting and no run.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from cuebook.engines.calls.function import Worker
from cuebook.tuning.measured import CallCost
from cuebook.tuning.threads import pool_threads

__all__ = ["ProbedCall", "cost_of", "probing"]

PROBE_S = 0.15
LONG_CALL_S = 0.5
"""Calls that take longer are made once."""
PROBE_CALLS_MAX = 20_000
TURN_S = 1e-3
"""What is shorter is timed many at a time: the clock of the processor has a step of its own."""


class ProbedCall:
    """The function of the run that measures one call: called with the sample, it gives the cost as plain numbers.

    Args:
        func: the user's.
        star: whether an item holds the arguments, or is the one argument.
        is_async: whether it is a coroutine function.
    """

    def __init__(self, func: Callable[..., Any], *, star: bool, is_async: bool) -> None:
        self.func = func
        self.star = star
        self.is_async = is_async
        self._error: Exception | None = None
        self._within: Callable[..., Any] | None = None

    def __call__(self, sample: Sequence[Any], within: Callable[..., Any] | None = None) -> dict[str, Any]:
        """Measure. `within`: the `run` of the user's Worker, where there is one."""
        self._within = within
        memory_bytes = _memory_now()
        wall, cpu, result = self._timed(sample[0], 1)
        if wall < LONG_CALL_S:  # what is imported and filled at the first call is no call's cost
            memory_bytes = _memory_now()
            walls, processor_s, failed, result = self._repeated(sample)
        else:
            walls, processor_s, failed = [wall], cpu, int(isinstance(result, _Raised))
        if failed == len(walls):
            raise self._error or RuntimeError("every call failed")
        return {
            "seconds": median(walls),
            "cpu_s": processor_s / sum(walls) * median(walls),
            "calls": len(walls),
            "failed": failed,
            "worker_bytes": _memory_most(),
            "grown_bytes": max(0, _memory_now() - memory_bytes) / len(walls) if len(walls) > 1 else 0.0,
            "pool_threads": pool_threads(),
            **_bytes_cost(sample[0], result),
        }

    def _repeated(self, sample: Sequence[Any]) -> tuple[list[float], float, int, Any]:
        """Seconds of each call, seconds of processors in all, how many failed, and a result."""
        walls: list[float] = []
        processor_s, failed, result, turn = 0.0, 0, None, 1
        begin = time.perf_counter()
        while (calls := len(walls)) < len(sample) or time.perf_counter() - begin < PROBE_S:
            if calls >= PROBE_CALLS_MAX or (calls and time.perf_counter() - begin > 4 * PROBE_S):
                break
            item = sample[calls % len(sample)]
            wall, cpu, value = self._timed(item, turn)
            walls += [wall / turn] * turn
            processor_s += cpu
            if isinstance(value, _Raised):
                failed += turn
            else:
                result = value
            turn = max(1, min(1000, int(TURN_S / max(wall / turn, 1e-8))))
        return walls, processor_s, failed, result

    def _timed(self, item: Any, turn: int) -> tuple[float, float, Any]:
        """So many calls with one item: seconds, seconds of processors, the last result."""
        value = None
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(turn):
            value = self._called(item)
        return time.perf_counter() - wall, time.process_time() - cpu, value

    def _called(self, item: Any) -> Any:
        call = self.func if self._within is None else partial(self._within, self.func)
        try:
            if not self.star:
                value = call(item)
            elif isinstance(item, Mapping):
                value = call(**item)
            else:
                value = call(*item)
            return asyncio.run(value) if self.is_async and inspect.iscoroutine(value) else value
        except Exception as error:
            self._error = error
            return _Raised()


def probing(worker_class: Any) -> type[Worker]:
    """The user's Worker for the run that measures one call: its `run` is given each call that is measured."""

    class ProbingWorker(worker_class):  # type: ignore[misc]
        def run(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            return func(*args, **kwargs, within=super().run)

    return ProbingWorker


class _Raised:
    """In place of a result."""


def cost_of(found: Mapping[str, Any]) -> CallCost:
    """What a probe has found, as it is known here."""
    return CallCost(**found)


def _bytes_cost(item: Any, result: Any) -> dict[str, Any]:
    """How long arguments and result take to become bytes and values again, and how many bytes they are."""
    from cuebook.persistence.values import ValueDecoder, ValueEncoder

    encoder, decoder = ValueEncoder(portable=True), ValueDecoder()
    seconds, sizes = 0.0, []
    for value in (item, result):
        data, best_s = b"", 0.0
        with contextlib.suppress(Exception):  # the run itself says what cannot be kept
            for turn in range(3):  # the first one fills what the others use
                begin = time.perf_counter()
                data = encoder.encode(value)
                decoder.decode(data)
                taken_s = time.perf_counter() - begin
                best_s = min(best_s, taken_s) if turn else taken_s
        seconds += best_s
        sizes.append(len(data))
    return {"encode_s": seconds, "argument_bytes": sizes[0], "result_bytes": sizes[1]}


def _memory_most() -> int:
    """Bytes that this process had in use at most; 0 where that is not known."""
    try:
        with open("/proc/self/status") as file:  # what getrusage says may be the parent's
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _memory_now() -> int:
    """Bytes that this process has in use; 0 where that is not known."""
    try:
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
