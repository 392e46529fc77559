"""One actor in a child process against a pair of asyncio streams in the same run, by round trips and one way."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import ROUNDS, in_turn, ratio, row, title
from cuebook.api.runtime import Runtime
from cuebook.runtime.cells.actor import Actor
from cuebook.wire.message import message

COUNT = int(os.environ.get("PROCESS_MESSAGES", "20000"))
IN_FLIGHT = 100
PAYLOAD = "x" * 80
_LENGTH = 4


@message(tag=61_011)
class Put:
    """What is sent one way: about 100 bytes."""

    key: int
    text: str


@message(tag=61_012)
class Get:
    """What is answered: about 100 bytes."""

    key: int
    text: str


class Sink(Actor):
    """Counts, and answers."""

    def __init__(self) -> None:
        self.count = 0

    def on_put(self, _message: Put) -> None:
        """One way."""
        self.count += 1

    def on_get(self, message: Get) -> int:
        """A round trip."""
        self.count += 1
        return message.key


async def actor(measure: Callable[[Any], Awaitable[float]]) -> float:
    """The rate that `measure` finds with a ref to an actor in a process."""
    async with Runtime() as runtime:
        ref = await runtime.spawn(Sink, where="process")
        await ref.ask(Get(0, PAYLOAD))
        return await measure(ref)


async def round_trips(ref: Any) -> float:
    """One after the other."""
    count = COUNT // 4
    start = time.perf_counter()
    for number in range(count):
        await ref.ask(Get(number, PAYLOAD))
    return count / (time.perf_counter() - start)


async def in_flight(ref: Any) -> float:
    """100 askers."""
    count = COUNT // IN_FLIGHT

    async def asker() -> None:
        for number in range(count):
            await ref.ask(Get(number, PAYLOAD))

    start = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(IN_FLIGHT)))
    return count * IN_FLIGHT / (time.perf_counter() - start)


async def one_way(ref: Any) -> float:
    """Tells, until the last is handled."""
    start = time.perf_counter()
    for number in range(COUNT):
        await ref.tell(Put(number, PAYLOAD))
    await ref.ask(Get(0, PAYLOAD))
    return COUNT / (time.perf_counter() - start)


ECHO = """
import asyncio, sys, msgpack

async def serve(reader, writer):
    packer = msgpack.Packer()
    while True:
        head = await reader.readexactly(4)
        content = msgpack.unpackb(await reader.readexactly(int.from_bytes(head, "little")))
        if content[0]:
            answer = packer.pack(content[1])
            writer.write(len(answer).to_bytes(4, "little") + answer)

async def main():
    server = await asyncio.start_unix_server(serve, sys.argv[1])
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


class Streams:
    """The other side of the comparison: a client of asyncio streams, its server in a child process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from cuebook.wire.codec import new_packer, unpack

        self._reader, self._writer = reader, writer
        self._pack, self._unpack = new_packer().pack, unpack

    def send(self, *content: Any) -> None:
        """One frame."""
        frame = self._pack(list(content))
        self._writer.write(len(frame).to_bytes(_LENGTH, "little") + frame)

    async def receive(self) -> Any:
        """One answer."""
        size = int.from_bytes(await self._reader.readexactly(_LENGTH), "little")
        return self._unpack(await self._reader.readexactly(size))


async def streams(measure: Callable[[Streams], Awaitable[float]]) -> float:
    """The rate that `measure` finds with a client of the echo server."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "echo")
        server = await asyncio.create_subprocess_exec(sys.executable, "-c", ECHO, path, stdout=asyncio.subprocess.PIPE)
        try:
            assert server.stdout is not None
            await server.stdout.readline()
            reader, writer = await asyncio.open_unix_connection(path)
            client = Streams(reader, writer)
            rate = await measure(client)
            writer.close()
            return rate
        finally:
            server.kill()
            await server.wait()


async def streams_round_trips(client: Streams) -> float:
    """One after the other."""
    count = COUNT // 4
    start = time.perf_counter()
    for number in range(count):
        client.send(True, number, PAYLOAD)
        await client.receive()
    return count / (time.perf_counter() - start)


async def streams_in_flight(client: Streams) -> float:
    """100 unanswered at a time."""
    room = asyncio.Semaphore(IN_FLIGHT)

    async def collect() -> None:
        for _ in range(COUNT):
            await client.receive()
            room.release()

    start = time.perf_counter()
    collecting = asyncio.ensure_future(collect())
    for number in range(COUNT):
        await room.acquire()
        client.send(True, number, PAYLOAD)
    await collecting
    return COUNT / (time.perf_counter() - start)


async def streams_one_way(client: Streams) -> float:
    """Frames, until the last is read."""
    start = time.perf_counter()
    for number in range(COUNT):
        client.send(False, number, PAYLOAD)
        if not number % 100:
            await client._writer.drain()
    client.send(True, 0, PAYLOAD)
    await client.receive()
    return COUNT / (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    title(f"bench_processes: {COUNT:,} messages of about 100 bytes, medians of {ROUNDS}")
    row("", "actor", "asyncio streams", "ratio", "wanted")
    pairs: list[tuple[str, Any, Any, str]] = [
        ("round trips, one at a time", round_trips, streams_round_trips, "2.93"),
        ("round trips, 100 in flight", in_flight, streams_in_flight, "1.11"),
        ("one way", one_way, streams_one_way, "0.87"),
    ]
    for name, ours, theirs, wanted in pairs:
        found = in_turn(
            lambda ours=ours: asyncio.run(actor(ours)),
            lambda theirs=theirs: asyncio.run(streams(theirs)),
        )
        rates = [f"{statistics.median(rates):,.0f}/s" for rates in found]
        row(name, *rates, f"{ratio(found[0], found[1]):.2f}", wanted)


if __name__ == "__main__":
    main()
