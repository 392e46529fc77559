"""Run a coroutine test in virtual time; what the loop would only log fails the test."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any

from cuebook.testing.virtual_time import run_virtual


def virtually(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        run_virtual(_watched(test(*args, **kwargs)), stall_s=2.0)

    return run


async def _watched(scene: Coroutine[Any, Any, None]) -> None:
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unhandled.append(context))
    await scene
    assert unhandled == []
