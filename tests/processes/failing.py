"""What tests of actors in processes have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from cuebook import (
    Runtime,
)
from tests.support.lodgers import (
    Add,
    Lodger,
)


def living(test: Callable[[Runtime], Awaitable[None]]) -> None:
    """Run a test inside a runtime."""

    async def run() -> None:
        async with Runtime() as runtime:
            await asyncio.wait_for(test(runtime), 60)

    asyncio.run(run())


async def eventually(condition: Callable[[], Any]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


class Forwarder(Lodger):
    """Told the actor that it works for when it is made."""

    def __init__(self, to: Any) -> None:
        super().__init__()
        self.to = to

    async def on_start(self) -> None:
        await self.to.tell(Add(41), timeout=5)

    async def receive(self, message: Any) -> Any:
        return await self.to.ask(message)
