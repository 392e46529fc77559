"""Read by type checkers, never run: what they know of durable actors, and of how actors are made. Lines that are errors
say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

from cuebook import (
    Actor,
    ActorOptions,
    ActorRef,
    Effect,
    EventEnvelope,
    MailboxSpec,
    Message,
    PersistentActor,
    Runtime,
    message,
    persist,
)


@message(tag=60_231)
class Deposit(Message[int]):
    amount: int


@message(tag=60_232)
class Balance(Message[int]):
    pass


@message(tag=60_233)
class Other(Message[str]):
    pass


@dataclass(frozen=True)
class Deposited:
    amount: int


class Account(PersistentActor[int, Deposit | Balance]):
    def initial_state(self) -> int:
        return 0

    def on_deposit(self, command: Deposit) -> Effect:
        assert_type(self.state, int)
        return persist(Deposited(command.amount)).deliver(Account, "bank", Deposit(1))

    def on_balance(self, command: Balance) -> int:
        return self.state

    def apply_deposited(self, state: int, event: Deposited) -> int:
        return state + event.amount


class Loose(PersistentActor[int]):
    def initial_state(self) -> int:
        return 0

    def on_deposit(self, command: Deposit) -> Effect:
        return persist().deliver(Account, "a", Other())  # error: [misc]


class Wrong(PersistentActor[int]):
    def initial_state(self) -> str:  # error: [override]
        return ""


class Counter(Actor[Balance]):
    def __init__(self, start: int = 0, step: int = 1) -> None:
        self.total = start

    def on_balance(self, message: Balance) -> int:
        return self.total


class Needs(Actor[Balance]):
    def __init__(self, place: str) -> None:
        self.place = place

    def on_balance(self, message: Balance) -> int:
        return 1


async def entities(runtime: Runtime) -> None:
    account = runtime.entity(Account, "ada")
    assert_type(account, ActorRef[Account])
    assert_type(await account.ask(Deposit(5)), int)
    await account.ask(Other())  # error: [arg-type]
    account.tell_nowait(Other())  # error: [arg-type]
    loose = runtime.entity(Loose, "a")
    assert_type(await loose.ask(Deposit(5)), int)
    assert_type(await loose.ask(Other()), str)
    assert_type(await runtime.spawn(Account, "ada"), ActorRef[Account])
    await runtime.spawn(Account)  # error: [call-arg]


async def arguments(runtime: Runtime) -> None:
    patient = ActorOptions(restart="transient", on_exhausted="park", directives={ValueError: "resume"})
    assert_type(await runtime.spawn(Counter), ActorRef[Counter])
    assert_type(await runtime.spawn(Counter, 5, name="five", options=patient), ActorRef[Counter])
    assert_type(await runtime.spawn(Counter, start=5, step=2), ActorRef[Counter])
    assert_type(await runtime.spawn(Counter, 5, step=2), ActorRef[Counter])
    assert_type(await runtime.spawn(Counter, start=5, name="five"), ActorRef[Counter])
    assert_type(await runtime.spawn(Counter, start=5, options=patient), ActorRef[Counter])
    assert_type(await runtime.spawn(Counter, start=5, where="process"), ActorRef[Counter])
    assert_type(await runtime.spawn(lambda: Counter(5), name="six"), ActorRef[Counter])
    await runtime.spawn(Counter, "five", name="five")  # error: [arg-type]
    await runtime.spawn(Counter, start="five")  # error: [call-overload]
    await runtime.spawn(Counter, 1, 2, 3, options=patient)  # error: [arg-type]
    await runtime.spawn(Counter, stat=5)  # error: [call-overload]
    await runtime.pool(Counter, 5, size=2, routing="pull")
    await runtime.pool(Counter, start=5, size=2)
    await runtime.pool(Counter, "five", size=2)  # error: [arg-type]
    await runtime.pool(Counter, 5, size=2, routing="pul")  # error: [call-overload]


async def words(runtime: Runtime) -> None:
    ActorOptions(restart="transent")  # error: [arg-type]
    ActorOptions(on_exhausted="cry")  # error: [arg-type]
    ActorOptions(directives={ValueError: "resum"})  # error: [dict-item]
    MailboxSpec(overflow="drop")  # error: [arg-type]


class Books(PersistentActor[int]):
    follows = (Account,)

    def initial_state(self) -> int:
        return 0

    def on_event(self, e: EventEnvelope) -> Effect:
        assert_type(e.offset, str)
        return persist(e.event)


async def read_side(runtime: Runtime) -> None:
    events = runtime.subscribe(of=[Account, Loose], after=None, missing="skip")
    async for e in events:
        assert_type(e, EventEnvelope)
    await events.aclose()
    runtime.subscribe(of=Counter)  # error: [arg-type]
    runtime.subscribe(of=Account, missing="none")  # error: [arg-type]
    assert_type(await runtime.remove(Account, "ada"), bool)
    await runtime.remove(Counter, "ada")  # error: [arg-type]


async def promises(runtime: Runtime) -> None:
    promise = runtime.promise("answer", int)
    await promise.set(42)
    await promise.set("text")  # error: [arg-type]
    assert_type(await promise, int)
    value: Any = await runtime.promise("any")
    print(value)
