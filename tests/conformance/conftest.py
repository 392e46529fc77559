"""Every medium and every engine there is: the suites of this folder are asked of each. A further one has a line here."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cuebook.engines import DaskEngine, ExecutorEngine, RayEngine
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.stores.port import Medium, Store
from cuebook.testing.memory_medium import MemoryMedium

MakeMedium = Callable[[str], Medium]
"""A medium of a name, another one for each name; asked again for the same name it gives one of the same place."""


def _of_files(folder: Path) -> MakeMedium:
    return lambda name: medium_of(folder / name)


def _in_memory(folder: Path) -> MakeMedium:
    made: dict[str, MemoryMedium] = {}
    return lambda name: made.setdefault(name, MemoryMedium(None, folder / name))


MEDIA: dict[str, Callable[[Path], MakeMedium]] = {"sqlite": _of_files, "memory": _in_memory}


@pytest.fixture(params=MEDIA)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeMedium:
    return MEDIA[request.param](tmp_path)


@pytest.fixture(params=MEDIA)
def make_other(request: pytest.FixtureRequest, tmp_path: Path) -> MakeMedium:
    """A second kind, for what goes from one to the other."""
    return MEDIA[request.param](tmp_path / "other")


@pytest.fixture
def medium(make: MakeMedium) -> Medium:
    found = make("a.cue")
    found.prepare()
    return found


@pytest.fixture
def store(medium: Medium) -> Store:
    return medium.store()


# -- engines -------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """An engine with what it cannot do.

    Attributes:
        ends_calls: a call over its time is ended.
        keeps_checkpoints: progress inside a call leaves it.
        is_apart: calls run in processes of their own, of which one can be killed.
        replaces: a worker whose process was killed is replaced.
        homes: how many processes may take the calls of one worker.
    """

    engine: Any
    ends_calls: bool = True
    keeps_checkpoints: bool = True
    is_apart: bool = True
    replaces: bool = True
    homes: int = 1


@contextmanager
def _processes() -> Iterator[Place]:
    yield Place("process")


@contextmanager
def _threads() -> Iterator[Place]:
    yield Place("thread", ends_calls=False, is_apart=False)


@contextmanager
def _coroutines() -> Iterator[Place]:
    yield Place("async", is_apart=False)


@contextmanager
def _executor_of_processes() -> Iterator[Place]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        yield Place(ExecutorEngine(executor), ends_calls=False, keeps_checkpoints=False, replaces=False, homes=2)


@contextmanager
def _executor_of_threads() -> Iterator[Place]:
    with ThreadPoolExecutor(2) as executor:
        yield Place(ExecutorEngine(executor), ends_calls=False, is_apart=False)


@contextmanager
def _dask() -> Iterator[Place]:
    from tests.support.clusters import dask_cluster

    with dask_cluster() as client:
        yield Place(DaskEngine(client))


@contextmanager
def _ray() -> Iterator[Place]:
    from tests.support.clusters import ray_cluster

    with ray_cluster():
        yield Place(RayEngine())


PLACES = {
    "process": _processes,
    "thread": _threads,
    "async": _coroutines,
    "executor of processes": _executor_of_processes,
    "executor of threads": _executor_of_threads,
    "dask": _dask,
    "ray": _ray,
}
OF_CLUSTERS = {"dask", "ray"}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[pytest.mark.cluster] if name in OF_CLUSTERS else []) for name in PLACES],
)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Every engine there is; a further one has a line in `PLACES`."""
    with PLACES[request.param]() as found:
        yield found
