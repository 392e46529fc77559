"""`cuebook.tune()`: probe, search, trace, answer; within a budget, and whole at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from cuebook.api.runtime import Runtime
from cuebook.children.limits import cpus_allowed
from cuebook.chunks.options import check_flag, check_function, checked_path, make_options
from cuebook.engines.calls.function import Worker
from cuebook.engines.calls.worker_life import is_coroutine_function
from cuebook.notices import said_once
from cuebook.persistence.history.items import as_calls, with_one_argument
from cuebook.tuning.answer import Tuning, at_best
from cuebook.tuning.answering import answer_of
from cuebook.tuning.machine import free_memory_bytes, load_of_others
from cuebook.tuning.measured import Bounds, CallCost, TimedRun
from cuebook.tuning.measuring import TuningBench, TuningInterrupted
from cuebook.tuning.ranking import ranked
from cuebook.tuning.saving import check_savable, save_settings, settings_table
from cuebook.tuning.search import RUN_S, Findings, search
from cuebook.tuning.space import calls_of_run, places, spread
from cuebook.tuning.words import answer_text

__all__ = ["tune"]

SAMPLE_MAX = 64
KEEPING = 0.2
"""The share of the budget in which results of the sample are kept."""
PLACES = ("process", "thread", "async")


def tune(
    func: Callable[..., Any],
    parameters: Iterable[Any],
    *,
    path: str | os.PathLike[str] | None = None,
    budget: float = 60.0,
    where: str | None = None,
    star: bool = True,
    initializer: Callable[[], Any] | None = None,
    worker: type[Worker] | None = None,
    timeout: float | None = None,
    memory_limit: int | str | None = None,
    save: bool = False,
) -> Tuning:
    """Find out how `chunk(func, parameters)` is best run: where, with how many workers and which batch, and if at all.

    Makes calls of a sample of the parameters, first one by itself, then runs of settings that may be the best, in
    turn, until their order is certain or the budget is spent. The calls are made many times over: the function must
    be one that may be repeated. Ctrl-C ends it early, with an answer of what was measured.

    Args:
        func: as for `chunk()`.
        parameters: as for `chunk()`; a list says how many calls there are, and the sample is spread over all of it. Of
            an iterator the first 64 items are taken.
        path: a journal, in which the results of the sample are kept as those of `chunk()`. Measured runs go to one of
            their own beside it, which is removed again: what the disk costs is counted. None: nothing is kept.
        budget: seconds that it may take, once a first worker has started.
        where: "process", "thread" or "async": only there. Default: wherever the function can run.
        star, initializer, timeout: as for `chunk()`.
        worker: as for `chunk()`; its methods have to be plain functions.
        memory_limit: as for `chunk()`; only worker processes are tried then, as only they can have one.
        save: write the best workers and batch of each place into `[tool.cuebook]` of the pyproject.toml (or into the
            cuebook.toml) above the function's file, under its name. From then on `chunk()` and its like take them
            where they are given neither. Where to run is never written: that the program says.

    Returns:
        a `Tuning`: as text, what `cuebook tune` prints; its `options` go to `chunk(func, parameters, **options)`.

    Raises:
        CallFailed: every call of the sample failed.
        TypeError, ValueError: wrong use; nothing was started.

    Cost: the budget, or less where the order is certain earlier.
    """
    if not isinstance(budget, int | float) or isinstance(budget, bool) or not budget > 0:
        raise ValueError(f"budget={budget!r} must be a number of seconds, more than 0")
    is_async = is_coroutine_function(func)
    options: dict[str, Any] = {"star": check_flag("star", star), "initializer": initializer}
    limits = {"worker": worker, "timeout": timeout, "memory_limit": memory_limit}
    options |= {name: limit for name, limit in limits.items() if limit is not None}
    chosen = make_options(where=where or "process", **options)
    check_function(func, chosen.engine, chosen.worker_class)
    if any(is_coroutine_function(getattr(worker, name, None)) for name in ("setup", "run", "teardown")):
        raise TypeError(f"worker={worker!r} has a method that is an `async def`: such workers cannot be tuned")
    if where is not None and where not in PLACES:
        raise ValueError(f"where={where!r} is none of {', '.join(map(repr, PLACES))}")
    if check_flag("save", save):
        check_savable(func)
    sample, total = _sample(parameters, star=star)
    tried = PLACES[:1] if memory_limit is not None else PLACES if is_async else PLACES[:2]
    wheres = tried if where is None else (where,)
    bounds = Bounds(cpus_allowed(), total, wheres, free_memory_bytes())
    job = _TuningJob(func, sample, bounds, path=checked_path(path), budget_s=float(budget))
    tuning = _run(lambda: job.tuned(options, is_async=is_async))
    return _saved(tuning, func) if save and tuning.rows else tuning


def _saved(tuning: Tuning, func: Callable[..., Any]) -> Tuning:
    try:
        path = save_settings(func, settings_table(row.setting for row in tuning.rows))
    except (OSError, ValueError) as error:  # what was measured is not lost with it
        kept = replace(tuning, notes=(*tuning.notes, f"the settings were not saved: {error}"))
    else:
        kept = replace(tuning, saved=str(path))
    return replace(kept, text=answer_text(kept))


def _sample(parameters: Any, *, star: bool) -> tuple[list[Any], int | None]:
    if not isinstance(parameters, Iterable):
        raise TypeError(f"parameters is {parameters!r} ({type(parameters).__name__}); give a list of calls")
    if hasattr(parameters, "keys"):
        raise TypeError(f"parameters is a {type(parameters).__name__}; give a list of calls")
    if hasattr(parameters, "__len__"):
        items: Any = parameters if hasattr(parameters, "__getitem__") else [*parameters]
        sample, total = [items[place] for place in spread(items, SAMPLE_MAX)], len(items)
    else:
        sample, total = _first(iter(parameters)), None
        total = len(sample) if len(sample) < SAMPLE_MAX else None
    if not sample:
        raise ValueError("parameters is empty: there is nothing to be measured")
    as_calls(sample if star else with_one_argument(sample))
    return sample, total


def _first(items: Iterator[Any]) -> list[Any]:
    return [item for _, item in zip(range(SAMPLE_MAX), items, strict=False)]


def _run(make: Callable[[], Any]) -> Tuning:
    """On a loop of its own: in this thread, or beside it where a loop runs in it (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(make())  # type: ignore[no-any-return]
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(lambda: asyncio.run(make())).result()  # type: ignore[no-any-return]


class _TuningJob:
    """One tuning."""

    def __init__(
        self, func: Callable[..., Any], sample: list[Any], bounds: Bounds, *, path: str | None, budget_s: float
    ) -> None:
        self.func = func
        self.sample = sample
        self.bounds = bounds
        self.path = path
        self.budget_s = budget_s
        self.end = time.monotonic() + budget_s
        self.found = Findings()
        self.cost: CallCost | None = None
        self.traced: TimedRun | None = None

    def left_s(self) -> float:
        return self.end - time.monotonic()

    async def tuned(self, options: dict[str, Any], *, is_async: bool) -> Tuning:
        load = load_of_others()
        with said_once():  # what each of the many runs would say of its failures
            is_interrupted = await self._is_interrupted(options, is_async=is_async)
        name = getattr(self.func, "__qualname__", type(self.func).__qualname__)
        return answer_of(
            name,
            self.cost,
            self.bounds,
            self.found,
            traced=self.traced,
            is_interrupted=is_interrupted,
            load=load,
        )

    async def _is_interrupted(self, options: dict[str, Any], *, is_async: bool) -> bool:
        """Measure; whether somebody stopped it."""
        signals = threading.current_thread() is threading.main_thread()
        async with Runtime(signals=signals, progress_bar=False, blocking_s=None) as runtime:
            made = TuningBench(runtime, self.func, self.sample, path=self.path, left_s=self.left_s, options=options)
            async with made as bench:
                try:
                    await self._measured(bench, is_async=is_async)
                except TuningInterrupted:
                    return True
        return False

    async def _measured(self, bench: TuningBench, *, is_async: bool) -> None:
        await bench.start()
        self.end = time.monotonic() + self.budget_s  # what Python takes to start is no part of it
        self.cost = await bench.probe(is_async=is_async, items=8)
        if self.cost is None:
            return
        if self.path is not None:
            setting = places(self.cost, self.bounds)[0]
            fitting = int(at_best(self.cost, setting.workers, self.bounds.cpus) * KEEPING * self.left_s())
            await bench.keep(setting, max(1, min(len(self.sample), fitting)))
        # The last look needs time too: it runs the best setting once or twice more.
        look_s = min(2 * max(RUN_S, self.cost.seconds), self.left_s() / 4)
        asked = search(self.cost, self.bounds, lambda: self.left_s() - look_s, self.found)
        with contextlib.closing(asked), contextlib.suppress(StopIteration):
            setting, calls = next(asked)
            while True:
                setting, calls = asked.send(await bench.measure(setting, calls))
        if self.found.runs and self.left_s() > self.cost.seconds:
            best = ranked(self.found.rates)[0]
            calls = calls_of_run(self.cost, best, self.bounds.cpus, min(RUN_S, self.left_s() / 4))
            self.traced = await bench.trace(best, calls)
