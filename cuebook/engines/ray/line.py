"""The line to an outpost in an actor of Ray's. Knows no run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from cuebook.engines.away.line import Arrival, Cargo, LineLost, Opened, Opening
from cuebook.engines.ray.session import RaySession
from cuebook.errors import ClusterGone

__all__ = ["RayLine"]

END_S = 3.0
BY_STORE_BYTES = 1 << 16


class RayLine:
    """As `Line`, by the methods of one actor.

    Args:
        session: of this process's connection.
        options: what the actor needs, in Ray's own words.
        wait_s: how long to wait for the first place of all; None: for ever.
    """

    def __init__(self, session: RaySession, options: Mapping[str, Any], wait_s: float | None) -> None:
        self.where = ""
        self._session = session
        self._options = options
        self._wait_s = wait_s
        self._actor: Any = None
        self._is_counted = False

    async def place(self) -> None:
        self._session.check()
        self._actor = self._session.place(self._options)

    async def open(self, opening: Opening) -> Opened:
        answering = asyncio.ensure_future(self._session.answer(self._actor.open.remote(*opening)))
        try:
            while not (await asyncio.wait({answering}, timeout=self._wait_s))[0]:
                if not self._session.placed:
                    raise ClusterGone(
                        f"Ray has found no place with {dict(self._options)} within {self._wait_s:g} s. What was "
                        "committed is kept; the same program goes on from there"
                    )
            opened = Opened(*answering.result())
        finally:
            answering.cancel()
        self._session.placed += 1
        self._is_counted = True
        self.where = f"the Ray actor on {opened.host}"
        return opened

    async def give(self, cargo: Cargo) -> None:
        large = [item for item in cargo.luggage if len(item[1]) > BY_STORE_BYTES]
        if large:
            cargo = cargo._replace(luggage=[item for item in cargo.luggage if len(item[1]) <= BY_STORE_BYTES])
        references = [self._session.publish(name, content) for name, content in large]
        names = [name for name, _ in large]
        await self._session.answer(self._actor.give.remote(tuple(cargo), names, *references))

    async def take(self, wait_s: float) -> Arrival:
        return Arrival(*await self._session.answer(self._actor.take.remote(wait_s)))

    async def end(self) -> None:
        if self._actor is None:
            return
        if self._is_counted:
            self._is_counted = False
            self._session.placed -= 1
            with contextlib.suppress(LineLost, ClusterGone, TimeoutError):
                async with asyncio.timeout(END_S):
                    await self._session.answer(self._actor.end.remote())
        with contextlib.suppress(Exception):  # the connection may be closed
            self._session.withdraw(self._actor)
