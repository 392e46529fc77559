"""What tests of a Runtime call."""

from __future__ import annotations

import asyncio
import gc
import sys
import traceback
from typing import Any


def square(x: int) -> int:
    return x * x


async def slowly(x: int) -> int:
    await asyncio.sleep(0.005)
    return x * x


def run(coroutine: Any) -> Any:
    """The coroutine's value; where it does not end, what everybody waits for is shown."""

    async def bounded() -> Any:
        looking = asyncio.get_running_loop().call_later(50, show_who_waits)
        try:
            async with asyncio.timeout(60):
                return await coroutine
        finally:
            looking.cancel()

    return asyncio.run(bounded())


def show_who_waits() -> None:
    """Tasks, threads, and the parts of a run, on standard error."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)
    for ident, frame in sys._current_frames().items():
        print(f"thread {ident}", *traceback.format_stack(frame, 4), sep="\n", file=sys.stderr)
    shown = ("Run", "Slot", "Outstanding", "ThreadHost", "WorkerActor", "ThreadFeeder", "FedSource", "StreamSink")
    for thing in gc.get_objects():
        if type(thing).__name__ in shown and type(thing).__module__.startswith("cuebook."):
            names = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
            print(type(thing).__name__, {name: str(getattr(thing, name, ""))[:200] for name in names}, file=sys.stderr)
