"""Where calls run: processes, threads, coroutines; executors and clusters that somebody else has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.engines.dask.engine import DaskEngine
    from cuebook.engines.executor.engine import ExecutorEngine
    from cuebook.engines.ray.engine import RayEngine

__all__ = ["DaskEngine", "ExecutorEngine", "RayEngine"]

_PLACES = {
    "DaskEngine": "cuebook.engines.dask.engine",
    "ExecutorEngine": "cuebook.engines.executor.engine",
    "RayEngine": "cuebook.engines.ray.engine",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
