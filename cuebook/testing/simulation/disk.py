"""A disk for simulations: slow in virtual time, with writes that fail, and watched. Knows no actor."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterator, Sequence

from cuebook.persistence.records.row import Row, Tail
from cuebook.persistence.trust.verdicts import Verdict
from cuebook.testing.memory_store import MemoryStore

__all__ = ["SimDisk"]


class SimDisk:
    """A `Store` over a MemoryStore: each insert takes its time before and after the moment from which it is kept.

    Args:
        inner: what keeps, and fails when it is told to.
        chance: draws how long each insert takes.
        on_kept: called with the rows and states at the moment from which they are kept.
    """

    def __init__(
        self,
        inner: MemoryStore,
        chance: random.Random,
        on_kept: Callable[[Sequence[Row], Sequence[tuple[int, bytes]]], None],
    ) -> None:
        self.inner = inner
        self._chance = chance
        self._on_kept = on_kept

    async def open(self) -> Tail:
        """As `Store.open`."""
        await asyncio.sleep(0.002 * self._chance.random())
        return await self.inner.open()

    async def insert(
        self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = (), drop_states: Sequence[int] = ()
    ) -> None:
        """As `Store.insert`."""
        slowness = self._chance.choice([0.0005, 0.003, 0.03])
        await asyncio.sleep(slowness * self._chance.random())
        try:
            await self.inner.insert(rows, states, drop_states)
        finally:
            if self.inner.row(rows[-1][0]) is not None:
                self._on_kept(rows, states)
        await asyncio.sleep(slowness * self._chance.random())

    def scan(
        self,
        after: int = 0,
        *,
        kinds: Collection[int] | None = None,
        runs: Collection[int] | None = None,
        bodies: bool = True,
    ) -> Iterator[Row]:
        """As `Store.scan`."""
        return self.inner.scan(after, kinds=kinds, runs=runs, bodies=bodies)

    def row(self, seq: int) -> Row | None:
        """As `Store.row`."""
        return self.inner.row(seq)

    def select(
        self, kind: int, run: int | None, *, after: int = 0, limit: int = 1024, newest: bool = False
    ) -> list[Row]:
        """As `Store.select`."""
        return self.inner.select(kind, run, after=after, limit=limit, newest=newest)

    def state(self, seq: int) -> bytes | None:
        """As `Store.state`."""
        return self.inner.state(seq)

    def states(self) -> list[int]:
        """As `Store.states`."""
        return self.inner.states()

    def verdict(self) -> Verdict:
        """As `Store.verdict`."""
        return self.inner.verdict()

    async def close(self) -> None:
        """As `Store.close`."""
        await self.inner.close()
