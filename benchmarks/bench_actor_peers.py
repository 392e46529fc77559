"""Actors of cuebook beside those of other runtimes, in turn, as ratios to a bare asyncio.Queue of the same run (xQ)."""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks import bench_actors
from benchmarks.actor_peers import Held, Meter, Peer, installed, missing
from benchmarks.harness import ROUNDS, in_turn, ratio, row, title
from cuebook.runtime.system import ActorSystem

COUNT = int(os.environ.get("PEER_MESSAGES", "10000"))
IDLE = 500


class Ours:
    """Cuebook's actors, and messages of one kind."""

    def __init__(self, name: str, kind: Callable[[int, str], object]) -> None:
        self.name = name
        self.sent = [kind(number, "text") for number in range(1000)]

    def put(self, number: int) -> object:
        """A message."""
        return self.sent[number % 1000]

    def _with(self, work: Callable[[Any], Awaitable[float]]) -> float:
        async def main() -> float:
            async with ActorSystem() as system:
                ref = system.spawn(bench_actors.Sink, name="sink", mailbox=bench_actors.ROOM)
                await ref.ask(self.put(0))
                return await work(ref)

        return asyncio.run(main())

    def tell(self, count: int) -> float:
        async def work(ref: Any) -> float:
            with Meter(count) as meter:
                for number in range(count):
                    ref.tell_nowait(self.put(number))
                await ref.ask(self.put(0))
            return meter.rate

        return self._with(work)

    def ask(self, count: int) -> float:
        async def work(ref: Any) -> float:
            with Meter(count) as meter:
                for number in range(count):
                    await ref.ask(self.put(number))
            return meter.rate

        return self._with(work)

    def ask_many(self, count: int) -> float:
        async def work(ref: Any) -> float:
            async def asker() -> None:
                for number in range(count // bench_actors.IN_FLIGHT):
                    await ref.ask(self.put(number))

            with Meter(count) as meter:
                await asyncio.gather(*(asker() for _ in range(bench_actors.IN_FLIGHT)))
            return meter.rate

        return self._with(work)

    def spawn(self, count: int) -> float:
        return asyncio.run(_spawned(Meter(count), count)).rate

    def idle_bytes(self, count: int) -> float:
        return asyncio.run(_spawned(Held(count), count)).each


class Batch(Ours):
    """100 asks at a time, by `ref.batch`."""

    def ask_many(self, count: int) -> float:
        async def work(ref: Any) -> float:
            with Meter(count) as meter:
                for _ in range(count // bench_actors.IN_FLIGHT):
                    await ref.batch(self.put(number) for number in range(bench_actors.IN_FLIGHT))
            return meter.rate

        return self._with(work)


async def _spawned(meter: Any, count: int) -> Any:
    async with ActorSystem() as system:
        for number in range(10):
            system.spawn(bench_actors.Sink, name=f"warm{number}")
        await asyncio.sleep(0.01)
        with meter:
            for number in range(count):
                system.spawn(bench_actors.Sink, name=f"a{number}")
            for _ in range(5):
                await asyncio.sleep(0)
        return meter


def compare(kind: str, subjects: list[Peer], count: int) -> None:
    """One question to all of them, in turn, beside the queue."""
    works: list[Callable[[], float]] = [lambda: bench_actors.cpu(bench_actors.queue)]
    works += [lambda peer=peer: getattr(peer, kind)(count) or 0.0 for peer in subjects]  # type: ignore[misc]
    queue, *figures = in_turn(*works)
    for peer, figure in zip(subjects, figures, strict=True):
        if any(figure):
            row(f"{kind}: {peer.name}", f"{statistics.median(figure):,.0f}/s", f"{ratio(figure, queue):.3f} xQ")
        else:
            row(f"{kind}: {peer.name}", "-", "-")


def main() -> None:
    """Every question to every runtime that is there."""
    title(f"bench_actor_peers: {COUNT:,} messages, processor time, medians of {ROUNDS}")
    for name in missing():
        row(name, "not installed", "pip install --group bench")
    encoded = Ours("cuebook", bench_actors.Put)
    shared = Ours("cuebook, by reference", bench_actors.Shared)
    batch = Batch("cuebook, ref.batch of 100", bench_actors.Put)
    compare("tell", [encoded, shared, *installed()], COUNT)
    compare("ask", [encoded, shared, *installed()], COUNT)
    compare("ask_many", [encoded, shared, batch, *installed()], COUNT)
    compare("spawn", [encoded, *installed()], COUNT // 5)
    for peer in (encoded, *installed()):
        held = peer.idle_bytes(IDLE)
        row(f"idle: {peer.name}", f"{held:,.0f} B" if held is not None else "-")


if __name__ == "__main__":
    main()
