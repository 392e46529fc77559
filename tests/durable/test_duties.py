"""Reminders, deliveries and promises: what is owed is done, once, through restarts of actors and programs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.api.runtime import Runtime
from cuebook.clock import SystemClock
from cuebook.durable.effects import Effect, persist
from cuebook.durable.owed import obligations
from cuebook.durable.owed.kept_duties import KeptDuties, cleared
from cuebook.durable.owed.obligations import retry_delay_s
from cuebook.errors import Rejected
from cuebook.wire.message import message
from tests.durable.bank import Account, Balance, Break, Cancel, Deposit, Deposited, Remind, Transfer
from tests.durable.scenes import played, until


@message(tag=30_300)
class Tick:
    pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actors.cue"


async def reaches(ref: Any, balance: int) -> None:
    """Ask until the balance is there."""
    async with asyncio.timeout(30):
        while await ref.ask(Balance()) != balance:
            await asyncio.sleep(0.005)


def test_a_reminder_fires_once_when_it_is_due(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Remind("later", 0.05, 7))
        assert await account.ask(Balance()) == 0
        await reaches(account, 7)

    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await asyncio.sleep(0.03)
        assert await account.ask(Balance()) == 7

    played(path, scene, later)


def test_a_reminder_that_became_due_while_nothing_ran_fires_after_the_restart(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Remind("later", 0.0001, 7))
        account.kill()  # before it fires, or just after

    async def later(runtime: Runtime) -> None:
        await reaches(await runtime.spawn(Account, "a-1"), 7)

    played(path, scene, later, later)


def test_a_reminder_of_the_same_key_is_replaced_and_one_may_be_taken_back(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Remind("a", 0.02, 1))
        await account.ask(Remind("a", 0.03, 10))
        await account.ask(Remind("b", 0.02, 100))
        await account.ask(Cancel("b"))
        await account.ask(Cancel("never set"))
        await reaches(account, 10)
        await asyncio.sleep(0.03)
        assert await account.ask(Balance()) == 10

    played(path, scene)


def test_a_sleeping_entity_is_woken_by_what_it_owes(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = runtime.entity(Account, "a-1", idle_s=0.02)
        await account.ask(Remind("later", 0.3, 7))
        await until(lambda: "Account/a-1" not in runtime.app.system.statistics())
        await until(lambda: "Account/a-1" in runtime.app.system.statistics())
        await reaches(account, 7)

    played(path, scene)


def test_entities_that_owed_something_are_woken_in_the_next_run_when_their_class_is_hosted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def first(runtime: Runtime) -> None:
        await runtime.entity(Account, "a-1").ask(Remind("later", 3600.0, 7))
        await runtime.entity(Account, "a-2").ask(Deposit(1))

    async def second(runtime: Runtime) -> None:
        now = time.time
        monkeypatch.setattr(SystemClock, "time", lambda _: now() + 7200)
        await runtime.host(Account)
        await until(lambda: "Account/a-1" in runtime.app.system.statistics())
        assert "Account/a-2" not in runtime.app.system.statistics()
        await reaches(runtime.entity(Account, "a-1"), 7)

    async def third(runtime: Runtime) -> None:
        runtime.entity(Account, "a-2")  # hosts the class in the background
        await asyncio.sleep(0.03)
        assert "Account/a-1" not in runtime.app.system.statistics()

    played(path, first, second, third)


class Ticking(Account):
    """Reminds itself again and again, and sometimes fails."""

    fails = 0

    def on_tick(self, command: Tick) -> Effect:
        if Ticking.fails > 0:
            Ticking.fails -= 1
            raise ZeroDivisionError("not today")
        if self.state.balance >= 3:
            return Effect()
        return persist(Deposited(1)).remind("tick", Tick(), after=0.001)

    def on_break(self, command: Break) -> Effect:
        return Effect().remind("tick", Tick(), after=0)


def test_a_handler_may_set_its_own_reminder_again(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        actor = await runtime.spawn(Ticking, "t")
        await actor.ask(Break(""))
        await reaches(actor, 3)

    played(path, scene)


def test_a_reminder_whose_handler_fails_is_tried_again_later_and_not_in_a_storm(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        Ticking.fails = 2
        actor = await runtime.spawn(Ticking, "t")
        await actor.ask(Break(""))
        await reaches(actor, 3)
        assert actor.statistics().restarts == 2

    played(path, scene)


def test_retries_wait_longer_each_time_and_at_most_a_minute() -> None:
    assert [retry_delay_s(n) for n in (0, 1, 2, 3, 11, 10_000)] == [0.0, 0.1, 0.2, 0.4, 60.0, 60.0]


def test_a_delivery_reaches_another_actor_once(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        one, two = runtime.entity(Account, "one"), runtime.entity(Account, "two")
        await one.ask(Deposit(100))
        await asyncio.gather(*(one.ask(Transfer("two", 1)) for _ in range(30)))
        await reaches(two, 30)
        assert await one.ask(Balance()) == 70

    async def later(runtime: Runtime) -> None:
        await runtime.host(Account)
        await asyncio.sleep(0.03)
        assert await runtime.entity(Account, "two").ask(Balance()) == 30

    played(path, scene, later)


def test_a_delivery_that_was_handled_but_not_confirmed_is_not_handled_again(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        one, two = runtime.entity(Account, "one"), runtime.entity(Account, "two")
        await one.ask(Deposit(100))
        for number in range(1, 13):
            await one.ask(Transfer("two", 1))
            for _ in range(number):
                await asyncio.sleep(0)
            (one if number % 2 else two).kill()
        await reaches(two, 12)
        await asyncio.sleep(0.03)
        assert await two.ask(Balance()) == 12

    played(path, scene)


def test_a_receiver_that_fails_gets_its_delivery_later_and_those_behind_it_in_order(path: Path) -> None:
    class Moody(Account):
        fails = 2

        def on_deposit(self, command: Deposit) -> Effect:
            if Moody.fails:
                Moody.fails -= 1
                raise ZeroDivisionError("not now")
            return persist(Deposited(command.amount))

    class Payer(Account):
        def on_transfer(self, command: Transfer) -> Effect:
            return Effect().deliver(Moody, command.to, Deposit(command.amount))

    async def scene(runtime: Runtime) -> None:
        payer, moody = runtime.entity(Payer, "p"), runtime.entity(Moody, "m")
        for amount in (1, 2, 3, 4):
            await payer.ask(Transfer("m", amount))
        await reaches(moody, 10)
        states: list[Any] = []
        Moody.on_balance = lambda self, command: states.append(self.state) or 0  # type: ignore[method-assign, func-returns-value, assignment]
        await moody.ask(Balance())
        assert states[0].history == (1, 2, 3, 4)

    played(path, scene)


def test_a_delivery_that_is_rejected_is_not_sent_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Refusing(Account):
        tried = 0

        def on_deposit(self, command: Deposit) -> Effect:
            Refusing.tried += 1
            raise Rejected("none of that")

    class Payer(Account):
        def on_transfer(self, command: Transfer) -> Effect:
            return Effect().deliver(Refusing, command.to, Deposit(command.amount))

    async def scene(runtime: Runtime) -> None:
        payer = runtime.entity(Payer, "p")
        runtime.entity(Refusing, "m")
        await payer.ask(Transfer("m", 1))
        await until(lambda: "delivery rejected" in caplog.text)
        assert Refusing.tried == 1

    async def later(runtime: Runtime) -> None:
        await runtime.host(Payer)
        await runtime.host(Refusing)
        await asyncio.sleep(0.03)
        assert Refusing.tried == 1

    played(path, scene, later)


def test_deliveries_that_a_sleeping_program_owed_are_sent_by_the_next(path: Path) -> None:
    async def first(runtime: Runtime) -> None:
        one = runtime.entity(Account, "one")
        await one.ask(Deposit(5))
        asking = asyncio.ensure_future(one.ask(Transfer("two", 5)))
        await until(lambda: asking.done() or one.statistics().processed > 1)
        one.kill()
        await asyncio.gather(asking, return_exceptions=True)

    async def second(runtime: Runtime) -> None:
        await runtime.host(Account)
        one, two = runtime.entity(Account, "one"), runtime.entity(Account, "two")
        left = await one.ask(Balance())
        await reaches(two, 5 - left)

    played(path, first, second)


def test_a_reminder_that_nobody_handles_is_said_once_and_is_owed_no_more(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Deaf(Account):
        def on_break(self, command: Break) -> Effect:
            return Effect().remind("nobody", Tick(), after=0)

    async def scene(runtime: Runtime) -> None:
        deaf = await runtime.spawn(Deaf, "d")
        await deaf.ask(Break(""))
        await until(lambda: "is rejected" in caplog.text)
        await asyncio.sleep(0.03)
        assert caplog.text.count("is rejected") == 1
        assert deaf.statistics().restarts == 0

    played(path, scene)


def test_deliver_and_remind_say_what_makes_no_sense() -> None:
    with pytest.raises(TypeError, match="class of durable actors"):
        Effect().deliver(int, "x", Deposit(1))
    with pytest.raises(TypeError, match="message"):
        Effect().deliver(Account, "x", object())
    for wrong in ({}, {"after": 1, "at": 2}, {"after": -1}):
        with pytest.raises(ValueError, match="reminder"):
            Effect().remind("k", Deposit(1), **wrong)  # type: ignore[arg-type]
    for key in ("", "\0x"):
        with pytest.raises(ValueError, match="key"):
            Effect().remind(key, Deposit(1), after=1)
    for wrong in ({"every": 0}, {"every": -1.0}, {"every": float("inf")}, {"after": float("nan")}):
        with pytest.raises(ValueError, match="reminder"):
            Effect().remind("k", Deposit(1), **wrong)
    with pytest.raises(TypeError, match="every= of a reminder is a number"):
        Effect().remind("k", Deposit(1), every="1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="missed is one of all, one, none, not 'some'"):
        Effect().remind("k", Deposit(1), every=1, missed="some")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not both"):
        persist(Deposited(1)).reject("no")


def test_a_promise_is_awaited_then_and_later_and_the_first_value_counts(path: Path) -> None:
    async def first(runtime: Runtime) -> None:
        promise = runtime.promise("answer")
        waiting = [asyncio.ensure_future(await_(runtime, "answer")) for _ in range(3)]
        assert not await promise.is_set()
        assert await promise.set((1, {"a": 2}))
        assert not await promise.set("other")
        assert not await promise.fail(KeyError("late"))
        assert [await each for each in waiting] == [(1, {"a": 2})] * 3

    async def second(runtime: Runtime) -> None:
        assert await runtime.promise("answer").is_set()
        assert await runtime.promise("answer") == (1, {"a": 2})
        assert repr(runtime.promise("answer")) == "<DurablePromise answer>"

    played(path, first, second)


async def await_(runtime: Runtime, id: str) -> Any:
    return await runtime.promise(id)


def test_a_promise_that_failed_raises_its_error(path: Path) -> None:
    async def first(runtime: Runtime) -> None:
        assert await runtime.promise("p").fail(KeyError("gone"))

    async def second(runtime: Runtime) -> None:
        with pytest.raises(KeyError, match="gone"):
            await runtime.promise("p")

    played(path, first, second)


def test_a_promise_fails_with_exceptions_only(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        promise = runtime.promise("p")
        for wrong in ("why", ValueError, None):
            with pytest.raises(TypeError, match=r'takes an exception, such as ValueError\("why"\)'):
                await promise.fail(wrong)  # type: ignore[arg-type]
        assert not await promise.is_set()

    played(path, scene)


def test_whoever_awaits_a_promise_survives_a_failure_of_what_keeps_it(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        promise = runtime.promise("p")
        waiting = asyncio.ensure_future(await_(runtime, "p"))
        await until(lambda: "cuebook.promise/p" in runtime.app.system.statistics())
        assert not await promise.is_set()
        runtime.actor("cuebook.promise/p").kill()
        await asyncio.sleep(0.02)
        assert await promise.set(5)
        assert await waiting == 5

    played(path, scene)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.one_of(st.none(), st.integers(0, 9))), max_size=300))
def test_what_is_due_next_is_the_earliest_of_all_that_is_owed(changes: list[tuple[str, int | None]]) -> None:
    kept = KeptDuties()
    for key, due in changes:
        kept.take([cleared(key) if due is None else (key, float(due), b"", None)])
        assert kept.next_due() == min((row[1] for row in kept.owed.values()), default=None)


def test_what_is_due_next_costs_no_more_where_much_is_owed() -> None:
    class Counted(float):
        comparisons = 0

        def __lt__(self, other: float) -> bool:
            Counted.comparisons += 1
            return super().__lt__(other)

    kept = KeptDuties()
    for number in range(2000):
        kept.take([(f"{number}", Counted(number), b"", None)])
        assert kept.next_due() == 0.0
    assert Counted.comparisons < 20 * 2000


def test_a_delivery_costs_no_more_where_many_are_owed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    true = obligations.address_in
    monkeypatch.setattr(obligations, "address_in", lambda row: (looked.append(row[0]), true(row))[1])

    async def scene(runtime: Runtime) -> None:
        sender = await runtime.spawn(Account, "a-1")
        await sender.ask(Deposit(200))
        for number in range(200):
            await sender.tell(Transfer(f"b-{number % 4}", 1))
        for number in range(4):
            await reaches(runtime.entity(Account, f"b-{number}"), 50)

    played(path, scene)
    assert len(looked) < 200 * 8
