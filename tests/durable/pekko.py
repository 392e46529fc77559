"""The actor and the scenes of Pekko's scenarios."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from cuebook.durable.effects import Effect, persist
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import (
    Rejected,
)
from cuebook.testing.memory_runtime import MemoryRuntime
from cuebook.testing.virtual_time import run_virtual
from cuebook.wire.message import message
from tests.support.cast import Get


@message(tag=60_241)
class Increment:
    by: int = 1


@message(tag=60_242)
class Several:
    values: list[int]


@message(tag=60_243)
class Act:
    what: str


@dataclass(frozen=True)
class Incremented:
    by: int


@dataclass(frozen=True)
class Value:
    total: int = 0
    history: tuple[int, ...] = ()


class Counter(PersistentActor[Value]):
    """`seen` notes what happens outside of the journal; it outlives incarnations."""

    def __init__(self, id: str, seen: list[Any]) -> None:
        super().__init__(id)
        self.seen = seen

    def initial_state(self) -> Value:
        return Value()

    async def on_start(self) -> None:
        self.seen.append(("recovered", self.state.total))

    def on_increment(self, command: Increment) -> Effect:
        if command.by < 0:
            raise Rejected("only upwards")
        return (
            persist(Incremented(command.by))
            .reply(lambda state: state.total)
            .then(lambda state: self.seen.append(state.total))
        )

    def on_several(self, command: Several) -> Effect:
        return persist(*map(Incremented, command.values)).reply(lambda state: list(state.history))

    def on_get(self, command: Get) -> int:
        return self.state.total

    def on_act(self, command: Act) -> Any:
        match command.what:
            case "fail":
                raise RuntimeError("the command handler fails")
            case "stop":
                return persist(Incremented(100)).reply("last words").stop()
            case "stash":
                self.context.stash()
            case "unstash":
                return persist(Incremented(1)).then(lambda _: self.context.unstash())
        return None

    def apply_incremented(self, state: Value, event: Incremented) -> Value:
        return Value(state.total + event.by, (*state.history, event.by))


Scene = Callable[[MemoryRuntime, list[Any]], Awaitable[None]]


def play(*scenes: Scene) -> list[Any]:
    """One after the other, each in the next process: what the power left is there."""
    seen: list[Any] = []
    runtime = MemoryRuntime(is_virtual=True)

    async def life(scene: Scene) -> MemoryRuntime:
        async with runtime:
            await scene(runtime, seen)
            return runtime.after_crash()

    for scene in scenes:
        runtime = run_virtual(life(scene), stall_s=2.0)
    return seen


async def start(runtime: MemoryRuntime, seen: list[Any], kind: type[Counter] = Counter) -> Any:
    return await runtime.spawn(kind, "c1", seen)
