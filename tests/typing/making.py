"""Read by type checkers, never run: what they know of how actors are made and spoken to. Lines that are errors say so."""

from __future__ import annotations

from functools import partial
from typing import Any, assert_type

from cuebook import (
    Actor,
    ActorOptions,
    ActorRef,
    Backoff,
    ChildSpec,
    MailboxSpec,
    Message,
    Pool,
    RestartIntensity,
    Runtime,
    SupervisorSpec,
    message,
)
from cuebook.testing import ActorKit, Probe


@message
class Add(Message[None]):
    amount: int


@message
class Get(Message[int]):
    pass


@message
class Other(Message[str]):
    pass


@message
class Who(Message["ActorRef[Counter]"]):
    pass


@message
class Maybe(Message[int | None]):
    pass


class Counter(Actor[Add | Get | Who | Maybe]):
    def __init__(self, start: int = 0, *, step: int = 1) -> None:
        self.total = start

    def on_add(self, message: Add) -> None:
        self.total += message.amount

    def on_get(self, message: Get) -> int:
        return self.total

    def on_who(self, message: Who) -> ActorRef:
        return self.context.self_ref

    def on_maybe(self, message: Maybe) -> int | None:
        return None


class Async(Actor[Get]):
    async def on_get(self, message: Get) -> int:
        return 1


class Raw(Actor):
    def receive(self, message: Any) -> Any:
        return 1


class Parent(Actor[Get]):
    async def on_start(self) -> None:
        self.child = self.context.spawn(Counter, name="c", restart="transient")
        assert_type(self.child, ActorRef[Counter])
        self.other = self.context.spawn(partial(Counter, 5, step=2))
        assert_type(self.other, ActorRef[Counter])
        self.context.spawn(Counter, restart="transent")  # error: [arg-type]
        self.context.spawn(partial(Counter, "5"))  # error: [arg-type]
        self.context.spawn(int)  # error: [type-var]
        self.context.watch(self.child)
        self.context.watch(3)  # error: [arg-type]
        self.context.every(1.0, Get(), key="a")

    async def on_get(self, message: Get) -> int:
        assert_type(await self.child.ask(Get()), int)
        await self.child.ask(Other())  # error: [arg-type]
        self.child.tell_nowait(Other())  # error: [arg-type]
        await self.child.tell_batch([Add(1), Get()])
        await self.child.tell_batch([Other()])  # error: [list-item]
        d = self.context.defer()
        d.reply(1)
        return await self.child.ask(Get(), timeout=1)


async def main() -> None:
    async with Runtime("x.journal", signals=True) as runtime:
        ref = await runtime.spawn(Counter, 5, step=2)
        ref = await runtime.spawn(Counter)
        assert_type(await ref.ask(Who()), ActorRef[Counter])
        assert_type(await ref.ask(Maybe()), int | None)
        x: int = await ref.ask(Maybe())  # error: [assignment]
        got: str = await ref.ask(Get())  # error: [assignment]
        await ref.ask(Get)  # error: [call-overload]
        await ref.ask(Add("a"))  # error: [arg-type]
        await ref.ask(Get(), timeout="1")  # error: [call-overload]
        await ref.ask(Get(), 1)
        await ref.tell(Add(1), timeout=None)
        await ref.tell(Add(1), urgent=True)  # error: [call-arg]
        ref.tell_nowait(Add(1), urgent=True)
        await ref.batch([Get()], errors="collect")
        await ref.batch([Get()], errors="colect")  # error: [call-overload]
        a = await runtime.spawn(Async)
        assert_type(await a.ask(Get()), int)
        raw = await runtime.spawn(Raw)
        await raw.ask(Other())
        await runtime.spawn(Counter())  # error: [call-overload]
        await runtime.spawn(Counter, step="a")  # error: [call-overload]
        await runtime.spawn(Counter, 1, step="a")  # error: [arg-type]
        await runtime.spawn(Counter, start=1, step="a")  # error: [call-overload]
        await runtime.spawn(Counter, options={"restart": "transient"})  # error: [call-arg]
        await runtime.spawn(Counter, options=ActorOptions(restart="temporary", intensity=RestartIntensity(3, 5.0)))
        await runtime.spawn(Counter, where="proces")  # error: [call-arg]
        await runtime.spawn(Counter, where="process", name="a")
        proc = runtime.process("p")
        pr = await runtime.spawn(Counter, 3, where=proc)
        assert_type(pr, ActorRef[Counter])
        await pr.ask(Other())  # error: [arg-type]
        await runtime.spawn(Counter, 3, where=3)  # error: [call-arg]
        await runtime.spawn(Counter, restart="transient")  # error: [call-overload]
        pool = await runtime.pool(Counter, size=3)
        assert_type(pool, Pool[Counter])
        assert_type(await pool.ask(Get()), int)
        await pool.ask(Other())  # error: [arg-type]
        pool.tell_nowait(Other())  # error: [arg-type]
        await runtime.pool(Counter, 5)  # error: [call-overload]
        await runtime.pool(Counter, size="3")  # error: [call-arg]
        await runtime.pool(Counter, 5, step=2, size=3)
        await runtime.pool(Counter, size=3, routing="by_key", key=lambda m: m.amount)
        await runtime.pool(Counter, size=3, where="process", name="q")
        await pool.resize(3)
        await pool.resize("3")  # error: [arg-type]
        for r in pool.refs:
            assert_type(r, ActorRef[Counter])
        top = await runtime.supervise(
            SupervisorSpec([ChildSpec("a", Counter), ChildSpec("b", partial(Counter, 3))], strategy="one_for_all")
        )
        await runtime.supervise(SupervisorSpec([ChildSpec("a", Counter)], strategy="one_for_al"))  # error: [arg-type]
        await runtime.supervise(SupervisorSpec([ChildSpec("a", Counter, restart="transent")]))  # error: [arg-type]
        await runtime.supervise(SupervisorSpec([ChildSpec("a", 3)]))  # error: [arg-type]
        await runtime.supervise(SupervisorSpec([ChildSpec("a", int)]))  # error: [arg-type]
        await runtime.supervise(SupervisorSpec([], auto_shutdown="any"))  # error: [arg-type]
        await runtime.supervise([ChildSpec("a", Counter)])  # error: [arg-type]
        any_ref = runtime.actor("counter")
        await any_ref.ask(Other())
        typed: ActorRef[Counter] = runtime.actor("counter")
        ActorOptions(backoff=Backoff(first_s=0.1, max_s=3.0))
        ActorOptions(directives={ValueError: "resume", OSError: "escalate"})
        ActorOptions(directives={3: "resume"})  # error: [dict-item]
        ActorOptions(shutdown_s="5")  # error: [arg-type]
        MailboxSpec(capacity=3, overflow="wait")
        MailboxSpec(overflow="wiat")  # error: [arg-type]


def kit() -> None:
    k = ActorKit(Counter)
    ran = k.run(Get())
    assert_type(k.actor, Counter)
    k2 = ActorKit(lambda: Counter(3))
    assert_type(k2.actor, Counter)
    ActorKit(3)  # error: [arg-type]
    ActorKit(int)  # error: [type-var]


async def probes(runtime: Runtime) -> None:
    p = Probe(runtime)
    m = await p.expect(Get)
    assert_type(m, Get)
    assert_type(await p.expect(Add(3)), Add)
    await p.fish(lambda m: True)
    await p.expect_none(within="a")  # error: [arg-type]
    ref = await runtime.spawn(Counter)
    p.send(ref, Get())
    p.send(ref, "text")  # error: [misc]
    p.send(ref, Other())  # error: [misc]
    await p.expect_terminated(ref)
    p.reply(3)
    p.fail("text")  # error: [arg-type]
