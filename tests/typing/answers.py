"""Read by type checkers, never run: what they know of what handlers answer. Lines that are errors say so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, assert_type

from cuebook import Actor, ActorRef, Effect, Message, PersistentActor, Runtime, handles, message, persist
from cuebook.testing import ActorKit, DurableKit


@message
class Get(Message[int]):
    pass


@message
class Name(Message[str]):
    pass


@message
class Put(Message[None]):
    n: int = 0


@message
class Plain:
    pass


@dataclass(frozen=True)
class Done:
    n: int


class A(Actor[Get | Name | Put]):
    @handles(Get)
    def on_get(self, message: Get) -> int:
        return 1

    @handles(Name)
    async def on_name(self, message: Name) -> str:
        return ""

    @handles(Put)
    def on_put(self, message: Put) -> None:
        pass


class B(A):
    def on_get(self, message: Get) -> int:
        return 2


class W1(Actor[Get]):
    @handles(Get)  # error: [arg-type]
    def on_get(self, message: Get) -> str:
        return ""


class W2(Actor[Get]):
    @handles(Get)  # error: [arg-type]
    async def on_get(self, message: Get) -> str:
        return ""


class W3(Actor[Get]):
    @handles(Get)  # error: [arg-type]
    def on_get(self, message: Get) -> None:
        pass


class W4(Actor[Get | Name]):
    @handles(Name)  # error: [arg-type]
    def on_get(self, message: Get) -> int:
        return 1

    def on_name(self, message: Name) -> str:
        return ""


class W5(Actor[Get | Put]):
    @handles(Get, Put)
    def on_both(self, message: Get | Put) -> int | None:
        return 1


class W6(Actor[Get | Put]):
    @handles(Get, Put)  # error: [arg-type]
    def on_both(self, message: Get | Put) -> str:
        return ""


class W7(Actor[Get]):
    @handles(Get)
    def on_get(self, message: Get) -> Any:
        self.context.defer()
        return 1


class R1(Actor[Get]):
    @handles(Get)
    def receive(self, message: Get) -> int:
        return 1


class R2(Actor[Get]):
    @handles(Get)  # error: [arg-type]
    def receive(self, message: Get) -> str:
        return ""


class R3(Actor[Get | Name]):
    @handles(Get, Name)
    def receive(self, message: Get | Name) -> int | str:
        return ""


class D1(PersistentActor[int, Get | Name | Put]):
    def initial_state(self) -> int:
        return 0

    @handles(Get)
    def on_get(self, command: Get) -> Effect[int]:
        return persist(Done(1)).reply(3).then(print)

    @handles(Name)
    def on_name(self, command: Name) -> Effect[str] | str:
        if command:
            return "a"
        return persist(Done(1)).reply(lambda state: "a").remind("a", Put(), after=3)

    @handles(Put)
    async def on_put(self, command: Put) -> Effect[None]:
        return persist(Done(1))

    def apply_done(self, state: int, event: Done) -> int:
        return state


class D2(PersistentActor[int, Get]):
    def initial_state(self) -> int:
        return 0

    @handles(Get)
    def on_get(self, command: Get) -> Effect:
        return persist(Done(1)).reply(3)

    def apply_done(self, state: int, event: Done) -> int:
        return state


class D3(PersistentActor[int, Get]):
    def initial_state(self) -> int:
        return 0

    @handles(Get)  # error: [arg-type]
    def on_get(self, command: Get) -> Effect[str]:
        return persist(Done(1)).reply("3")


class D4(PersistentActor[int, Get]):
    def initial_state(self) -> int:
        return 0

    @handles(Get)
    def on_get(self, command: Get) -> Effect[int]:
        return persist(Done(1))  # error: [return-value]


class D5(PersistentActor[int, Get]):
    def initial_state(self) -> int:
        return 0

    @handles(Get)
    def on_get(self, command: Get) -> Effect[int]:
        return persist(Done(1)).reply(lambda state: "text")  # error: [arg-type]


class D6(PersistentActor[int, Get]):
    def initial_state(self) -> int:
        return 0

    @handles(Get)
    def on_get(self, command: Get) -> Effect[int] | int:
        if self.state:
            return Effect().reject("no")
        return self.state


class D7(PersistentActor[int, Get]):
    def initial_state(self) -> int:
        return 0

    @handles(Get)  # error: [arg-type]
    def handle(self, command: Get) -> str:
        return ""


async def main(runtime: Runtime) -> None:
    a = await runtime.spawn(A)
    s: str = await a.ask(Get())  # error: [assignment]
    o: int | None = await a.ask(Get())
    f: float = await a.ask(Get())
    texts: list[str] = await a.batch([Get()])  # error: [assignment]
    numbers: list[int] = await a.batch([Get()])
    mixed: list[int | Exception] = await a.batch([Get()], errors="collect")
    d = runtime.entity(D1, "a")
    n: int = await d.ask(Name())  # error: [assignment]
    print(len(await d.ask(Get())))  # error: [arg-type]
    print(len(await d.ask(Name())))
    p = await runtime.pool(A, size=3)
    t: str = await p.ask(Get())  # error: [assignment]
    u: Any = await p.ask(Get())
    assert_type(await asyncio.gather(a.ask(Get()), a.ask(Name())), tuple[int, str])
    async with asyncio.TaskGroup() as tg:
        task = tg.create_task(a.ask(Get()))
    assert_type(task.result(), int)
    bare: ActorRef = a
    v: int = await bare.ask(Plain())
    w: str = await bare.ask(Get())  # error: [assignment]
    await asyncio.wait_for(a.ask(Get()), 1)


def kits() -> None:
    k = ActorKit(A)
    assert_type(k.actor, A)
    assert_type(k.ref, ActorRef[A])
    dk = DurableKit(D1)
    assert_type(dk.state, int)
    assert_type(dk.actor, PersistentActor[int, Any])
