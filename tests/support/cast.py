"""Messages and actors that the runtime's tests share."""

from __future__ import annotations

import asyncio
from typing import Any

from cuebook.runtime.cells.actor import Actor
from cuebook.wire.message import message


@message(tag=60_001)
class Add:
    n: int


@message(tag=60_002)
class Get:
    pass


@message(tag=60_003)
class Boom:
    text: str = "boom"


@message(tag=60_004)
class Pause:
    seconds: float


@message(tag=60_005)
class Echo:
    value: Any


class Counter(Actor):
    """Adds up; its life is written down in `diary`, which outlives its incarnations."""

    def __init__(self, diary: list[Any] | None = None) -> None:
        self.total = 0
        self.diary = [] if diary is None else diary

    async def on_start(self) -> None:
        self.diary.append("start")

    async def on_stop(self) -> None:
        self.diary.append("stop")

    async def on_failure(self, error: BaseException) -> None:
        self.diary.append(error)

    def receive(self, message: Any) -> Any:
        match message:
            case Add(n):
                self.total += n
                self.diary.append(n)
            case Get():
                return self.total
            case Boom(text):
                raise RuntimeError(text)
            case Pause(seconds):
                return self.pause(seconds)
            case Echo(value):
                return value
        return None

    async def pause(self, seconds: float) -> str:
        self.diary.append("pausing")
        await asyncio.sleep(seconds)
        self.diary.append("paused")
        return "paused"
