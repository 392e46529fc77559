"""What has to stand beside a figure: the machine, the disk, the versions, how busy others kept it. Knows no subject."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("cuebook", "msgpack", "aiosqlite", "anyio")
FSYNCS = 20


def disk_folder() -> Path:
    """Where journals of benchmarks lie: the disk that holds this checkout, not a file system in memory."""
    return Path(os.environ.get("BENCH_DIR", str(Path.cwd())))


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def load_average() -> float:
    """Programs that wanted a processor in the last minute, this one among them; 0.0 where that is not known."""
    with suppress(AttributeError, OSError):
        return round(os.getloadavg()[0], 2)
    return 0.0


def surroundings() -> dict[str, Any]:
    """All of it, as it is now. Takes some milliseconds for the disk."""
    return {
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: found for name in PACKAGES if (found := _version(name)) is not None},
        "fsync_us": round(fsync_us()),
        "load": load_average(),
    }


def described(found: dict[str, Any]) -> str:
    """The same in a line."""
    after = found.get("load_after")
    load = f"{found['load']}" if after is None else f"{found['load']} before, {after} after"
    return (
        f"{found['processor']}, {found['cpus']} CPUs, {found['system']}, Python {found['python']}, SQLite "
        f"{found['sqlite']}, cuebook {found['packages'].get('cuebook', '?')}; an fsync takes {found['fsync_us']} us; "
        f"load {load}"
    )


def fsync_us() -> float:
    """Microseconds of an fsync of a few bytes, the median of twenty."""
    taken = []
    with tempfile.TemporaryFile(dir=disk_folder()) as file:
        for _ in range(FSYNCS):
            file.write(b"0123456789")
            file.flush()
            begin = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e6


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
