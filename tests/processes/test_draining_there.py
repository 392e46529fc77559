"""What is queued for an actor in a process is handled when it stops, through bad messages and the death of its process."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from cuebook import Actor, ActorOptions, Backoff, Message, RestartIntensity, Runtime, message


@message
class Do(Message[int]):
    n: int


class Worker(Actor):
    """Writes down what it handled; some messages fail it, or kill its process."""

    def __init__(self, path: str, bad: list[int], deadly: list[int]) -> None:
        self.path, self.bad, self.deadly = path, bad, deadly

    async def on_do(self, message: Do) -> int:
        await asyncio.sleep(0)
        if message.n in self.bad:
            raise ValueError("a bad message")
        if message.n in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        with open(self.path, "a") as file:
            file.write(f"{message.n}\n")
        return message.n


@pytest.mark.parametrize("count", [100, 900])
@pytest.mark.parametrize(("bad", "deadly"), [([1], []), ([0, 5, 40], []), ([], [3]), ([2], [20])])
@pytest.mark.parametrize("how", ["drain", "close"])
def test_all_others_are_handled(tmp_path: Path, count: int, bad: list[int], deadly: list[int], how: str) -> None:
    async def scene() -> None:
        options = ActorOptions(backoff=Backoff(0.001, 0.01), intensity=RestartIntensity(50, 10.0), shutdown_s=40.0)
        async with Runtime() as runtime:
            ref = await runtime.spawn(
                Worker, str(tmp_path / "done"), bad, deadly, name="worker", options=options, where="process"
            )
            for n in range(count):
                ref.tell_nowait(Do(n))
            await (ref.drain(40) if how == "drain" else runtime.close())

    asyncio.run(asyncio.wait_for(scene(), 60))
    done = [int(line) for line in (tmp_path / "done").read_text().split()]
    assert done == [n for n in range(count) if n not in {*bad, *deadly}]
