"""Durable trivial calls on Dask and on Ray, against the cheapest way that each has to run as many messages itself.

That is `client.submit` of a function of a list, and a call of an actor with a list, both without a record of anything.
Two workers on this machine. Goal: 1.1 times at batch 1, 32 and 256; a run begins within a second.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

from benchmarks.harness import folder, in_turn, ratio, row, timed, title
from cuebook import Chunker, chunk
from cuebook.engines import DaskEngine, RayEngine

CALLS = {1: 300, 32: 6_400, 256: 25_600}


def increment(x: int) -> int:
    return x + 1


def increments(numbers: list[int]) -> list[int]:
    return [increment(number) for number in numbers]


def main() -> None:
    for name, place in {"dask": dask_place, "ray": ray_place}.items():
        try:
            with place() as (engine, bare):
                measure(name, engine, bare)
        except ImportError as error:
            title(f"bench_clusters: {name} is left out ({error})")


def measure(name: str, engine: Any, bare: Callable[[list[list[int]]], Any]) -> None:
    title(f"bench_clusters: {name}, x + 1, 2 workers, us a call (medians); ratios pair by pair")
    row("batch", name, "durable", "ratio")
    with folder() as where:
        names = (str(where / f"{number}.cue") for number in count())
        for batch, calls in CALLS.items():
            parts = [list(range(start, start + batch)) for start in range(0, calls, batch)]
            parameters = [[number] for number in range(calls)]
            with Chunker(increment, chunk_size=2, batch=batch, where=engine, progress_bar=False) as ours:
                ours(parameters[:100])
                theirs, kept = in_turn(
                    lambda parts=parts: timed(partial(bare, parts)),
                    lambda: timed(lambda: ours(parameters, path=next(names))),  # noqa: B023 - called here
                )
            median = statistics.median
            ours_us, theirs_us = (f"{median(each) / calls * 1e6:,.0f}" for each in (kept, theirs))
            row(f"{batch}", theirs_us, ours_us, f"{ratio(kept, theirs):.2f} x")
        begun = [timed(lambda: chunk(increment, [[1]], workers=1, where=engine, progress_bar=False)) for _ in range(5)]
    row("begin and end a run", f"{statistics.median(begun):.2f} s", "", "")


@contextmanager
def dask_place() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": ":0"}  # ours hold one thread each
    with LocalCluster(**options) as cluster, Client(cluster, set_as_default=False) as client:

        def bare(parts: list[list[int]]) -> Any:
            return client.gather([client.submit(increments, part, pure=False) for part in parts])

        bare([[1]] * 50)
        yield DaskEngine(client), bare


@contextmanager
def ray_place() -> Iterator[Any]:
    import ray

    ray.init(
        address="local",
        num_cpus=4,  # two for the bare actors, two for ours
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        logging_level="error",
    )
    try:

        @ray.remote(num_cpus=1)
        class Bare:
            def run(self, numbers: list[int]) -> list[int]:
                return increments(numbers)

        actors = [Bare.remote() for _ in range(2)]

        def bare(parts: list[list[int]]) -> Any:
            return ray.get([actors[n % 2].run.remote(part) for n, part in enumerate(parts)])

        bare([[1]] * 50)
        yield RayEngine(), bare
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
