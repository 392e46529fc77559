"""A Runtime whose journal is in memory, fails on demand and survives crashes that never happen on a disk."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from cuebook.actors.application import Application
from cuebook.api.runtime import Runtime
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.stores.port import Store
from cuebook.runtime.system import ActorSystem
from cuebook.testing.faults import JournalFaults
from cuebook.testing.memory_medium import MemoryMedium
from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.virtual_time import VirtualClock, VirtualTimeLoop

__all__ = ["MEMORY_PATH", "MemoryApplication", "MemoryRuntime"]

MEMORY_PATH = "memory.cue"
"""The path of a journal that is in memory: no file of this name is made."""


class MemoryApplication(Application):
    """The real composition, with a store of a test's own in place of the file.

    Args:
        store: of the one journal. disk: what the journal sees of it; None: the store itself.
        draw: as in ActorSystem.
    """

    def __init__(
        self,
        store: MemoryStore,
        *,
        disk: Store | None = None,
        is_virtual: bool = True,
        draw: Callable[[], float] = random.random,
        keeps_warm: bool = False,
    ) -> None:
        super().__init__(keeps_warm=keeps_warm)
        self._store, self._disk = store, disk
        self.system = ActorSystem(self.system.name, VirtualClock() if is_virtual else None, draw=draw)

    async def open_file(self, path: str) -> JournalWriter:
        """Whatever the path, the one store."""
        return await JournalWriter.open(MemoryMedium(self._store, path, disk=self._disk))


class MemoryRuntime(Runtime):
    """A Runtime for tests: its journal is in memory, and fails as it is told to.

    Args:
        store: what an earlier one left; None: an empty journal.
        faults: what goes wrong with a new, empty journal.
        is_virtual: whether it runs in a VirtualTimeLoop; None: as the loop is that runs now.
        disk: gives what the journal sees of the store; by default the store itself.
        draw: as in ActorSystem.
        options: of the Runtime.

    Attributes:
        store: where the journal is.
    """

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        faults: JournalFaults | None = None,
        is_virtual: bool | None = None,
        disk: Callable[[MemoryStore], Store] = lambda store: store,
        draw: Callable[[], float] = random.random,
        **options: Any,
    ) -> None:
        self._disk = disk
        self._draw = draw
        self.store = MemoryStore(faults) if store is None else store
        self._is_virtual = _runs_virtually() if is_virtual is None else is_virtual
        super().__init__(MEMORY_PATH, **options)

    def _application(self, blocking_s: float | None) -> Application:
        disk = self._disk(self.store)
        return MemoryApplication(self.store, disk=disk, is_virtual=self._is_virtual, draw=self._draw, keeps_warm=True)

    def after_crash(self) -> MemoryRuntime:
        """What the next process finds if the power goes now: a Runtime over what the disk would hold, without faults.
        This one goes on, and the other does not see it.
        """
        return MemoryRuntime(self.store.crash_image(), is_virtual=self._is_virtual)


def _runs_virtually() -> bool:
    try:
        return isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    except RuntimeError:  # no loop runs yet
        return False
