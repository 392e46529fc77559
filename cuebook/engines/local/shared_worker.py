"""The one Worker that all coroutines of a run share (`where="async"`): who sets it up, and when it is torn down.

Knows no host.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import Any

from cuebook.engines.calls.current import CurrentCall, enter_context_call
from cuebook.engines.calls.worker_life import WorkerLife
from cuebook.wording import printable

__all__ = ["ABANDON_S", "SharedWorker"]

ABANDON_S = 5.0
"""How long a call, or the teardown of a worker, may take to end before it is left to itself, in seconds."""
TRIES_MAX = 3


class SharedWorker:
    """One instance for a run, in a task of its own that no call and no caller can cancel.

    Args:
        worker_class, initializer: the user's; None where there is none.
        call: what `current_call()` gives while the instance is set up and torn down.
    """

    def __init__(self, worker_class: type | None, initializer: Callable[[], Any] | None, call: CurrentCall) -> None:
        self._worker_class = worker_class
        self._initializer = initializer
        self._call = call
        self._life: WorkerLife | None = None
        self._task: asyncio.Task[None] | None = None
        self._tries = 0
        self._users = 0
        self._unused = asyncio.Event()
        self._lock = asyncio.Lock()

    async def enter(self) -> Any:
        """The instance, set up by the first who asks; None where there is only an initializer.

        Raises:
            whatever `setup` raises: each of the first three who ask tries it, later ones hear of the last failure.
        """
        async with self._lock:
            life = self._life
            if life is None or (life.has_failed and self._tries < TRIES_MAX):
                self._tries += 1
                self._life = life = WorkerLife(self._worker_class, self._initializer, asyncio.get_running_loop())
                self._task = asyncio.create_task(self._live(life), name="cuebook-worker-life")
            await asyncio.shield(life.begun)
        return life.instance

    @property
    def context(self) -> Context:
        """The context variables as `setup` has left them."""
        return Context() if self._life is None else self._life.context

    async def _live(self, life: WorkerLife) -> None:
        enter_context_call(self._call)
        await life.live()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """A call runs: until it is over nothing is torn down."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def end(self) -> None:
        """Tear down when the last call is over; each is waited for, but not for ever."""
        task = self._task
        if task is None or self._life is None:
            return
        if self._users:
            self._unused.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(ABANDON_S):
                    await self._unused.wait()
        self._life.end()
        _, left = await asyncio.wait([task], timeout=ABANDON_S)
        if left:
            task.cancel()
            name = printable(getattr(self._worker_class, "__qualname__", "the initializer"))
            with suppress(Exception):
                sys.stderr.write(f"cuebook: {name} did not end within {ABANDON_S:g} s; it was left to itself\n")
