"""Read by mypy, never run: what a checker knows of refs and of the actors behind them. Lines that are errors say so."""

from __future__ import annotations

from functools import partial
from typing import Any, assert_type

from cuebook.api.runtime import Runtime
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.spec import ActorOptions
from cuebook.runtime.groups.pool import Pool
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.typed import Message
from cuebook.runtime.system import ActorSystem
from cuebook.wire.message import message


@message(tag=60_211)
class Add(Message[None]):
    amount: int


@message(tag=60_212)
class Get(Message[int]):
    pass


@message(tag=60_213)
class Plain:
    text: str


@message(tag=60_214)
class Other(Message[str]):
    pass


@message(tag=60_215)
class Names:
    of: ActorRef[Counter]


class Counter(Actor[Add | Get | Plain]):
    def __init__(self, start: int = 0) -> None:
        self.total = start

    def receive(self, message: Add | Get | Plain) -> Any:
        return self.total


class Loose(Actor):
    def on_add(self, message: Add) -> None:
        pass


class Handlers(Actor[Add | Get]):
    def on_add(self, message: Add) -> None:
        pass

    def on_get(self, message: Get) -> int:
        return 1


async def typed(system: ActorSystem) -> None:
    counter = system.spawn(Counter, name="counter")
    assert_type(counter, ActorRef[Counter])
    assert_type(system.spawn(lambda: Counter(5), name="five"), ActorRef[Counter])
    assert_type(system.spawn(partial(Counter, 5), name="six"), ActorRef[Counter])
    assert_type(await counter.ask(Get()), int)
    assert_type(await counter.ask(Plain("a")), Any)
    assert_type(await counter.batch([Get(), Get()]), list[int])
    await counter.batch([Add(1), Get(), Plain("a")])
    await counter.tell(Add(1))
    counter.tell_nowait(Plain("a"))
    counter.tell_nowait(Other())  # error: [arg-type]
    await counter.tell(Other())  # error: [arg-type]
    await counter.ask(Other())  # error: [arg-type]
    await counter.tell("text")  # error: [arg-type]
    await counter.batch([Other()])  # error: [arg-type]
    await system.spawn(Handlers, name="handlers").tell(Plain("a"))  # error: [arg-type]


async def narrower(counter: ActorRef[Counter]) -> None:
    getter: ActorRef[Actor[Get]] = counter
    await getter.ask(Get())
    await getter.tell(Add(1))  # error: [arg-type]
    wrong: ActorRef[Actor[Other]] = counter  # error: [assignment]
    print(wrong)


async def untyped(ref: ActorRef, system: ActorSystem) -> None:
    assert_type(await ref.ask(Get()), int)
    assert_type(await ref.ask(Other()), str)
    await ref.tell(Plain("a"))
    loose = system.spawn(Loose, name="loose")
    assert_type(await loose.ask(Other()), str)
    back: ActorRef[Counter] = system.actor("counter")
    print(back)


async def pooled(system: ActorSystem) -> None:
    pool = Pool(system, Counter, size=2, name="pool")
    assert_type(pool, Pool[Counter])
    assert_type(await pool.ask(Get()), int)
    await pool.tell(Other())  # error: [arg-type]


async def in_a_runtime(runtime: Runtime) -> None:
    counter = await runtime.spawn(Counter, 5, name="counter", options=ActorOptions(restart="transient"))
    assert_type(counter, ActorRef[Counter])
    assert_type(await runtime.spawn(lambda: Counter(5)), ActorRef[Counter])
    assert_type(await runtime.pool(Counter, 5, size=2), Pool[Counter])
    await counter.ask(Other())  # error: [arg-type]
    await runtime.spawn(int)  # error: [type-var]
    ActorOptions(retries=3)  # error: [call-arg]


class Whole(Actor[Add]):
    async def on_add(self, message: Add) -> None:
        child = self.context.spawn(Counter)
        assert_type(child, ActorRef[Counter])
        child.tell_nowait(Other())  # error: [arg-type]


@message
class Bare:
    number: int = 0


def bare() -> None:
    Bare("a")  # error: [arg-type]
    Bare(1).number = 2  # error: [misc]


class Misfit(Actor[Add]):
    def receive(self, message: Other) -> Any:  # error: [override]
        return None
