"""Other actor runtimes doing what bench_actors does: one class each, the same five questions. Knows no cuebook.

Each is used as its own documentation has it for actors within one process. What is not installed is left out, by name.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Protocol, Self

__all__ = ["PEERS", "Peer", "installed", "missing"]

IN_FLIGHT = 100


class Peer(Protocol):
    """A runtime that is measured. Rates are things a second of processor time; None: it has no such thing."""

    name: str

    def tell(self, count: int) -> float | None:
        """Messages to one actor, the last of them handled."""

    def ask(self, count: int) -> float | None:
        """Questions to one actor, one after the other."""

    def ask_many(self, count: int) -> float | None:
        """Questions to one actor, 100 in flight."""

    def spawn(self, count: int) -> float | None:
        """Actors started, ready to take messages."""

    def idle_bytes(self, count: int) -> float | None:
        """What each of many idle actors holds of Python's memory."""


class Meter:
    """Processor time of what happens in its block, divided into a rate."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.rate = 0.0

    def __enter__(self) -> Self:
        gc.collect()
        self.start = time.process_time()
        return self

    def __exit__(self, *exc: object) -> None:
        self.rate = self.count / (time.process_time() - self.start)


class Pykka:
    """A thread an actor; messages by reference."""

    name = "pykka"

    def _actor(self) -> Any:
        import pykka

        class Sink(pykka.ThreadingActor):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.count = 0

            def on_receive(self, message: Any) -> int:
                self.count += 1
                return self.count

        return Sink

    def _with(self, count: int, work: Callable[[Any], object]) -> float:
        import pykka

        ref = self._actor().start()
        try:
            ref.ask((0, "text"))
            with Meter(count) as meter:
                work(ref)
        finally:
            pykka.ActorRegistry.stop_all()
        return meter.rate

    def tell(self, count: int) -> float:
        def work(ref: Any) -> None:
            for number in range(count):
                ref.tell((number, "text"))
            ref.ask((0, "text"))

        return self._with(count, work)

    def ask(self, count: int) -> float:
        return self._with(count, lambda ref: [ref.ask((number, "text")) for number in range(count)])

    def ask_many(self, count: int) -> float:
        def work(ref: Any) -> None:
            for _ in range(count // IN_FLIGHT):
                futures = [ref.ask((number, "text"), block=False) for number in range(IN_FLIGHT)]
                for future in futures:
                    future.get()

        return self._with(count, work)

    def spawn(self, count: int) -> float:
        import pykka

        count = min(count, 500)  # threads
        kind = self._actor()
        with Meter(count) as meter:
            for _ in range(count):
                kind.start()
        pykka.ActorRegistry.stop_all()
        return meter.rate

    def idle_bytes(self, count: int) -> float:
        import pykka

        kind = self._actor()
        count = min(count, 500)
        with Held(count) as held:
            for _ in range(count):
                kind.start()
        pykka.ActorRegistry.stop_all()
        return held.each


class Xoscar:
    """Coroutines of one pool; a call goes straight to the object behind its lock, by reference."""

    name = "xoscar"

    def _run(self, work: Callable[[Any, Any], Any]) -> Any:
        import xoscar as xo

        async def main() -> Any:
            pool = await xo.create_actor_pool("127.0.0.1:0", n_process=0)
            async with pool:
                return await work(xo, pool.external_address)

        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # what it says when its pool ends
        return asyncio.run(main())

    def _kind(self, xo: Any) -> Any:
        class Sink(xo.Actor):  # type: ignore[misc]
            def __init__(self) -> None:
                self.count = 0

            def put(self, key: int, text: str) -> int:
                self.count += 1
                return self.count

        return Sink

    async def _local(self, xo: Any, address: str) -> Any:
        await xo.create_actor(self._kind(xo), address=address, uid="sink")
        return await xo.actor_ref(address, "sink")

    def tell(self, count: int) -> float:
        async def work(xo: Any, address: str) -> float:
            ref = await self._local(xo, address)
            with Meter(count) as meter:
                for number in range(count):
                    await ref.put.tell(number, "text")
                while await ref.put(0, "text") < count:
                    pass
            return meter.rate

        return self._run(work)  # type: ignore[no-any-return]

    def ask(self, count: int) -> float:
        async def work(xo: Any, address: str) -> float:
            ref = await self._local(xo, address)
            with Meter(count) as meter:
                for number in range(count):
                    await ref.put(number, "text")
            return meter.rate

        return self._run(work)  # type: ignore[no-any-return]

    def ask_many(self, count: int) -> float:
        async def work(xo: Any, address: str) -> float:
            ref = await self._local(xo, address)

            async def asker() -> None:
                for number in range(count // IN_FLIGHT):
                    await ref.put(number, "text")

            with Meter(count) as meter:
                await asyncio.gather(*(asker() for _ in range(IN_FLIGHT)))
            return meter.rate

        return self._run(work)  # type: ignore[no-any-return]

    def spawn(self, count: int) -> float:
        async def work(xo: Any, address: str) -> float:
            kind = self._kind(xo)
            with Meter(count) as meter:
                for number in range(count):
                    await xo.create_actor(kind, address=address, uid=f"a{number}")
            return meter.rate

        return self._run(work)  # type: ignore[no-any-return]

    def idle_bytes(self, count: int) -> float:
        async def work(xo: Any, address: str) -> float:
            kind = self._kind(xo)
            with Held(count) as held:
                for number in range(count):
                    await xo.create_actor(kind, address=address, uid=f"a{number}")
            return held.each

        return self._run(work)  # type: ignore[no-any-return]


class Thespian:
    """Its simpleSystemBase: actors of the caller's thread, run while the caller waits."""

    name = "thespian"

    def _with(self, work: Callable[[Any, Any], Any]) -> Any:
        from thespian.actors import Actor, ActorSystem

        class Sink(Actor):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.count = 0

            def receiveMessage(self, message: Any, sender: Any) -> None:  # noqa: N802 - its name
                self.count += 1
                if type(message) is int:
                    self.send(sender, self.count)

        system = ActorSystem("simpleSystemBase", transientUnique=True)
        try:
            return work(system, Sink)
        finally:
            system.shutdown()

    def tell(self, count: int) -> float:
        def work(system: Any, kind: Any) -> float:
            sink = system.createActor(kind)
            with Meter(count) as meter:
                for number in range(count):
                    system.tell(sink, (number, "text"))
                system.ask(sink, 0)
            return meter.rate

        return self._with(work)  # type: ignore[no-any-return]

    def ask(self, count: int) -> float:
        def work(system: Any, kind: Any) -> float:
            sink = system.createActor(kind)
            with Meter(count) as meter:
                for number in range(count):
                    system.ask(sink, number)
            return meter.rate

        return self._with(work)  # type: ignore[no-any-return]

    def ask_many(self, count: int) -> None:
        """A caller of this base asks one thing at a time."""

    def spawn(self, count: int) -> float:
        def work(system: Any, kind: Any) -> float:
            with Meter(count) as meter:
                for _ in range(count):
                    system.createActor(kind)
            return meter.rate

        return self._with(work)  # type: ignore[no-any-return]

    def idle_bytes(self, count: int) -> float:
        def work(system: Any, kind: Any) -> float:
            with Held(count) as held:
                for _ in range(count):
                    system.createActor(kind)
            return held.each

        return self._with(work)  # type: ignore[no-any-return]


class Held:
    """What a block leaves held, of Python's memory, for each of so many."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.each = 0.0

    def __enter__(self) -> Self:
        gc.collect()
        tracemalloc.start()
        self.before = tracemalloc.get_traced_memory()[0]
        return self

    def __exit__(self, *exc: object) -> None:
        gc.collect()
        self.each = (tracemalloc.get_traced_memory()[0] - self.before) / self.count
        tracemalloc.stop()


PEERS: tuple[Peer, ...] = (Pykka(), Xoscar(), Thespian())


def installed() -> list[Peer]:
    """Those that can be measured here."""
    return [peer for peer in PEERS if find_spec(peer.name) is not None]


def missing() -> list[str]:
    """The names of the others."""
    return [peer.name for peer in PEERS if find_spec(peer.name) is None]
