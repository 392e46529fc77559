"""The line to an outpost in a worker of Dask's. Knows no run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from cuebook.engines.away.line import Arrival, Cargo, LineLost, Opened, Opening
from cuebook.engines.dask.session import DaskSession
from cuebook.engines.dask.station import MISSING
from cuebook.errors import ClusterGone

__all__ = ["DaskLine"]

END_S = 3.0
BY_CLUSTER_BYTES = 1 << 16
"""Larger buffers go to Dask's workers once, and from one to the other."""


class DaskLine:
    """As `Line`, over one client.

    Args:
        session: of the client.
        resources: what the place must have, in Dask's own words.
        wait_s: how long to wait for the first place of all; None: for ever.
    """

    def __init__(self, session: DaskSession, resources: Mapping[str, float], wait_s: float | None) -> None:
        self.where = ""
        self._session = session
        self._resources = resources
        self._wait_s = wait_s
        self._number = 0
        self._future: Any = None
        self._placed: asyncio.Future[str] | None = None
        self._ended = asyncio.Event()
        self._is_counted = False

    async def place(self) -> None:
        await self._session.check()
        loop = asyncio.get_running_loop()
        self._placed = placed = loop.create_future()
        told = partial(_from_any_thread, loop, placed)
        self._number, self._future = self._session.submit(self._resources, told)
        self._future.add_done_callback(partial(_over, told, partial(_from_any_thread, loop, self._ended)))

    async def open(self, opening: Opening) -> Opened:
        self.where = await self._place()
        self._session.placed += 1
        self._is_counted = True
        return Opened(*await self._ask("open", tuple(opening)))

    async def _place(self) -> str:
        assert self._placed is not None
        while True:
            done, _ = await asyncio.wait({self._placed}, timeout=self._wait_s)
            if done:
                return self._placed.result()
            if not self._session.placed:
                wanted = f" with the resources {dict(self._resources)}" if self._resources else ""
                raise ClusterGone(
                    f"no worker{wanted} has come to the Dask cluster at {self._session.address} within "
                    f"{self._wait_s:g} s. What was committed is kept; the same program goes on from there"
                )

    async def give(self, cargo: Cargo) -> None:
        large = [item for item in cargo.luggage if len(item[1]) > BY_CLUSTER_BYTES]
        if large:
            small = [item for item in cargo.luggage if len(item[1]) <= BY_CLUSTER_BYTES]
            held = [await self._session.hold(name, content) for name, content in large]
            if await self._ask("give", tuple(cargo._replace(luggage=small)), held) != MISSING:
                return
            self._session.forget(name for name, _ in large)
        await self._ask("give", tuple(cargo))

    async def take(self, wait_s: float) -> Arrival:
        return Arrival(*await self._ask("take", wait_s))

    async def end(self) -> None:
        if self._future is None:
            return
        if self._is_counted:
            self._is_counted = False
            self._session.placed -= 1
        if self.where and self._session.is_alive:
            with contextlib.suppress(LineLost, ClusterGone, TimeoutError):
                async with asyncio.timeout(END_S):
                    await self._ask("end", None)
                    await self._ended.wait()  # a task that is withdrawn while it runs is a warning of Dask's
        with contextlib.suppress(Exception):  # the client may be closed
            self._session.withdraw(self._number, self._future)

    async def _ask(self, word: str, data: Any, held: Any = None) -> Any:
        return await self._session.ask((self.where, self._number), word, data, held)


def _over(told: Any, ended: Any, future: Any) -> None:
    """The task has ended before it had a place, or after that: in the second case nobody hears of this any more."""
    if future.status == "error":
        error = future.exception()
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, ImportError):
            told(ClusterGone(f"the workers of the Dask cluster cannot import cuebook ({text}): install it there"))
        else:
            told(LineLost(f"its place was lost: {text}"))
    else:
        told(LineLost("its place was lost"))
    ended(None)


def _from_any_thread(loop: asyncio.AbstractEventLoop, target: asyncio.Future[str] | asyncio.Event, found: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
        loop.call_soon_threadsafe(_settle, target, found)


def _settle(future: asyncio.Future[str] | asyncio.Event, found: Any) -> None:
    if isinstance(future, asyncio.Event):
        future.set()
    elif future.done():
        return
    elif isinstance(found, Exception):
        future.set_exception(found)
        future.exception()  # it may be that nobody asks for it any more
    else:
        future.set_result(found)
