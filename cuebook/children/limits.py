"""How much of the machine a worker may use: cores, and threads of numeric libraries. Pure but for reading files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from cuebook.children.cgroups import quota_of

__all__ = ["MEMORY_BYTES_MIN", "THREAD_VARIABLES", "cpus_allowed", "memory_bytes", "thread_limits"]

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)

MEMORY_BYTES_MIN = 128 * 2**20
"""Address space that a bare worker process takes."""
_UNITS = {
    "": 1,
    "B": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "KI": 2**10,
    "MI": 2**20,
    "GI": 2**30,
    "TI": 2**40,
}


def cpus_allowed() -> int:
    """How many CPUs this process may use: its affinity, and the quota of its control groups rounded up; at least 1."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:
        count = os.cpu_count() or 1
    return max(1, min(count, quota_of() or count))


def thread_limits(environment: Mapping[str, str], cores: int) -> dict[str, str]:
    """Environment variables that keep numeric libraries to `cores` threads; a smaller limit already set stays.

    >>> thread_limits({"OMP_NUM_THREADS": "1"}, 2)["OMP_NUM_THREADS"]
    '1'
    """
    limits = {}
    for name in THREAD_VARIABLES:
        given = environment.get(name, "")
        limits[name] = given if given.isdigit() and 0 < int(given) < cores else str(cores)
    return limits


def memory_bytes(limit: int | str | None) -> int | None:
    """Bytes of a limit such as 2_000_000_000, "2GB", "512 MiB"; None stays None.

    Raises:
        ValueError: no size, or not positive.

    >>> memory_bytes("2GB"), memory_bytes("1.5 GiB")
    (2000000000, 1610612736)
    """
    if limit is None:
        return None
    if isinstance(limit, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", limit.upper())
        if match is None or match[2] not in _UNITS:
            raise ValueError(f'memory_limit={limit!r} is no size: write bytes as an int, or "2GB", "512MiB"')
        limit = int(float(match[1]) * _UNITS[match[2]])
    if isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0:
        raise ValueError(f'memory_limit={limit!r} must be a positive number of bytes, or "2GB", "512MiB"')
    return limit
