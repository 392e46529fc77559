"""`ExecutorEngine`: any executor of `concurrent.futures`' kind as a place where calls run. Knows no run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor

from cuebook.children.limits import cpus_allowed
from cuebook.children.port import Output
from cuebook.engines.executor.pool import ExecutorPool
from cuebook.engines.port import Host

__all__ = ["ExecutorEngine"]

_REFUSED = {
    "timeout": "a job of an executor cannot be ended once it runs",
    "memory_limit": "its processes are the executor's own",
    "recycle_after": "its processes are the executor's own; ProcessPoolExecutor has max_tasks_per_child=",
}


class ExecutorEngine:
    """Calls in an executor: `where=ExecutorEngine(ProcessPoolExecutor(4))`, or one of loky, executorlib, submitit ...

    Each message of calls is one job: `executor.submit(function, calls)`. The executor stays its owner's, who shuts it
    down. In an executor of processes no call can be ended, so that `timeout`, `memory_limit` and `recycle_after` are
    refused by name, and `make_checkpoint` inside a call raises; a Worker's `teardown` runs when other functions take
    its place in the process. One whose jobs are threads of this process is as `where="thread"`.

    Args:
        executor: the executor, or a function that gives one, which is called again when one was broken (a process of
            it was killed): `ExecutorEngine(loky.get_reusable_executor)`.
        workers: jobs that are there at once; None: as many as it says that it has.
        shares_memory: whether its jobs run in this process; None: those of a ThreadPoolExecutor do.
    """

    name = "executor"
    needs_coroutines = False
    can_end_calls = False

    def __init__(
        self,
        executor: Executor | Callable[[], Executor],
        *,
        workers: int | None = None,
        shares_memory: bool | None = None,
    ) -> None:
        self._pool = ExecutorPool(executor)
        self._workers = workers
        is_shared = isinstance(self._pool.executor(), ThreadPoolExecutor) if shares_memory is None else shares_memory
        self.shares_memory = is_shared
        self.refuses: Mapping[str, str] = {} if is_shared else _REFUSED

    def __repr__(self) -> str:
        return f"ExecutorEngine({self._pool!r})"

    def connect(self) -> None:
        """As `AwayEngine`: an executor that takes no jobs says so when the first one comes."""
        self._pool.executor()

    def default_chunk_size(self) -> int:
        """As many as the executor says that it has; else the CPUs of this machine."""
        return self._workers or self._pool.size or cpus_allowed()

    def make_host(self, *, cores: int, output: Output) -> Host:
        """As `Engine`."""
        if self.shares_memory:
            from cuebook.engines.executor.thread import ExecutorThreadHost

            return ExecutorThreadHost(self._pool)
        from cuebook.engines.executor.host import ExecutorHost

        return ExecutorHost(self._pool, output)
