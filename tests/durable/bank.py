"""A bank account and a few like it: the durable actors of these tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cuebook.durable.effects import Effect, persist
from cuebook.durable.events.snapshots import SnapshotPolicy
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import Rejected
from cuebook.runtime.refs.typed import Message
from cuebook.wire.message import message


@message(tag=30_000)
class Deposit(Message[int]):
    amount: int


@message(tag=30_001)
class Withdraw(Message[int]):
    amount: int


@message(tag=30_002)
class Balance(Message[int]):
    pass


@message(tag=30_003)
class Break:
    """Raise, before or after something is kept: "handler", "reply", "apply", "then", "unkept", "kill"."""

    where: str


@message(tag=30_004)
class Close:
    pass


@message(tag=30_005)
class Remind:
    key: str
    after: float
    amount: int


@message(tag=30_006)
class Cancel:
    key: str


@message(tag=30_007)
class Transfer:
    to: str
    amount: int


@message(tag=30_008)
class Slowly:
    amount: int


@message(tag=30_009)
class Unheard:
    pass


@dataclass(frozen=True)
class Deposited:
    amount: int


@dataclass(frozen=True)
class Withdrawn:
    amount: int


@dataclass(frozen=True)
class Broken:
    """An event that cannot be applied."""


@dataclass(frozen=True)
class State:
    balance: int = 0
    history: tuple[int, ...] = field(default=())


class Account(PersistentActor[State]):
    """Notes in `seen` what was done outside of the journal."""

    seen: list[Any]

    def __init__(self, id: str, seen: list[Any] | None = None) -> None:
        super().__init__(id)
        self.seen = [] if seen is None else seen

    def initial_state(self) -> State:
        return State()

    def on_deposit(self, command: Deposit) -> Effect:
        if command.amount <= 0:
            raise Rejected(f"a deposit is more than 0, not {command.amount}")
        return persist(Deposited(command.amount)).reply(lambda state: state.balance)

    def on_withdraw(self, command: Withdraw) -> Effect:
        if command.amount > self.state.balance:
            return Effect().reject(f"there are only {self.state.balance}")
        return persist(Withdrawn(command.amount)).reply(lambda state: state.balance).then(self.seen.append)

    def on_balance(self, command: Balance) -> int:
        return self.state.balance

    async def on_slowly(self, command: Slowly) -> Effect:
        return persist(Deposited(command.amount)).reply(lambda state: state.balance)

    def on_break(self, command: Break) -> Effect:
        effect = persist(Deposited(1))
        match command.where:
            case "handler":
                raise ZeroDivisionError("in the handler")
            case "reply":
                return effect.reply(lambda state: 1 // 0)
            case "apply":
                return effect.persist(Broken())
            case "then":
                return effect.reply("kept").then(lambda state: 1 // 0)
            case "unkept":
                return effect.persist(Deposited(open))  # type: ignore[arg-type]
        return effect

    def on_close(self, command: Close) -> Effect:
        return Effect().reply("closed").stop()

    def on_remind(self, command: Remind) -> Effect:
        return Effect().remind(command.key, Deposit(command.amount), after=command.after).reply("noted")

    def on_cancel(self, command: Cancel) -> Effect:
        return Effect().forget(command.key)

    def on_transfer(self, command: Transfer) -> Effect:
        if command.amount > self.state.balance:
            raise Rejected("too much")
        return persist(Withdrawn(command.amount)).deliver(type(self), command.to, Deposit(command.amount))

    def apply_deposited(self, state: State, event: Deposited) -> State:
        return State(state.balance + event.amount, (*state.history, event.amount)[-5:])

    def apply_withdrawn(self, state: State, event: Withdrawn) -> State:
        return State(state.balance - event.amount, (*state.history, -event.amount)[-5:])

    def apply_broken(self, state: State, event: Broken) -> State:
        raise ArithmeticError("cannot be applied")


class Saver(Account):
    """One that keeps snapshots."""

    snapshots = SnapshotPolicy(every=10, keep=2)
