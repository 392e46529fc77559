"""What looking costs: the same messages with and without a watchdog, a trace, telemetry; ratios in the same run."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from benchmarks.bench_actors import Get, Put, Sink
from benchmarks.harness import ROUNDS, in_turn, ratio, row, title
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.seeing.telemetry import Telemetry
from cuebook.runtime.system import ActorSystem

COUNT = int(os.environ.get("SEEING_MESSAGES", "20000"))
ROOM = MailboxSpec(capacity=2 * COUNT, bytes_max=1 << 30)


async def tells(look: Callable[[ActorSystem], Any], blocking_s: float | None) -> float:
    """Tells a second of processor time, sent and received."""
    async with ActorSystem(blocking_s=blocking_s) as system:
        ref = system.spawn(Sink, name="sink", mailbox=ROOM)
        await ref.ask(Get(0))
        held = look(system)
        message = Put(1, "text")
        start = time.process_time()
        for number in range(COUNT):
            ref.tell_nowait(message)
            if not number % 1000:
                await asyncio.sleep(0)
        await ref.ask(Get(0))
        took = time.process_time() - start
        del held
        return COUNT / took


def case(look: Callable[[ActorSystem], Any], blocking_s: float | None = None) -> Callable[[], float]:
    """One way to look."""

    def run() -> float:
        gc.collect()
        return asyncio.run(tells(look, blocking_s))

    return run


def nothing(system: ActorSystem) -> None:
    """Nobody looks."""


def after_a_trace(system: ActorSystem) -> None:
    """Someone looked, and does no more."""
    system.trace("sink")
    system.trace("sink", False)


def another(system: ActorSystem) -> None:
    """Someone looks at another actor."""
    system.spawn(Sink, name="other")
    system.trace("other")


def a_trace(system: ActorSystem) -> Any:
    """Someone reads along."""
    system.trace("sink")
    return system.traces()


def telemetry(system: ActorSystem) -> Any:
    """OpenTelemetry with the SDK's defaults, without an exporter."""
    looking = system.telemetry(Telemetry(TracerProvider(), MeterProvider([InMemoryMetricReader()])))
    looking.__enter__()
    return looking


def main() -> None:
    title(f"bench_seeing: {COUNT:,} tells by msgpack, processor time, medians of {ROUNDS}")
    cases = {
        "nobody looks": case(nothing),
        "the watchdog (the default)": case(nothing, 1.0),
        "after a trace": case(after_a_trace),
        "a trace of another actor": case(another),
        "a trace, read": case(a_trace),
        "telemetry": case(telemetry),
    }
    figures = in_turn(*cases.values())
    row("", "a second", "of nobody's", "us more")
    base = statistics.median(figures[0])
    for name, found in zip(cases, figures, strict=True):
        median = statistics.median(found)
        row(name, f"{median:,.0f}", f"{ratio(found, figures[0]):.2f}", f"{1e6 / median - 1e6 / base:.1f}")


if __name__ == "__main__":
    main()
