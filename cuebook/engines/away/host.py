"""A worker that is elsewhere: its host sends orders along its line, and asks for what it says. Knows no cluster."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from cuebook.children.port import Listener, Loss, Output
from cuebook.engines.away.inventory import Inventory
from cuebook.engines.away.landmark import landmark
from cuebook.engines.away.line import Arrival, Cargo, Line, LineLost, Opening
from cuebook.engines.away.luggage import Luggage
from cuebook.engines.away.order import InOrder
from cuebook.engines.calls.protocol import Quit
from cuebook.engines.port import LocalWork
from cuebook.errors import ClusterGone
from cuebook.runtime.tasks.threads import in_thread
from cuebook.wire.message import encode

__all__ = ["AwayHost"]

BEAT_S = 5.0
"""A worker that has nothing to say is asked again after so long."""
SILENCE_BEATS = 6
"""A line that gives no answer for so many times longer is taken for lost. Counted in beats, so that a parent that was
stopped for a while takes nobody for dead."""
TAKES_MAX, GIVES_MAX = 2, 4
"""So many questions to a busy worker, and orders for it, are on their way at once: none waits for another's answer."""
END_S = 3.0
"""How long a worker that was killed may take to say its last words, and how long one that quits may tear down."""


class AwayHost:
    """One worker at the end of a line.

    Args:
        line: its own.
        output: takes what calls print.
        cores: cores that its numeric libraries may use.
        inventory: compares what is there with what is here.
    """

    shares_memory = False
    pid = None

    def __init__(self, line: Line, output: Output, inventory: Inventory, *, cores: int = 1) -> None:
        self._line = line
        self._output = output
        self._inventory = inventory
        self._opening = Opening(landmark(), cores, list(inventory.packages))
        self._listener: Listener | None = None
        self._frames: list[bytes] = []
        self._urgent: list[bytes] = []
        self._luggage: Luggage | None = None
        self._ordered = asyncio.Event()
        self._mark: tuple[int, float, float] = (-1, 0.0, 0.0)
        self._is_busy = False
        self._killed_because: str | None = None
        self._is_closing = False
        self._life: asyncio.Task[None] | None = None
        self._is_opened = False
        self._taking: set[asyncio.Task[Arrival]] = set()
        self._arrivals: InOrder[Arrival] = InOrder()

    def __repr__(self) -> str:
        return f"<AwayHost {self._line.where or 'not placed yet'}>"

    async def start(self, listener: Listener) -> None:
        await self._line.place()
        self._listener = listener
        self._life = asyncio.create_task(self._live(), name="cuebook-away")

    def prepare(self, run: int, work: LocalWork) -> None:
        """Nothing is shared."""

    def send(self, frames: list[bytes]) -> None:
        self._frames += frames
        self._is_busy = True
        self._ordered.set()

    def send_urgent(self, frame: bytes) -> None:
        self._urgent.append(frame)
        self._ordered.set()

    def running(self) -> tuple[int, float]:
        index, seconds, said = self._mark
        if index < 0:
            return -1, 0.0
        return index, seconds + min(time.monotonic() - said, 2 * BEAT_S)

    def is_busy(self) -> bool:
        return self._is_busy or bool(self._frames)

    def kill(self, reason: str) -> None:
        if self._killed_because is None:
            self._killed_because = reason
            self._ordered.set()
            if self._life is not None and not self._is_opened:
                self._life.cancel()  # it has no place yet

    async def close(self) -> None:
        self._is_closing = True
        if self._life is not None and not self._life.done():
            if self._is_opened:
                self.send([encode(Quit())])
                await asyncio.wait([self._life], timeout=END_S)
            self._life.cancel()
            await asyncio.wait([self._life], timeout=END_S)
        await self._line.end()

    def drain_output(self) -> None:
        """What has come is shown already."""

    # -- along the line -------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        loss = Loss(-1, 0.0, "ended")
        try:
            opened = await self._line.open(self._opening)
            self._inventory.compare(opened)
            self._is_opened = True
            self._luggage = None if opened.is_near else Luggage()
            loss = await self._exchange()
        except LineLost as error:
            loss = Loss(*self.running(), self._killed_because or str(error))
        except ClusterGone as error:
            loss = Loss(-1, 0.0, str(error), is_final=True)
        except asyncio.CancelledError:
            loss = Loss(-1, 0.0, self._killed_because or "its host was given up")
            if self._killed_because is None:
                raise
        except Exception as error:  # ours
            loss = Loss(*self.running(), f"its line failed with {error!r}")
        finally:
            if not self._is_closing:
                await asyncio.shield(self._line.end())
        if not self._is_closing and self._listener is not None:
            self._listener.on_lost(loss)

    async def _exchange(self) -> Loss:
        """Until the worker is gone; how it ended."""
        giving = asyncio.create_task(self._give_all(), name="cuebook-away-giving")
        try:
            while True:
                for arrival in await self._heard(giving):
                    await self._pass_on(arrival)
                    if arrival.lost is not None:
                        return Loss(arrival.at, arrival.seconds, self._killed_because or arrival.lost)
        finally:
            await _cancelled([giving, *self._taking])

    async def _heard(self, giving: asyncio.Task[None]) -> list[Arrival]:
        """What the worker says next, in order; a beat without an answer is none of its silence alone."""
        for _ in range(SILENCE_BEATS):
            while len(self._taking) < (TAKES_MAX if self._is_busy else 1):
                self._taking.add(asyncio.ensure_future(self._line.take(BEAT_S)))
            done, _ = await asyncio.wait(
                {*self._taking, giving}, timeout=2 * BEAT_S, return_when=asyncio.FIRST_COMPLETED
            )
            if giving in done:
                giving.result()  # raises what broke the line
            taken = [task.result() for task in self._taking if task in done]
            self._taking = {task for task in self._taking if task not in done}
            if taken:
                return [each for arrival in taken for each in self._arrivals.put(arrival.seq, arrival)]
        raise LineLost(f"{self._line.where} has not answered for {2 * BEAT_S * SILENCE_BEATS:.0f} s")

    async def _pass_on(self, arrival: Arrival) -> None:
        self._mark = (arrival.at, arrival.seconds, time.monotonic())
        self._is_busy = arrival.is_busy
        for stream, printed in arrival.printed:
            self._output(printed, stream)
        if arrival.blobs and self._luggage is not None:
            await in_thread(partial(self._luggage.keep, arrival.blobs))
        if arrival.frames and self._listener is not None and not self._is_closing:
            self._listener.on_frames(arrival.frames)

    async def _give_all(self) -> None:
        """Hand orders over as they come, together what came meanwhile; some are on their way at once."""
        given: set[asyncio.Task[None]] = set()
        try:
            for seq in itertools.count(1):
                await self._ordered.wait()
                self._ordered.clear()
                is_killed = self._killed_because is not None
                frames, self._frames = self._frames, []
                urgent, self._urgent = self._urgent, []
                cargo = self._cargo(frames, urgent)._replace(kill=is_killed, seq=seq)
                given.add(asyncio.ensure_future(self._line.give(cargo)))
                if is_killed:
                    await asyncio.sleep(END_S)
                    raise LineLost("it was killed")
                given = await _with_room(given)
        finally:
            await _cancelled(given)

    def _cargo(self, frames: list[bytes], urgent: list[bytes]) -> Cargo:
        if self._luggage is None:
            return Cargo(frames, urgent)
        self._luggage.heed(frames)
        return self._luggage.packed(frames, urgent)


async def _with_room(given: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Those that are still on their way, when there is room for another one; raises what broke the line."""
    if len(given) >= GIVES_MAX:
        await asyncio.wait(given, return_when=asyncio.FIRST_COMPLETED)
    for task in [task for task in given if task.done()]:
        task.result()
    return {task for task in given if not task.done()}


async def _cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End tasks, and hear of nothing that they raise."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
