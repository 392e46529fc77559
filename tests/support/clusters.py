"""Small clusters in processes of their own, for tests marked `cluster`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.support.programs import wait_until


@contextmanager
def dask_cluster(workers: int = 2, **options: Any) -> Iterator[Any]:
    """A client of a local cluster, one thread a worker, each with its nanny."""
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", **options}
    with LocalCluster(n_workers=workers, **options) as cluster, Client(cluster, set_as_default=False) as client:
        yield client


@contextmanager
def ray_cluster(cpus: int = 2) -> Iterator[None]:
    """A local Ray of one node, small."""
    import ray

    ray.init(
        address="local",
        num_cpus=cpus,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        log_to_driver=False,
        logging_level="error",
        configure_logging=False,
    )
    try:
        yield
    finally:
        ray.shutdown()


class DaskProcesses:
    """A scheduler and workers of Dask's as processes of their own, which a test can kill.

    Args:
        folder: for what they write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "scheduler.json"
        command = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", self._file]
        self.scheduler = self._start("scheduler", *command)
        wait_until(lambda: self._file.exists() and self._file.read_text().strip().endswith("}"), "the scheduler")
        self.address: str = json.loads(self._file.read_text())["address"]
        self.workers: list[subprocess.Popen[bytes]] = []

    def add_workers(self, count: int = 2, **env: str) -> None:
        """Workers of one thread each, with their nannies."""
        options = ["--nworkers", str(count), "--nthreads", "1", "--no-dashboard", "--death-timeout", "20"]
        number = len(self.workers)
        command = ["worker", self.address, *options, "--local-directory", str(self._folder / f"dask-{number}")]
        self.workers.append(self._start(f"workers-{number}", *command, env=env))

    def _start(self, name: str, *command: Any, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *map(str, command)],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in [*self.workers, self.scheduler]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
