"""thread-chunks' way with Ray, on a Ray that runs: its actors are used as they are, and results are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cuebook.compat import thread_chunks
from cuebook.compat.thread_chunks import Checkpoint, Chunker, LabelledActor, chunk
from tests.support.clusters import ray_cluster

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def ray_here() -> Iterator[Any]:
    with ray_cluster():
        import ray

        yield ray


def test_actors_of_ray_with_resources_make_the_calls_and_stay(ray_here: Any, tmp_path: Path) -> None:
    def f(x: int, y: int) -> tuple[int, int]:
        return x + y, os.getpid()

    actors = [thread_chunks.RemoteLabelledActor.options(num_cpus=0.5).remote(f) for _ in range(2)]
    path = tmp_path / "checkpoint.pkl"
    chunker = Chunker(actors=actors, chunk_size=2, progress_bar=False, persistent=True, path=path)
    output = chunker([[1, 4], [2, 5], [3, 6]])
    assert [value for value, _ in output] == [5, 7, 9]
    homes = {home for _, home in output}
    assert os.getpid() not in homes
    assert chunker([[1, 4], [2, 5], [3, 6]]) == output  # taken over
    again = chunker([[2, 4], [3, 5]], path=tmp_path / "other.pkl")
    assert [value for value, _ in again] == [6, 8]
    assert {home for _, home in again} <= set(ray_here.get([each.__ray_call__.remote(home_of) for each in actors]))
    assert [value for value, _ in Checkpoint.load(path).output] == [5, 7, 9]


def home_of(actor: Any) -> int:
    return os.getpid()


def test_an_actor_class_of_ones_own_has_its_state_and_its_resources(ray_here: Any, tmp_path: Path) -> None:
    @ray_here.remote(num_cpus=0.5)
    class Counting(LabelledActor):
        def __init__(self, func: Any) -> None:
            super().__init__(func)
            self.calls = 0

        def run(self, label: Any, *args: Any) -> tuple[Any, Any]:
            self.calls += 1
            return label, (self._func(*args), self.calls)

    def double(x: int) -> int:
        return 2 * x

    actors = [Counting.remote(double)]
    output = chunk(None, [[n] for n in range(4)], actors, 1, False, tmp_path / "a.pkl")
    assert output == [(0, 1), (2, 2), (4, 3), (6, 4)]


def test_an_exception_of_an_actor_leaves_what_is_done(ray_here: Any, tmp_path: Path) -> None:
    def f(x: int) -> int:
        return 6 // x

    actors = [thread_chunks.RemoteLabelledActor.options(num_cpus=0.5).remote(f)]
    with pytest.raises(ZeroDivisionError):
        chunk(None, [[1], [2], [0]], actors, 1, False, tmp_path / "a.pkl")
    assert Checkpoint.load(tmp_path / "a.pkl").output == [6, 3, None]
