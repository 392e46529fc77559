"""Actors of the tests of supervisors."""

from __future__ import annotations

import asyncio
from typing import Any

from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.groups.strategy import ChildSpec
from cuebook.runtime.policy.restarts import RestartIntensity
from tests.support.cast import Add, Boom, Echo, Get, Pause

OFTEN = RestartIntensity(99, 5.0)


class Kid(Actor):
    """Writes its starts and ends into a common diary."""

    broken: set[str] = set()

    def __init__(self, diary: list[str], name: str) -> None:
        self.diary = diary
        self.name = name
        self.total = 0

    async def on_start(self) -> None:
        await asyncio.sleep(0.01)
        if self.name in Kid.broken:
            self.diary.append(f"!{self.name}")
            raise OSError(f"{self.name} is broken")
        self.diary.append(f"+{self.name}")

    async def on_stop(self) -> None:
        self.diary.append(f"-{self.name}")

    async def on_failure(self, error: BaseException) -> None:
        if self.name not in Kid.broken:
            self.diary.append(f"x{self.name}")

    def receive(self, message: Any) -> Any:
        match message:
            case Add(n):
                self.total += n
            case Get():
                return self.total
            case Boom(text):
                raise RuntimeError(text)
            case Pause(seconds):
                return asyncio.sleep(seconds)
            case Echo():
                self.context.stop_self()
        return None


def kids(diary: list[str], names: str, **options: Any) -> list[ChildSpec]:
    return [ChildSpec(name, lambda name=name: Kid(diary, name), **options) for name in names]


def seen(diary: list[str]) -> str:
    text = " ".join(diary)
    diary.clear()
    return text


async def rest(seconds: float = 0.5) -> None:
    await asyncio.sleep(seconds)
