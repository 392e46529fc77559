"""How many workers one Supervisor feeds: its own code, a real journal, and workers that only wait, up to 10,000.

A worker here is a timer on the loop: it answers a call after the time that a call takes, and the time that a message
takes on its way. So what is measured is what the program that runs the calls can do, whatever the cluster can.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.harness import folder, row, title
from cuebook import chunk
from cuebook.engines.calls.outcome import results_messages
from cuebook.engines.calls.protocol import Ready, Recall, Returned, Setup, calls_fields, calls_indexes
from cuebook.wire.codec import pack
from cuebook.wire.message import decode, encode

WAY_S = 0.002
"""How long a message takes to a worker and back: what it takes on a cluster of Dask's."""
SIZES = ((10, 0.001), (100, 0.001), (100, 0.1), (1_000, 0.1), (10_000, 0.1), (1_000, 10.0), (10_000, 10.0))
ROUNDS_OF_CALLS = 2
CALLS_MIN = 10_000
NOTHING = pack(None)


@dataclass(frozen=True)
class Waiting:
    """An engine whose workers wait.

    Attributes:
        seconds: that a call takes.
    """

    seconds: float
    name: str = "simulated"
    shares_memory: bool = False
    can_end_calls: bool = True
    needs_coroutines: bool = False

    def default_chunk_size(self) -> int:
        return 1

    def make_host(self, *, cores: int, output: Any) -> Any:
        return WaitingHost(self.seconds)


class WaitingHost:
    """One worker that waits."""

    shares_memory = False
    pid = None

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.run = 0
        self.todo: deque[int] = deque()
        self.is_at = False

    async def start(self, listener: Any) -> None:
        self.listener = listener
        self.loop = asyncio.get_running_loop()

    def prepare(self, run: int, work: Any) -> None:
        pass

    def send(self, frames: list[bytes]) -> None:
        for frame in frames:
            fields = calls_fields(frame)
            if fields is not None:
                self.todo.extend(calls_indexes(fields[1:]))
                continue
            order = decode(frame)
            if isinstance(order, Setup):
                self.run = order.run
                self.later(WAY_S, lambda: self.say(Ready(self.run, 0, None)))
        self.next(WAY_S / 2)

    def send_urgent(self, frame: bytes) -> None:
        order = decode(frame)
        if isinstance(order, Recall):
            back = list(self.todo)
            self.todo.clear()
            self.later(WAY_S, lambda: self.say(Returned(order.run, back)))

    def next(self, before_s: float = 0.0) -> None:
        """Begin what a worker would have begun, in batches of what takes a message's time."""
        if self.is_at or not self.todo:
            return
        self.is_at = True
        count = max(1, min(len(self.todo), int(WAY_S / self.seconds)))
        taken = [self.todo.popleft() for _ in range(count)]
        self.later(before_s + count * self.seconds + WAY_S / 2, lambda: self.done(taken))

    def done(self, taken: list[int]) -> None:
        self.is_at = False
        ended = time.monotonic()
        finished = [(index, ended - self.seconds, ended, NOTHING) for index in taken]
        for message in results_messages(self.run, finished):
            self.say(message)
        self.next()

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.loop.call_later(seconds, act)

    def say(self, message: Any) -> None:
        self.listener.on_frames([encode(message)])

    def running(self) -> tuple[int, float]:
        return (-1, 0.0)

    def is_busy(self) -> bool:
        return bool(self.todo)

    def kill(self, reason: str) -> None:
        pass

    async def close(self) -> None:
        pass

    def drain_output(self) -> None:
        pass


def nothing(number: int) -> None:
    return None


def main() -> None:
    title("bench_scale: simulated workers of one program, durable; all figures with start and end of the run")
    row("workers x seconds a call", "calls/s", "of the ideal", "CPU us a call", "seconds")
    for workers, seconds in SIZES:
        if os.environ.get("SHORT") and seconds > 1:
            continue
        calls = max(CALLS_MIN, ROUNDS_OF_CALLS * workers)
        parameters = [[number] for number in range(calls)]
        with folder() as where:
            began, cpu = time.perf_counter(), time.process_time()
            chunk(
                nothing,
                parameters,
                where=Waiting(seconds),
                workers=workers,
                path=where / "a.cue",
                progress_bar=False,
            )
            took, cpu = time.perf_counter() - began, time.process_time() - cpu
        ideal = calls * seconds / workers
        row(
            f"{workers:,} x {seconds:g} s",
            f"{calls / took:,.0f}",
            f"{ideal / took:.0%}",
            f"{cpu / calls * 1e6:,.0f}",
            f"{took:.1f}",
        )


if __name__ == "__main__":
    main()
