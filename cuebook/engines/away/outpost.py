"""The far end of a line: owns one worker process on the machine it is on, for a parent elsewhere. Knows no cluster.

The worker is the same process as on the parent's machine: whatever works there works here.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import tempfile

from cuebook.children.port import Loss
from cuebook.children.spawner import spawner
from cuebook.engines.away.inventory import cuebook_version, version_of
from cuebook.engines.away.landmark import sees
from cuebook.engines.away.line import Arrival, Cargo, Opened, Opening
from cuebook.engines.away.order import InOrder
from cuebook.engines.away.resettling import Resettling
from cuebook.engines.process.host import ProcessHost
from cuebook.runtime.tasks.threads import in_thread

__all__ = ["Outpost"]


class Outpost:
    """One worker process for a parent elsewhere. All of it in one event loop.

    Attributes:
        over: set once the worker was given back.
    """

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self._host: ProcessHost | None = None
        self._resettling: Resettling | None = None
        self._folder = ""
        self._frames: list[bytes] = []
        self._printed: list[tuple[str, bytes]] = []
        self._lost: Loss | None = None
        self._news = asyncio.Event()
        self._cargos: InOrder[Cargo] = InOrder()
        self._arrivals = 0

    async def open(self, opening: Opening) -> Opened:
        """Start the worker; where this is, and what there is.

        Raises:
            OSError: the system refuses.
        """
        is_near = sees(opening.landmark)
        if not is_near:
            self._folder = tempfile.mkdtemp(prefix="cuebook-outpost-")
            self._resettling = Resettling(self._folder)
        self._host = ProcessHost(cores=opening.cores, output=self._on_printed)
        await self._host.start(self)
        return Opened(
            platform.node(),
            os.getpid(),
            is_near,
            platform.python_version(),
            cuebook_version(),
            {name: version_of(name) for name in opening.packages},
        )

    async def give(self, cargo: Cargo) -> None:
        """Pass orders on to the worker, in the order in which they were sent."""
        for each in self._cargos.put(cargo.seq, cargo):
            self._pass_on(each)

    def _pass_on(self, cargo: Cargo) -> None:
        host, resettling = self._host, self._resettling
        if host is None or self._lost is not None:
            return
        frames = cargo.frames
        if resettling is not None:
            resettling.unpack(cargo)
            frames = [resettling.settled(frame) for frame in frames]
        for frame in cargo.urgent:
            host.send_urgent(frame)
        if frames:
            host.send(frames)
        if cargo.kill:
            host.kill("it was told to")

    async def take(self, wait_s: float) -> Arrival:
        """What there is to say, as soon as there is something; after `wait_s` seconds, what the worker is at.

        Several may wait at once: what is said goes to one of them.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not self._news.is_set():
                    await self._news.wait()
        if self._lost is None:
            self._news.clear()
        self._arrivals += 1
        return self._said()._replace(seq=self._arrivals)

    def _said(self) -> Arrival:
        host = self._host
        if host is not None and self._lost is None:
            host.drain_output()
        frames, self._frames = self._frames, []
        printed, self._printed = self._printed, []
        blobs = [] if self._resettling is None else self._resettling.results(frames)
        lost = self._lost
        if lost is not None:
            return Arrival(frames, printed, blobs, lost.index, lost.seconds, False, lost.reason)
        if host is None:
            return Arrival(frames, printed, blobs, -1, 0.0, False, "was given back")
        return Arrival(frames, printed, blobs, *host.running(), host.is_busy())

    async def close(self) -> None:
        """End the worker: it may tear down, for a moment."""
        host, self._host = self._host, None
        self._news.set()
        try:
            if host is not None and self._lost is None:
                await host.close()
            await in_thread(spawner().rest)  # what has started workers is not needed before the next one
        finally:
            self.over.set()
            if self._folder:
                shutil.rmtree(self._folder, ignore_errors=True)

    # -- what the worker says -------------------------------------------------------------------------------------

    def on_frames(self, frames: list[bytes]) -> None:
        """As `Listener`."""
        self._frames += frames
        self._news.set()

    def on_lost(self, loss: Loss) -> None:
        """As `Listener`."""
        self._lost = loss
        self._news.set()

    def _on_printed(self, printed: bytes, stream: str = "stdout", /) -> None:
        self._printed.append((stream, printed))
        self._news.set()
