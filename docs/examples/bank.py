"""A bank whose accounts survive kill -9: durable actors, in a journal.

    python docs/examples/bank.py [JOURNAL] [TRANSFERS]

Ada sends Bob money, one transfer after the other. Kill the program at any moment and start it again: it goes on after
the last transfer that was kept, and no money is lost or made.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace

from cuebook import Effect, Message, PersistentActor, Rejected, Runtime, SnapshotPolicy, message, persist

# Commands: what an account may be asked for.


@message(tag=2201)
class Open(Message[None]):
    """Begin with this amount; once."""

    amount: int


@message(tag=2202)
class Deposit(Message[int]):
    """Take this in; the answer is the balance."""

    amount: int


@message(tag=2203)
class Send(Message[int]):
    """Send this to another account, as transfer `number`; the answer is the balance."""

    number: int
    to: str
    amount: int


@message(tag=2204)
class Look(Message[list[int]]):
    """The answer: balance, and number of the last transfer sent."""


# Events: what has happened, and is kept. Never changed, only added to.


@dataclass(frozen=True)
class Opened:
    """With so much in it."""

    amount: int


@dataclass(frozen=True)
class Deposited:
    """So much came in."""

    amount: int


@dataclass(frozen=True)
class Sent:
    """So much went out, as transfer `number`."""

    number: int
    amount: int


@dataclass(frozen=True)
class State:
    """What all events so far make."""

    is_open: bool = False
    balance: int = 0
    sent: int = 0


class Account(PersistentActor[State]):
    """Handlers look at the state and say what is to happen; `apply_...` methods say what an event changes."""

    snapshots = SnapshotPolicy(every=1000, keep=2)

    def initial_state(self) -> State:
        return State()

    def on_open(self, command: Open) -> Effect:
        return Effect() if self.state.is_open else persist(Opened(command.amount))

    def on_deposit(self, command: Deposit) -> Effect:
        return persist(Deposited(command.amount)).reply(lambda state: state.balance)

    def on_send(self, command: Send) -> Effect:
        if command.number <= self.state.sent:
            return Effect().reply(self.state.balance)  # it was kept before the kill; only its answer was lost
        if command.amount > self.state.balance:
            raise Rejected(f"{self.id} has {self.state.balance}, not {command.amount}")
        return (
            persist(Sent(command.number, command.amount))
            .deliver(Account, command.to, Deposit(command.amount))  # until it has arrived, once, through any kill
            .reply(lambda state: state.balance)
        )

    def on_look(self, command: Look) -> list[int]:
        return [self.state.balance, self.state.sent]

    def apply_opened(self, state: State, event: Opened) -> State:
        return replace(state, is_open=True, balance=event.amount)

    def apply_deposited(self, state: State, event: Deposited) -> State:
        return replace(state, balance=state.balance + event.amount)

    def apply_sent(self, state: State, event: Sent) -> State:
        return replace(state, balance=state.balance - event.amount, sent=event.number)


async def main(journal: str = "bank.cue", transfers: str = "500") -> None:
    """Make the transfers that are not made yet, and show what everybody has."""
    async with Runtime(journal) as runtime:
        ada, bob = runtime.entity(Account, "ada"), runtime.entity(Account, "bob")
        await ada.ask(Open(10 * int(transfers)))
        await bob.ask(Open(0))
        _, sent = await ada.ask(Look())
        if sent:
            print(f"going on after transfer {sent}", flush=True)
        for number in range(sent + 1, int(transfers) + 1):
            left = await ada.ask(Send(number, "bob", 10))
            print(f"transfer {number} is kept, ada has {left}", flush=True)
        try:
            await ada.ask(Send(int(transfers) + 1, "bob", 10))
        except Rejected as rejected:
            print(f"refused: {rejected}")
        for _ in range(1000):
            if (await bob.ask(Look()))[0] == 10 * int(transfers):
                break
            await asyncio.sleep(0.01)  # the last transfers are on their way
        print(f"ada has {(await ada.ask(Look()))[0]}, bob has {(await bob.ask(Look()))[0]}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
