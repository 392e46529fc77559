"""What tests of a Runtime call."""

from __future__ import annotations

import asyncio
from typing import Any


def square(x: int) -> int:
    return x * x


async def slowly(x: int) -> int:
    await asyncio.sleep(0.005)
    return x * x


def run(coroutine: Any) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await coroutine

    return asyncio.run(bounded())
