"""What runs in a worker of Dask's: a task that holds its slot for one outpost. Knows no client."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from distributed import get_worker
from distributed.core import Status
from distributed.protocol import to_serialize
from distributed.utils_comm import gather_from_workers

from cuebook.engines.away.line import Cargo, Opening
from cuebook.engines.away.outpost import Outpost

__all__ = ["GONE", "HANDLER", "MISSING", "serve_outpost", "topic_of"]

HANDLER = "cuebook"
"""The name that a worker answers to."""
MISSING = "missing"
"""The answer where a large buffer cannot be had from whoever has it."""
GONE = "gone"
"""The answer where there is no such outpost any more."""
LOOK_S = 0.5
"""Dask tells a running task nothing: it looks so often whether anybody still wants it."""
_WANTED = ("executing", "long-running")

_outposts: dict[tuple[str, int], tuple[Outpost, asyncio.AbstractEventLoop, Any]] = {}
"""With the loop that each lives on, and the worker of Dask's that it is in."""


def topic_of(token: str) -> str:
    """The topic on which the outposts of a client say that they have a place."""
    return f"cuebook-{token}"


def serve_outpost(token: str, number: int) -> None:
    """The task: one outpost, as long as its client wants it. The client that is gone wants nothing any more."""
    worker = get_worker()
    asyncio.run(_serve(worker, worker.get_current_task(), token, number))


async def _serve(worker: Any, task: str, token: str, number: int) -> None:
    outpost = Outpost()
    _outposts[token, number] = outpost, asyncio.get_running_loop(), worker
    worker.handlers[HANDLER] = _answer
    worker.log_event(topic_of(token), {"number": number, "address": worker.address})
    try:
        while not outpost.over.is_set() and _is_wanted(worker, task):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await outpost.over.wait()
    finally:
        del _outposts[token, number]
        await outpost.close()


def _is_wanted(worker: Any, task: str) -> bool:
    found = worker.state.tasks.get(task)
    return found is not None and found.state in _WANTED and worker.status in (Status.running, Status.paused)


async def _answer(*, token: str, number: int, word: str, data: Any, held: Any = None) -> Any:
    """What the client asks of an outpost; on the worker's own loop.

    Args:
        held: of buffers that Dask's workers hold, their names, keys, and where they are.
    """
    found = _outposts.get((token, number))
    if found is None:
        return GONE
    outpost, loop, worker = found
    if held:
        buffers = await _fetched(worker, held)
        if buffers is None:
            return MISSING
        cargo = Cargo(*data)
        data = tuple(cargo._replace(luggage=[*cargo.luggage, *buffers]))
    answer = asyncio.run_coroutine_threadsafe(_asked(outpost, word, data), loop)
    try:
        return to_serialize(await asyncio.wrap_future(answer))
    except OSError as error:
        return f"could not start a process: {error}"


async def _fetched(worker: Any, held: list[Any]) -> list[tuple[bytes, bytes]] | None:
    """Name and content of large buffers, from the workers that hold them; None where one is gone."""
    where = {key: places for _, key, places in held}
    contents, *_ = await gather_from_workers(where, rpc=worker.rpc, who=worker.address)
    if contents.keys() != where.keys():
        return None
    return [(name, contents[key]) for name, key, _ in held]


async def _asked(outpost: Outpost, word: str, data: Any) -> Any:
    match word:
        case "open":
            landmark, *rest = data
            return tuple(await outpost.open(Opening(landmark, *rest)))
        case "give":
            return await outpost.give(Cargo(*data))
        case "take":
            return tuple(await outpost.take(data))
        case "end":
            return await outpost.close()
    raise ValueError(f"an outpost was asked to {word!r}")
