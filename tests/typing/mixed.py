"""Read by type checkers, never run: arguments of actors by place and by name. Lines that are errors say so."""

from __future__ import annotations

from typing import Any, assert_type

from cuebook import Actor, ActorOptions, ActorRef, Message, PersistentActor, Pool, Runtime, message


@message
class Get(Message[int]):
    pass


@message
class Other(Message[str]):
    pass


class C(Actor[Get]):
    def __init__(self, start: int, factor: float = 1.0, *, step: int = 1) -> None:
        pass

    def on_get(self, m: Get) -> int:
        return 1

    async def on_failure(self, e: BaseException) -> None:
        pass

    async def on_stop(self) -> None:
        pass


class R(Actor[Get]):
    async def receive(self, m: Get) -> int:
        return 1


class Many(Actor[Get]):
    def receive_many(self, deliveries: Any) -> None:
        for d in deliveries:
            d.reply(1)


class P(PersistentActor[int, Get]):
    def initial_state(self) -> int:
        return 0

    def handle(self, c: Get) -> int:
        return 1

    def apply(self, s: int, e: Any) -> int:
        return s


async def main(runtime: Runtime) -> None:
    o = ActorOptions()
    assert_type(await runtime.spawn(C, 1, step=2), ActorRef[C])
    assert_type(await runtime.spawn(C, 1, 2.0, step=2), ActorRef[C])
    assert_type(await runtime.spawn(C, 1, step=2, name="a"), ActorRef[C])
    assert_type(await runtime.spawn(C, 1, 2.0, step=2, name="a"), ActorRef[C])
    assert_type(await runtime.spawn(C, 1, step=2, options=o), ActorRef[C])
    assert_type(await runtime.spawn(C, 1, step=2, where="process"), ActorRef[C])
    assert_type(await runtime.spawn(C, start=1, where="process"), ActorRef[C])
    await runtime.spawn(C, "1", step=2, name="a")  # error: [call-arg]
    await runtime.spawn(C, 1, "2", step=2, name="a")  # error: [call-arg]
    await runtime.spawn(C)  # error: [call-arg]
    assert_type(await runtime.pool(C, 1, step=2, size=3), Pool[C])
    assert_type(await runtime.pool(C, 1, 2.0, step=2, size=3), Pool[C])
    assert_type(await runtime.pool(C, 1, 2.0, size=3, name="x"), Pool[C])
    await runtime.pool(C, "1", step=2, size=3)  # error: [arg-type]
    await runtime.pool(C, 1, "2", step=2, size=3)  # error: [arg-type]
    await runtime.pool(C, 1, "2", size=3)  # error: [call-arg]
    await runtime.pool(C, "1", size=3)  # error: [arg-type]
    await runtime.pool(C, 1, 2.0, 3, size=3)  # error: [call-arg]
    sup = runtime.process("p").factory(C, 1)
    await runtime.spawn(sup, name="q")
    r = await runtime.spawn(R)
    assert_type(await r.ask(Get()), int)
    p = runtime.entity(P, "a")
    await p.ask(Other())  # error: [arg-type]
    refs: list[ActorRef[C]] = [await runtime.spawn(C, i) for i in range(3)]
    table: dict[str, ActorRef[Actor[Get]]] = {"a": await runtime.spawn(C, 3), "b": r}
    await table["a"].ask(Get())
