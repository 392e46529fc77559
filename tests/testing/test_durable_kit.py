"""The kit for one durable actor: commands in, events and state out, and whatever a journal would not give back is found."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from cuebook.durable.effects import Effect, persist
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import ActorFailed, Rejected, UnhandledMessage, UnknownEvent, ValueNotKept
from cuebook.testing.durable_kit import DurableKit
from cuebook.testing.effects import Delivers, Forgot, Reminded, Sent, StoppedItself
from cuebook.wire.message import message
from tests.support.cast import Add, Boom, Echo, Get, Pause


@message(tag=60_221)
class Deposit:
    amount: int


@message(tag=60_222)
class Do:
    what: str


@dataclass(frozen=True)
class Deposited:
    amount: int


@dataclass(frozen=True)
class Noted:
    what: Any


@dataclass(frozen=True)
class State:
    balance: int = 0
    notes: tuple[Any, ...] = ()


@dataclass
class Loose:
    """A state that can be changed."""

    balance: int = 0
    notes: list[Any] = field(default_factory=list)


class Account(PersistentActor[State]):
    upcasters = {"PaidIn": lambda fields: Deposited(fields["cents"] // 100)}

    def initial_state(self) -> State:
        return State()

    def on_deposit(self, command: Deposit) -> Effect:
        if command.amount <= 0:
            raise Rejected("a deposit is more than 0")
        return persist(Deposited(command.amount)).reply(lambda state: state.balance)

    def on_get(self, command: Get) -> int:
        return self.state.balance

    async def on_pause(self, command: Pause) -> Effect:
        await asyncio.sleep(command.seconds)
        return persist(Deposited(1), Deposited(2)).reply("slowly")

    def on_echo(self, command: Echo) -> Effect:
        return persist(Noted(command.value))

    def on_boom(self, command: Boom) -> Effect:
        raise ZeroDivisionError(command.text)

    def on_do(self, command: Do) -> Any:
        match command.what:
            case "reject":
                return Effect().reject("not today")
            case "remind":
                return Effect().remind("later", Deposit(7), after=60)
            case "forget":
                return Effect().forget("later")
            case "deliver":
                return persist(Deposited(-1)).deliver(Account, "other", Deposit(1))
            case "stop":
                return Effect().reply("bye").stop()
            case "then":
                return persist(Deposited(1)).then(
                    lambda state: self.context.system.actor("friend").tell_nowait(Add(state.balance))
                )
            case "unkept":
                return persist(Deposited(1), Noted(x for x in ()))
            case "bad reply":
                return persist(Deposited(1)).reply(lambda state: 1 // 0)
        return None

    def apply_deposited(self, state: State, event: Deposited) -> State:
        return State(state.balance + event.amount, state.notes)

    def apply_noted(self, state: State, event: Noted) -> State:
        return State(state.balance, (*state.notes, event.what))


def test_a_command_gives_events_state_and_reply() -> None:
    kit = DurableKit(Account, "a-1")
    ran = kit.run(Deposit(5))
    assert (ran.reply, ran.events, ran.state, ran.rejection) == (5, (Deposited(5),), State(5), None)
    assert kit.run(Get()).events == ()
    assert kit.ref.name == "Account/a-1"
    assert kit.actor.sequence_number == 1  # type: ignore[attr-defined]


def test_what_was_given_is_there_before_the_first_command() -> None:
    kit = DurableKit(Account)
    assert kit.given(Deposited(5), Deposited(6)) == State(11)
    assert kit.run(Deposit(1)).reply == 12
    assert kit.events == [Deposited(5), Deposited(6), Deposited(1)]


def test_an_async_command_takes_virtual_time_only() -> None:
    ran = DurableKit(Account).run(Pause(3600))
    assert (ran.events, ran.reply) == ((Deposited(1), Deposited(2)), "slowly")


@pytest.mark.parametrize("command", [Deposit(0), Do("reject")])
def test_a_rejection_is_a_result_and_keeps_nothing(command: Any) -> None:
    kit = DurableKit(Account)
    ran = kit.run(command)
    assert isinstance(ran.rejection, Rejected)
    assert (ran.events, ran.reply, kit.state) == ((), None, State())
    assert kit.run(Deposit(1)).rejection is None


def test_a_restart_recovers_the_state_from_the_events() -> None:
    kit = DurableKit(Account)
    kit.run(Deposit(5))
    kit.run(Echo(["note"]))
    before = kit.actor
    kit.restart()
    assert kit.actor is not before
    assert kit.state == State(5, (["note"],))
    assert kit.run(Deposit(1)).reply == 6


def test_a_failing_command_keeps_nothing_and_fails_the_incarnation() -> None:
    kit = DurableKit(Account)
    kit.run(Deposit(5))
    for command, error in (
        (Boom("no"), ZeroDivisionError),
        (Do("bad reply"), ZeroDivisionError),
        (Do("unkept"), ValueNotKept),
    ):
        with pytest.raises(error):
            kit.run(command)
        with pytest.raises(ActorFailed, match="restart"):
            kit.run(Get())
        kit.restart()
        assert kit.state == State(5)
        assert kit.events == [Deposited(5)]
    with pytest.raises(UnhandledMessage):
        kit.run(Add(1))
    assert kit.run(Get()).reply == 5


def test_old_events_are_read_by_upcasters() -> None:
    kit = DurableKit(Account)
    assert kit.given_old("PaidIn", cents=500) == State(5)
    with pytest.raises(UnknownEvent, match="upcaster"):
        kit.given_old("Vanished", amount=1)
    kit.restart()
    assert kit.run(Deposit(1)).reply == 6


def test_effects_beside_events_are_written_down_after_the_commit() -> None:
    kit = DurableKit(Account)
    kit.stub("friend")
    assert kit.run(Do("then")).sent == (Sent("friend", Add(1)),)
    assert kit.run(Do("deliver")).effects == (Delivers("Account", "other", Deposit(1)),)
    assert kit.run(Do("stop")).effects == (StoppedItself(),)


def test_a_reminder_comes_when_its_time_has_passed_restarts_or_not_and_never_once_it_is_taken_back() -> None:
    kit = DurableKit(Account)
    assert kit.run(Do("remind")).effects == (Reminded("later", Deposit(7), 60.0),)
    kit.restart()
    assert kit.advance(59) == ()
    (ran,) = kit.advance(2)
    assert ran.events == (Deposited(7),)  # type: ignore[attr-defined]
    kit.run(Do("remind"))
    assert kit.run(Do("forget")).effects == (Forgot("later"),)
    assert kit.advance(1000) == ()


# Mistakes that a journal would show much later


class Careless(PersistentActor[Loose]):
    def initial_state(self) -> Loose:
        return Loose()

    def on_deposit(self, command: Deposit) -> Effect:
        return persist(Deposited(command.amount))

    def apply_deposited(self, state: Loose, event: Deposited) -> Loose:
        state.balance += event.amount
        return state


class Drifting(Account):
    """Its fold hangs on something that is not in the events."""

    lives = 0

    def initial_state(self) -> State:
        Drifting.lives += 1
        return State(Drifting.lives)


@dataclass(frozen=True)
class Stubborn:
    """Does not come back as it was."""

    value: int

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return 1


class Fussy(PersistentActor[int]):
    def initial_state(self) -> int:
        return 0

    def on_get(self, command: Get) -> Effect:
        return persist(Stubborn(1))

    def apply(self, state: int, event: Any) -> int:
        return state + 1


def test_an_apply_that_changes_the_state_it_is_given_is_found() -> None:
    with pytest.raises(AssertionError, match="Careless changed the state that it applied a Deposited to"):
        DurableKit(Careless).run(Deposit(1))


def test_a_state_that_the_events_do_not_make_is_found_at_a_restart() -> None:
    kit = DurableKit(Drifting)
    with pytest.raises(AssertionError, match="its events make State"):
        kit.restart()


def test_an_event_that_comes_back_as_another_is_found() -> None:
    with pytest.raises(AssertionError, match=r"an event is kept as Stubborn\(value=1\), and comes back"):
        DurableKit(Fussy).run(Get())


def test_a_state_that_cannot_be_kept_is_found() -> None:
    class Unkept(Account):
        def initial_state(self) -> Any:
            return State(notes=((x for x in ()),))

    with pytest.raises(ValueNotKept):
        _ = DurableKit(Unkept).state


def test_it_is_for_durable_actors() -> None:
    from tests.support.cast import Counter

    with pytest.raises(TypeError, match="for a PersistentActor, not for a Counter"):
        DurableKit(Counter)  # type: ignore[arg-type]
