"""A disk for simulations: slow in virtual time, with writes that fail, and watched. Knows no actor."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from cuebook.persistence.records.row import Row, Tail
from cuebook.persistence.stores.port import Reading
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

    def reading(self) -> AbstractContextManager[Reading]:
        """As `Store.reading`."""
        return self.inner.reading()

    def verdict(self) -> Verdict:
        """As `Store.verdict`."""
        return self.inner.verdict()

    async def close(self) -> None:
        """As `Store.close`."""
        await self.inner.close()
