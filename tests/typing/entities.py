"""Read by type checkers, never run: what they know of durable actors and the kit for them. Lines that are errors say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_type

from cuebook import (
    Actor,
    ActorRef,
    Effect,
    EventEnvelope,
    Message,
    PersistentActor,
    Rejected,
    Runtime,
    SnapshotPolicy,
    message,
    persist,
)
from cuebook.testing import DurableKit


@message
class Deposit(Message[int]):
    amount: int


@message
class Balance(Message[int]):
    pass


@message
class Other(Message[str]):
    pass


@message
class Tick(Message[None]):
    pass


@dataclass(frozen=True)
class State:
    balance: int = 0


@dataclass(frozen=True)
class Deposited:
    amount: int


class Account(PersistentActor[State, Deposit | Balance]):
    snapshots = SnapshotPolicy(every=100)

    def initial_state(self) -> State:
        return State()

    def on_deposit(self, command: Deposit) -> Effect | int:
        if command.amount < 0:
            raise Rejected("no")
        if command.amount == 0:
            return self.state.balance
        return (
            persist(Deposited(command.amount))
            .reply(lambda state: state.balance)
            .remind("k", Tick(), after=3)
            .deliver(Account, "b", Deposit(1))
        )

    def on_balance(self, command: Balance) -> int:
        assert_type(self.state, State)
        return self.state.balance

    def apply_deposited(self, state: State, event: Deposited) -> State:
        return State(state.balance + event.amount)


class Handle(PersistentActor[int, Deposit]):
    def initial_state(self) -> int:
        return 0

    async def handle(self, command: Deposit) -> Effect:
        return persist(Deposited(1)).then(lambda s: None)

    def apply(self, state: int, event: Deposited) -> int:
        return state + 1


class WithInit(PersistentActor[int, Deposit]):
    def __init__(self, id: str, limit: int = 3) -> None:
        super().__init__(id)
        self.limit = limit

    def initial_state(self) -> int:
        return 0

    def on_deposit(self, command: Deposit) -> Effect:
        return persist(Deposited(1)).deliver(Account, "b", Other())  # error: [misc]

    def apply_deposited(self, state: int, event: Deposited) -> int:
        return state


class BadApply(PersistentActor[int, Deposit]):
    def initial_state(self) -> int:
        return 0

    def on_deposit(self, command: Deposit) -> Effect:
        persist(Deposited(1)).remind("k", Tick(), after="3")  # error: [arg-type]
        persist(Deposited(1)).remind("k", Tick(), every=3, missed="non")  # error: [arg-type]
        persist(Deposited(1)).then(3)  # error: [arg-type]
        persist(Deposited(1)).reject(3)  # error: [arg-type]
        persist(Deposited(1)).deliver("Account", "b", Deposit(1))  # error: [arg-type]
        persist(Deposited(1)).deliver(Account, 3, Deposit(1))  # error: [arg-type]
        persist(Deposited(1)).deliver(Plain, "3", Deposit(1))  # error: [arg-type]
        return persist()

    def apply(self, state: int, event: Deposited) -> str:  # error: [override]
        return ""


class Plain(Actor[Deposit]):
    def on_deposit(self, m: Deposit) -> int:
        return 1


async def main() -> None:
    async with Runtime("x.journal") as runtime:
        acc = runtime.entity(Account, "ada")
        assert_type(await acc.ask(Deposit(1)), int)
        await acc.ask(Other())  # error: [arg-type]
        runtime.entity(Account, 3)  # error: [arg-type]
        runtime.entity(int, "3")  # error: [type-var]
        runtime.entity(Account, "a", idle_s="x")  # error: [arg-type]
        plain = runtime.entity(Plain, "3")
        h = runtime.entity(Handle, "3")
        await h.ask(Other())  # error: [arg-type]
        await h.tell(Deposit(1))
        w = await runtime.spawn(WithInit, "a", 5)
        await runtime.spawn(WithInit, "a", limit=5)
        await runtime.spawn(WithInit, 5)  # error: [arg-type]
        await runtime.spawn(WithInit, "a", limit="5")  # error: [arg-type]
        p = runtime.promise("a", int)
        await p.fail("text")  # error: [arg-type]
        await p.set("t")  # error: [arg-type]
        q = runtime.promise("b", list[int])
        assert_type(await q, list[int])
        persist(Deposited(1)).fulfil(p, 3)
        persist(Deposited(1)).fulfil(p, "3")  # error: [misc]
        persist(Deposited(1)).fulfil(q, [3])
        persist(Deposited(1)).fulfil(q, ["3"])  # error: [misc]
        await runtime.host(Account)
        await runtime.host(int)  # error: [arg-type]
        await runtime.remove(Account, "ada")
        await runtime.remove(Account, 3)  # error: [arg-type]
        async for e in runtime.subscribe(of=Account, follow=False):
            assert_type(e, EventEnvelope)
        runtime.subscribe(of=[Account, Handle])
        runtime.subscribe(of=[Account, Plain])  # error: [list-item]
        runtime.subscribe(of=Account, after=3)  # error: [arg-type]
        runtime.subscribe(Account)  # error: [call-arg]
        getter: ActorRef[Actor[Balance]] = acc


def kit() -> None:
    k = DurableKit(Account, "ada")
    assert_type(k.state, State)
    k.given(Deposited(3))
    ran = k.run(Deposit(3))
    DurableKit(Plain, "ada")  # error: [arg-type]
