"""What tests read of dead letters."""

from __future__ import annotations

import asyncio

from cuebook.runtime.reports.deadletters import DeadLetter
from cuebook.runtime.system import ActorSystem


async def letters_of(system: ActorSystem) -> tuple[list[DeadLetter], asyncio.Task[None]]:
    """Dead letters from now on, as they come."""
    letters: list[DeadLetter] = []

    async def read() -> None:
        async for letter in system.dead_letters.stream():
            letters.append(letter)

    task = asyncio.ensure_future(read())
    await asyncio.sleep(0)
    return letters, task
