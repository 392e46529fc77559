"""What the scenarios of OTP's supervisors have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.groups.group import SupervisorRef
from cuebook.runtime.groups.strategy import ChildSpec, SupervisorSpec
from cuebook.runtime.policy.restarts import RestartIntensity
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Boom, Echo, Pause

TWICE = RestartIntensity(2, 3600.0)


OFTEN = RestartIntensity(1000, 3600.0)


NORMAL, ABNORMAL, KILL, STOPPED = "normal", "abnormal", "kill", "stopped"


class Notebook:
    """What all children of a scene share: their starts and ends, and who cannot start now."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.broken: set[str] = set()
        self.starts: dict[str, int] = {}

    def read(self) -> str:
        text, self.lines = " ".join(self.lines), []
        return text


class Child(Actor):
    def __init__(self, book: Notebook, name: str) -> None:
        self.book, self.name = book, name

    async def on_start(self) -> None:
        self.book.starts[self.name] = self.book.starts.get(self.name, 0) + 1
        if self.name in self.book.broken:
            raise OSError(f"{self.name} cannot start")
        self.book.lines.append(f"+{self.name}")

    async def on_stop(self) -> None:
        self.book.lines.append(f"-{self.name}")

    def receive(self, message: Any) -> Any:
        match message:
            case Boom(text):
                raise RuntimeError(text)
            case Echo():
                self.context.stop_self()
            case Pause(seconds):
                return asyncio.sleep(seconds)
        return self.name


def child(book: Notebook, name: str, **options: Any) -> ChildSpec:
    return ChildSpec(name, lambda: Child(book, name), **options)


def several(book: Notebook, names: str, **options: Any) -> list[ChildSpec]:
    return [child(book, name, **options) for name in names]


async def end(ref: ActorRef, how: str) -> None:
    """End an incarnation, and let its supervisor do what it does about it."""
    match how:
        case "normal":
            ref.tell_nowait(Echo(None))
        case "abnormal":
            ref.tell_nowait(Boom())
        case "kill":
            ref.kill()
        case _:
            await ref.stop()
    await asyncio.sleep(0.5)


async def started(system: ActorSystem, children: Sequence[ChildSpec] = (), **options: Any) -> SupervisorRef:
    options.setdefault("intensity", TWICE)
    top = system.supervise(SupervisorSpec(children, **options), name="top")
    await top.children()
    return top
