"""A client of Dask's as cuebook uses it: its outposts, their addresses, and the way to them. Knows no run."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from distributed import Client
from distributed.protocol import to_serialize

from cuebook.engines.away.inventory import Inventory
from cuebook.engines.away.line import LineLost
from cuebook.engines.dask.station import GONE, HANDLER, MISSING, serve_outpost, topic_of
from cuebook.errors import ClusterGone

__all__ = ["DaskSession"]

CONNECT_S = 3.0
"""A worker that cannot be reached from here within so long is spoken to through the scheduler."""
RECONNECT_S = 10.0
"""A scheduler that was lost may come back within so long."""
ASK_S = 5.0
HELD_MAX = 64
"""Large buffers that Dask's workers hold, the newest."""

Place = tuple[str, int]
"""Of an outpost: the address of its worker, and its number."""


class DaskSession:
    """One client, for all runs that use it.

    Args:
        client: a running one; it stays its owner's.

    Attributes:
        placed: outposts that have a place now.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.placed = 0
        self.inventory = Inventory()
        self._token = os.urandom(8).hex()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Callable[[str], None]] = {}
        self._is_direct: dict[str, bool] = {}
        self._held: OrderedDict[bytes, tuple[str, Any, Any]] = OrderedDict()
        self.address = str(getattr(getattr(client, "scheduler", None), "address", "") or "its address")
        client.subscribe_topic(topic_of(self._token), self._announced)

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler answers, as far as is known."""
        return bool(self.client.status == "running")

    def gone(self) -> ClusterGone:
        """What is to be said where it does not."""
        return ClusterGone(
            f"the Dask scheduler at {self.address} is gone. What was committed is kept: the same program goes on from "
            'there, with another cluster or with where="process"'
        )

    async def check(self) -> None:
        """Raises ClusterGone where the scheduler is gone, and does not come back within some seconds."""
        deadline = time.monotonic() + RECONNECT_S
        while not self.is_alive:
            if self.client.status not in ("connecting", "newly-created") or time.monotonic() > deadline:
                raise self.gone()
            await asyncio.sleep(0.1)

    async def slots(self) -> int:
        """Threads of all workers that are there now."""
        found: dict[str, int] = await self.on_its_loop(self._ask_threads())
        return sum(found.values())

    async def _ask_threads(self) -> Any:
        return await asyncio.wait_for(self.client.scheduler.ncores(), ASK_S)

    def submit(self, resources: Mapping[str, float], announced: Callable[[str], None]) -> tuple[int, Any]:
        """Ask for a place. Its number and its future; `announced` is called, on any thread, with its address."""
        number = next(self._numbers)
        self._waiting[number] = announced
        future = self.client.submit(
            serve_outpost,
            self._token,
            number,
            key=f"cuebook-worker-{self._token}-{number}",
            resources=dict(resources) or None,
            pure=False,
            retries=0,
        )
        return number, future

    def withdraw(self, number: int, future: Any) -> None:
        """Give a place back, or the wish for one."""
        self._waiting.pop(number, None)
        future.release()

    def _announced(self, event: Any) -> None:
        _, told = event
        announced = self._waiting.pop(told["number"], None)
        if announced is not None:
            announced(told["address"])

    # -- the way to an outpost ------------------------------------------------------------------------------------

    async def hold(self, name: bytes, content: bytes) -> Any:
        """Have Dask's workers hold a large buffer, once for all: its name, its key and where it is."""
        known = self._held.get(name)
        if known is None:
            known = self._held[name] = await self.on_its_loop(self._scattered(f"cuebook-{name.hex()}", content))
            while len(self._held) > HELD_MAX:
                self._held.popitem(last=False)
        key, places, _ = known
        return name, key, places

    def forget(self, names: Iterable[bytes]) -> None:
        """Those that held them are gone."""
        for name in names:
            self._held.pop(name, None)

    async def _scattered(self, key: str, content: bytes) -> tuple[str, Any, Any]:
        found = await self.client.scatter({key: content}, hash=False, asynchronous=True)
        where = await self.client.scheduler.who_has(keys=[key])
        return key, list(where[key]), found

    async def ask(self, place: Place, word: str, data: Any, held: Any = None) -> Any:
        """What an outpost answers; MISSING where it could not have what others hold.

        Raises:
            LineLost: it is gone, or its worker is. ClusterGone: all of it is.
        """
        address = place[0]
        try:
            answer = await self.on_its_loop(self._asked(place, word, data, held))
        except (OSError, TimeoutError, RuntimeError, ValueError) as error:
            await asyncio.sleep(0)
            if not self.is_alive:
                await self.check()
            raise LineLost(f"the Dask worker {address} is gone ({error})") from error
        if isinstance(answer, str) and answer != MISSING:
            raise LineLost(f"the Dask worker {address} has given up its place" if answer == GONE else answer)
        return answer

    async def on_its_loop(self, coroutine: Any) -> Any:
        """What a coroutine of the client's gives, which runs on the client's loop."""
        loop = self.client.loop.asyncio_loop
        if loop is asyncio.get_running_loop():
            return await coroutine
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))

    async def _asked(self, place: Place, word: str, data: Any, held: Any) -> Any:
        """On the client's loop."""
        address, number = place
        message = {"token": self._token, "number": number, "word": word, "data": to_serialize(data)}
        if held:
            message["held"] = to_serialize(held)
        if await self._reaches(address):
            return await getattr(self.client.rpc(address), HANDLER)(**message)
        answers = await self.client.scheduler.broadcast(msg={"op": HANDLER, **message}, workers=[address])
        answer = answers[address]
        return answer.data if hasattr(answer, "header") else answer

    async def _reaches(self, address: str) -> bool:
        """Whether workers can be spoken to without the scheduler: found out once an address."""
        known = self._is_direct.get(address)
        if known is None:
            try:
                comm = await asyncio.wait_for(self.client.rpc.connect(address), CONNECT_S)
                self.client.rpc.reuse(address, comm)
                known = True
            except (OSError, TimeoutError):
                known = False
            self._is_direct[address] = known
        return known
