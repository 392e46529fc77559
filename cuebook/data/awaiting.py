"""What ends a chain: called in a plain program it is done at once, called in a running loop it is awaited.

Knows no polars.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["ends", "is_to_be_awaited"]

_F = TypeVar("_F", bound=Callable[..., Any])


def is_to_be_awaited() -> bool:
    """Whether an event loop runs in this thread that must not be held up; a notebook's own does not count."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    main = sys.modules.get("__main__")
    return not ("IPython" in sys.modules and hasattr(main, "get_ipython"))


def ends(method: _F) -> _F:
    """Have a method, which takes `stopping=`, run off the loop where one runs: then it gives a coroutine.

    When the task that awaits it is cancelled, running functions are stopped, and what they have finished is kept.
    """

    @functools.wraps(method)
    def called(*args: Any, **kwargs: Any) -> Any:
        if not is_to_be_awaited():
            return method(*args, **kwargs)
        return _off_the_loop(functools.partial(method, *args, **kwargs))

    shown = inspect.signature(method)
    parameters = [each for name, each in shown.parameters.items() if name != "stopping"]
    called.__signature__ = shown.replace(parameters=parameters)  # type: ignore[attr-defined]
    return called  # type: ignore[return-value]


async def _off_the_loop(work: Callable[..., Any]) -> Any:
    stopping = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, stopping=stopping))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stopping.set()
        await _settled(task)
        raise


async def _settled(task: asyncio.Future[Any]) -> None:
    """Until work that was told to stop has stopped; what it raises then is not asked for."""
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:  # once more: there is nothing that could be stopped sooner
            continue
    if not task.cancelled():
        task.exception()
