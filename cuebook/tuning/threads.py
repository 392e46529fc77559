"""Threads of numeric libraries (BLAS, OpenMP) in this process: counted, and limited for a while.

By threadpoolctl where it is installed (`pip install cuebook[tune]`). Knows no setting and no run.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from typing import Any

from cuebook.children.limits import THREAD_VARIABLES

__all__ = ["limited", "pool_threads", "set_by_environment"]

NUMERIC = ("numpy", "scipy", "torch", "sklearn", "polars")


def pool_threads() -> int | None:
    """The threads of the largest pool, 1 where no numeric library is loaded; without threadpoolctl what the environment
    allows, None where it says nothing.
    """
    if not any(name in sys.modules for name in NUMERIC):
        return 1
    controller = _threadpoolctl()
    if controller is None:
        return max(set_by_environment(os.environ).values(), default=None)
    return max((pool["num_threads"] for pool in controller.threadpool_info()), default=1)


def set_by_environment(environment: Mapping[str, str]) -> dict[str, int]:
    """The limits of threads that the environment sets, by variable."""
    return {name: int(environment[name]) for name in THREAD_VARIABLES if environment.get(name, "").isdigit()}


def limited(threads: int) -> contextlib.AbstractContextManager[Any]:
    """Within, pools of numeric libraries in this process have so many threads; nothing without threadpoolctl."""
    controller = _threadpoolctl()
    return contextlib.nullcontext() if controller is None else controller.threadpool_limits(limits=threads)


def _threadpoolctl() -> Any:
    try:
        import threadpoolctl
    except ImportError:
        return None
    return threadpoolctl
