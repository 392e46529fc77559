"""Scenes of these tests: each in a runtime of its own over the same journal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cuebook.api.runtime import Runtime

Scene = Callable[[Runtime], Awaitable[None]]


def played(path: Path, *scenes: Scene) -> None:
    """Play one after the other, each as a run of the program."""

    async def main() -> None:
        for scene in scenes:
            async with asyncio.timeout(60), Runtime(path) as runtime:
                await scene(runtime)

    asyncio.run(main())


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.002)
