"""A worker that is a thread of an executor's, in this process. Knows no scheduling."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from cuebook.engines.executor.pool import ExecutorPool
from cuebook.engines.local.thread import ThreadHost
from cuebook.errors import ClusterGone

__all__ = ["ExecutorThreadHost"]


class ExecutorThreadHost(ThreadHost):
    """As `ThreadHost`, in a thread that is lent: it is held until the run is over.

    Args:
        pool: has the executor.
    """

    def __init__(self, pool: ExecutorPool) -> None:
        super().__init__()
        self._pool = pool
        self._future: Future[Any] | None = None

    def begin(self, live: Callable[[], Any]) -> None:
        """As `ThreadHost.begin`; raises ClusterGone where the executor takes nothing any more."""
        try:
            self._future = self._pool.executor().submit(live)
        except Exception as error:
            raise ClusterGone(f"the executor runs no more jobs ({error}). {self._pool.advice}") from error

    async def close(self) -> None:
        """As `ThreadHost.close`; a place that it never got is given back."""
        if self._future is not None and self._future.cancel():
            self._is_abandoned = True
        await super().close()
