"""Threads of numeric libraries: counted and limited by threadpoolctl, and nothing where it is missing."""

from __future__ import annotations

import contextlib
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from cuebook.children.limits import THREAD_VARIABLES
from cuebook.tuning.threads import limited, pool_threads, set_by_environment


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A threadpoolctl with two pools, and what it was asked to limit them to."""
    asked: list[int] = []

    def threadpool_limits(limits: int) -> Any:
        asked.append(limits)
        return contextlib.nullcontext()

    pools = [{"num_threads": 2}, {"num_threads": 8}]
    fake = SimpleNamespace(threadpool_info=lambda: pools, threadpool_limits=threadpool_limits)
    monkeypatch.setitem(sys.modules, "threadpoolctl", fake)
    monkeypatch.setitem(sys.modules, "numpy", SimpleNamespace())
    return asked


def test_the_largest_pool_counts_and_pools_are_limited_while_it_is_wanted(limits: list[int]) -> None:
    assert pool_threads() == 8
    with limited(2):
        assert limits == [2]


def test_without_threadpoolctl_the_environment_is_asked_and_nothing_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setitem(sys.modules, "numpy", SimpleNamespace())

    for name in THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert pool_threads() is None
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert pool_threads() == 3
    with limited(2):
        pass


def test_limits_of_the_environment_are_read() -> None:
    assert set_by_environment({"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "many", "HOME": "/"}) == {
        "OMP_NUM_THREADS": 3
    }
