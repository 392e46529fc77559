"""The runs of a tuning: made by a Runtime as anybody's, with warm workers, within the time that is left."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cuebook.api.runtime import Runtime
from cuebook.children.limits import cpus_allowed
from cuebook.errors import RunStopped
from cuebook.runtime.tasks.threads import in_thread
from cuebook.temporary import owned_prefix, remove_leftovers
from cuebook.tuning.measured import CallCost, CallSetting, Measurement, TimedRun
from cuebook.tuning.probe import ProbedCall, cost_of, probing
from cuebook.tuning.threads import limited

__all__ = ["TuningBench", "TuningInterrupted"]

MARGIN_S = 0.05
LONG_CALL_S = 0.5
"""Calls that take longer are not made only to warm workers up."""
_TIME_IS_OVER = "the time limit is near"
_PREFIX = ".tuning-"


def _folder_beside(path: str) -> tempfile.TemporaryDirectory[str]:
    """A folder that is on the same disk, made with those that are missing; those of tunings that were killed go."""
    beside = Path(path).absolute().parent
    beside.mkdir(parents=True, exist_ok=True)
    remove_leftovers(str(beside), _PREFIX)
    return tempfile.TemporaryDirectory(prefix=owned_prefix(_PREFIX), dir=beside)


def plain_nothing(*_: object) -> None:
    """What workers are started with."""


async def awaited_nothing(*_: object) -> None:
    """The same as a coroutine."""


class TuningInterrupted(Exception):
    """Somebody stopped the runs: what was measured is the answer."""


class TuningBench:
    """Runs a function on a sample with one setting after the other; an async context manager.

    Measured runs go to a journal of their own beside the user's, on the same disk, or to none where there is none.

    Args:
        runtime: an open one.
        func, sample: the user's function, and items of its parameters.
        path: the user's journal, or None.
        left_s: seconds of the budget that are left.
        options: of every run: `star`, `initializer`, `worker`, limits. One call of the probe is many of the function:
            it has no timeout but the budget.
    """

    def __init__(
        self,
        runtime: Runtime,
        func: Callable[..., Any],
        sample: Sequence[Any],
        *,
        path: str | None,
        left_s: Callable[[], float],
        options: dict[str, Any],
    ) -> None:
        self._runtime = runtime
        self._func = func
        self._sample = sample
        self._path = path
        self._left_s = left_s
        self._options = options
        self._call_s = 0.0
        self._warm: set[CallSetting] = set()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._scratch: str | None = None

    async def __aenter__(self) -> Self:
        if self._path is not None:
            self._folder = await in_thread(partial(_folder_beside, self._path))
            self._scratch = str(Path(self._folder.name) / "runs.cue")
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    async def start(self) -> None:
        """Have a worker process ready for the first call.

        Raises:
            TuningInterrupted.
        """
        run = self._runtime.chunk(plain_nothing, [[0]], path=None, progress_bar=False, where="process", workers=1)
        await self._stopping(run)

    async def probe(self, *, is_async: bool, items: int) -> CallCost | None:
        """The cost of one call; None where the time was over first.

        Raises:
            TuningInterrupted.
        """
        probed = ProbedCall(self._func, star=bool(self._options.get("star", True)), is_async=is_async)
        sample = self._sample[:items]
        kept = {name: value for name, value in self._options.items() if name not in ("star", "timeout")}
        if "worker" in kept:
            kept["worker"] = probing(kept["worker"])
        results = await self._stopping(
            self._runtime.chunk(
                probed,
                [[sample]],
                path=None,
                progress_bar=False,
                where="process",
                workers=1,
                time_limit=self._limit_s(),
                **kept,
            )
        )
        if results is None:
            return None
        cost = cost_of(results[0])
        self._call_s = cost.seconds
        return cost

    async def keep(self, setting: CallSetting, items: int) -> None:
        """Make so many calls of the sample, those that the user's journal has not got, and keep them there.

        Raises:
            TuningInterrupted.
        """
        await self._stopping(
            self._runtime.chunk(self._func, self._sample[:items], path=self._path, **self._keywords(setting))
        )

    async def measure(self, setting: CallSetting, calls: int) -> Measurement | None:
        """One run; before the first one with these workers, one that is not counted. None: the time was over first.

        Raises:
            TuningInterrupted.
        """
        crew = CallSetting(setting.where, setting.workers)
        with limited(max(1, cpus_allowed() // setting.workers)) if setting.where == "thread" else nullcontext():
            if crew not in self._warm:
                if not await self._is_warmed(setting, calls):
                    return None
                self._warm.add(crew)
            return await self._run(setting, calls)

    async def _is_warmed(self, setting: CallSetting, calls: int) -> bool:
        """Start the workers; have each load the function too, unless its calls are long."""
        if self._call_s < LONG_CALL_S:
            return await self._run(setting, min(calls, setting.workers)) is not None
        nothing = awaited_nothing if setting.where == "async" else plain_nothing
        items = [[place] for place in range(setting.workers)]
        keywords = {**self._keywords(setting), "star": True}
        return await self._stopping(self._runtime.chunk(nothing, items, path=None, **keywords)) is not None

    async def _run(self, setting: CallSetting, calls: int, *, is_kept: bool = True) -> Measurement | None:
        items = self.items(calls)
        path = self._scratch if is_kept else None
        begin = time.perf_counter()
        results = await self._stopping(
            self._runtime.chunk(self._func, items, path=path, **self._keywords(setting), reuse="none")
        )
        seconds = time.perf_counter() - begin
        if results is None:
            return None
        return Measurement(setting, calls, seconds, sum(isinstance(each, Exception) for each in results))

    async def trace(self, setting: CallSetting, calls: int) -> TimedRun | None:
        """One run of which the times of each call are known; None: the time was over first.

        Raises:
            TuningInterrupted.
        """
        unkept = None
        if self._scratch is not None:
            run = await self._run(setting, calls, is_kept=False)
            unkept = None if run is None else run.seconds
        handed_over, begin = time.time(), time.perf_counter()
        busy_s, returned_s, count = 0.0, 0.0, 0
        times: list[tuple[float, float]] = []
        stream = self._runtime.stream(
            self._func, self.items(calls), path=self._scratch, **self._keywords(setting), reuse="none"
        )
        try:
            async for done in stream:
                in_hand = time.time()
                busy_s += done.seconds
                count += 1
                if done.started is not None:
                    times.append((max(0.0, done.started - handed_over), done.seconds))
                    returned_s += max(0.0, in_hand - done.started - done.seconds)
        except RunStopped as stopped:
            self._raise_if_wanted(stopped)
            return None
        seconds = time.perf_counter() - begin
        started_s = min(times)[0] if times else 0.0
        return TimedRun(setting, count, seconds, started_s, busy_s, returned_s / max(1, count), unkept, tuple(times))

    def items(self, calls: int) -> list[Any]:
        """The sample, over and over, up to so many calls."""
        return [self._sample[index % len(self._sample)] for index in range(calls)]

    def _keywords(self, setting: CallSetting) -> dict[str, Any]:
        return {
            **self._options,
            **setting.options,
            "errors": "collect",
            "progress_bar": False,
            "time_limit": self._limit_s(),
        }

    def _limit_s(self) -> float:
        return max(MARGIN_S, self._left_s())

    async def _stopping(self, run: Any) -> Any:
        """The results of a run; None where the time was over first."""
        try:
            return await run
        except RunStopped as stopped:
            self._raise_if_wanted(stopped)
            return None

    def _raise_if_wanted(self, stopped: RunStopped) -> None:
        if stopped.reason != _TIME_IS_OVER:
            raise TuningInterrupted(stopped.reason) from stopped
