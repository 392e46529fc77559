"""Actors against a bare asyncio.Queue in the same run (xQ): tell, ask, spawn, what an idle actor holds, flat memory."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.harness import ROUNDS, in_turn, ratio, row, title
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.system import ActorSystem
from cuebook.wire.message import message

COUNT = int(os.environ.get("ACTOR_MESSAGES", "50000"))
IN_FLIGHT = 100
ROOM = MailboxSpec(capacity=2 * COUNT, bytes_max=1 << 30)


@message(tag=61_001)
class Put:
    """A message that is encoded: a field may hold anything."""

    key: int
    text: Any


@message(tag=61_004)
class Small:
    """One whose fields are small and cannot be changed: it is checked, and needs no copy."""

    key: int
    text: str


@message(tag=61_002, by_reference=True)
class Shared:
    """One that goes by reference."""

    key: int
    text: str


@message(tag=61_003)
class Get:
    """A question."""

    key: int


@message(tag=61_005)
class Ask:
    """A question that is encoded."""

    key: Any


class Sink(Actor):
    """Takes what it is told, and answers what it is asked."""

    def __init__(self) -> None:
        self.count = 0

    def receive(self, message: Any) -> Any:
        self.count += 1
        return self.count


def cpu(work: Callable[[], Awaitable[float]]) -> float:
    """Things a second of processor time."""
    gc.collect()
    return asyncio.run(work())  # type: ignore[arg-type]


async def queue() -> float:
    """The bare queue: put_nowait on one side, `await get()` in a task on the other."""
    channel: asyncio.Queue[Any] = asyncio.Queue()

    async def drain() -> None:
        for _ in range(COUNT):
            await channel.get()

    task = asyncio.ensure_future(drain())
    start = time.process_time()
    sent = [Put(number, "text") for number in range(1000)]
    for number in range(COUNT):
        channel.put_nowait(sent[number % 1000])
        if not number % 1000:
            await asyncio.sleep(0)
    await task
    return COUNT / (time.process_time() - start)


def tell(kind: type) -> Callable[[], Awaitable[float]]:
    async def run() -> float:
        async with ActorSystem() as system:
            ref = system.spawn(Sink, name="sink", mailbox=ROOM)
            await ref.ask(Get(0))
            sent = [kind(number, "text") for number in range(1000)]
            start = time.process_time()
            for number in range(COUNT):
                ref.tell_nowait(sent[number % 1000])
                if not number % 1000:
                    await asyncio.sleep(0)
            await ref.ask(Get(0))
            return COUNT / (time.process_time() - start)

    return run


def ask(timeout: float | None, in_flight: int = IN_FLIGHT, kind: type = Get) -> Callable[[], Awaitable[float]]:
    async def run() -> float:
        count = COUNT // in_flight // 2

        async def asker(ref: Any) -> None:
            for number in range(count):
                await ref.ask(kind(number), timeout)

        async with ActorSystem() as system:
            ref = system.spawn(Sink, name="sink", mailbox=ROOM)
            await ref.ask(Get(0))
            start = time.process_time()
            await asyncio.gather(*(asker(ref) for _ in range(in_flight)))
            return count * in_flight / (time.process_time() - start)

    return run


async def spawn() -> float:
    count = COUNT // 5
    async with ActorSystem() as system:
        start = time.process_time()
        for number in range(count):
            system.spawn(Sink, name=f"a{number}")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rate = count / (time.process_time() - start)
        await system.stop()
        return rate


async def idle_bytes(count: int = 5000) -> float:
    """What each of many idle actors holds, its object and its name included."""
    async with ActorSystem() as system:
        for number in range(100):
            system.spawn(Sink, name=f"warm{number}")
        await asyncio.sleep(0.01)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(count):
            system.spawn(Sink, name=f"a{number}")
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        return held / count


async def flat_memory(total: int = 1_000_000) -> tuple[int, int]:
    """Bytes that are held more after so many tells, and at most meanwhile."""
    async with ActorSystem() as system:
        ref = system.spawn(Sink, name="sink")
        await ref.ask(Get(0))
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(total):
            await ref.tell(Put(number, "text"))
        await ref.ask(Get(0))
        gc.collect()
        after, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return after - before, peak - before


def main() -> None:
    title(f"bench_actors: {COUNT:,} messages, processor time, medians of {ROUNDS}")
    cases: dict[str, tuple[Callable[[], Awaitable[float]], str]] = {
        "asyncio.Queue": (queue, ""),
        "tell, encoded": (tell(Put), "0.30"),
        "tell, small and unchangeable": (tell(Small), "0.30"),
        "tell, by reference": (tell(Shared), "0.60"),
        "ask, 100 in flight, encoded": (ask(None, kind=Ask), ""),
        "ask, 100 in flight": (ask(None), "0.20"),
        "ask, 100 in flight, deadline": (ask(30.0), "0.80 of that"),
        "ask, one after the other": (ask(30.0, in_flight=1), ""),
        "spawn": (spawn, "30,000/s"),
    }
    figures = in_turn(*(lambda work=work: cpu(work) for work, _ in cases.values()))
    row("", "a second", "xQ", "wanted")
    for (name, (_, want)), found in zip(cases.items(), figures, strict=True):
        row(name, f"{statistics.median(found):,.0f}", f"{ratio(found, figures[0]):.2f}", want)
    row("deadline / no deadline", "", f"{ratio(figures[6], figures[5]):.2f}", "0.80")
    row("an idle actor", f"{asyncio.run(idle_bytes()):,.0f} B", "", "1,500 B")
    held, peak = asyncio.run(flat_memory())
    row("after 1,000,000 tells", f"{held:,} B", f"peak {peak:,} B", "flat")


if __name__ == "__main__":
    main()
