"""What tests of deaths have in common."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cuebook import (
    Runtime,
)
from tests.support.programs import family, wait_until


def living(test: Callable[[Runtime], Awaitable[None]]) -> None:
    """Run a test inside a runtime; no process of its outlives it."""
    before = children()

    async def run() -> None:
        async with Runtime() as runtime:
            await asyncio.wait_for(test(runtime), 60)

    asyncio.run(run())
    wait_until(lambda: not {pid for pid in children() - before if is_of_actors(pid)}, "their end", 10)


def children() -> set[int]:
    """Processes below this one."""
    return family(os.getpid())


def is_of_actors(pid: int) -> bool:
    """Whether a process is one of actors: the guard of all of them stays."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False
    return "processes.child" in words or "cuebook: actors" in words


async def eventually(condition: Callable[[], Any]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)
