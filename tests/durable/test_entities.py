"""Entities: there whenever a message comes, asleep when nobody needs them, and no message lost in between."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest

from cuebook.api.runtime import Runtime
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import ActorFailed, ActorStopped, AskCycle
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.status import ActorState
from cuebook.wire.message import message
from tests.durable.bank import Account, Balance, Break, Close, Deposit
from tests.durable.scenes import played, until

pytestmark = pytest.mark.quick


@message(tag=30_200)
class Count:
    pass


@message(tag=30_201)
class AskBack:
    who: ActorRef


@message(tag=30_202)
class Wait:
    pass


class Cart(Actor):
    """A plain actor: its state is lost when it sleeps."""

    gate: asyncio.Event

    def __init__(self, id: str) -> None:
        self.id = id
        self.count = 0

    def on_count(self, message: Count) -> int:
        self.count += 1
        return self.count

    async def on_ask_back(self, message: AskBack) -> Any:
        return await message.who.ask(AskBack(self.context.self_ref))

    async def on_wait(self, message: Wait) -> str:
        await Cart.gate.wait()
        return self.id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actors.cue"


def names(runtime: Runtime) -> set[str]:
    return {name for name in runtime.app.system.statistics() if "/" in name}


def test_a_durable_entity_sleeps_and_comes_back_with_its_state(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = runtime.entity(Account, "a-1", idle_s=0.02)
        assert names(runtime) == set()
        assert await account.ask(Deposit(5)) == 5
        assert names(runtime) == {"Account/a-1"}
        await until(lambda: not names(runtime))
        assert account.statistics().state is ActorState.STOPPED
        assert await account.ask(Deposit(5)) == 10

    played(path, scene)


def test_a_plain_entity_needs_no_journal_and_forgets() -> None:
    async def scene() -> None:
        async with Runtime() as runtime:
            cart = runtime.entity(Cart, "c-17", idle_s=0.02)
            assert [await cart.ask(Count()), await cart.ask(Count())] == [1, 2]
            await until(lambda: not names(runtime))
            assert await cart.ask(Count()) == 1

    asyncio.run(scene())


def test_what_is_in_hand_or_owed_keeps_an_entity_awake() -> None:
    async def scene() -> None:
        async with Runtime() as runtime:
            Cart.gate = asyncio.Event()
            cart = runtime.entity(Cart, "c-17", idle_s=0.005)
            asking = asyncio.ensure_future(cart.ask(Wait()))
            await asyncio.sleep(0.05)
            assert names(runtime) == {"Cart/c-17"}
            Cart.gate.set()
            assert await asking == "c-17"
            await until(lambda: not names(runtime))

    asyncio.run(scene())


def test_no_message_is_lost_while_entities_fall_asleep_and_wake(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = runtime.entity(Account, "a-1", idle_s=0.001)
        for number in range(1, 101):
            if number % 3 == 0:
                account._target.request_stop(5.0, drain=True)  # just as if it had been idle for long enough
                for _ in range(number % 7):
                    await asyncio.sleep(0)
            assert await account.ask(Deposit(1)) == number
        asks = []
        for number in range(200):
            asks.append(asyncio.ensure_future(account.ask(Deposit(1))))
            if number % 20 == 0:
                account._target.request_stop(5.0, drain=True)
            if number % 3 == 0:
                await asyncio.sleep(0)
        assert sorted(await asyncio.gather(*asks)) == list(range(101, 301))

    played(path, scene)


def test_thousands_of_entities_are_kept_apart(path: Path) -> None:
    count = 1000

    async def scene(runtime: Runtime) -> None:
        refs = [runtime.entity(Account, f"a-{number}", idle_s=0.05) for number in range(count)]
        for round_ in (1, 2):
            answers = await asyncio.gather(*(ref.ask(Deposit(number + 1)) for number, ref in enumerate(refs)))
            assert answers == [round_ * (number + 1) for number in range(count)]
            await until(lambda: not names(runtime))
        file = (await runtime._durable.opened.ledger()).file
        await until(lambda: not file.streams._in_use)  # nothing is held for those who sleep

    async def later(runtime: Runtime) -> None:
        asks = (runtime.entity(Account, f"a-{number}").ask(Balance()) for number in range(0, count, 97))
        assert await asyncio.gather(*asks) == [2 * (number + 1) for number in range(0, count, 97)]

    played(path, scene, later)


def test_an_entity_that_stopped_itself_or_failed_comes_back(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = runtime.entity(Account, "a-1")
        assert await account.ask(Deposit(1)) == 1
        assert await account.ask(Close()) == "closed"
        assert await account.ask(Deposit(1)) == 2
        with pytest.raises(ActorFailed):
            await account.ask(Break("handler"))
        assert await account.ask(Balance()) == 2
        assert await account.stop()
        assert await account.ask(Balance()) == 2

    played(path, scene)


def test_refs_of_entities_travel_and_are_the_same_whoever_asks_for_them(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = runtime.entity(Account, "a-1", idle_s=0.02)
        assert runtime.entity(Account, "a-1") is account
        copied = pickle.loads(pickle.dumps(account))
        assert copied is account
        assert await copied.ask(Deposit(3)) == 3

    played(path, scene)


def test_a_circle_of_asks_through_entities_is_refused_at_once() -> None:
    async def scene() -> None:
        async with Runtime() as runtime:
            one, two = runtime.entity(Cart, "one"), runtime.entity(Cart, "two")
            with pytest.raises(AskCycle):
                await one.ask(AskBack(two), timeout=20)
            with pytest.raises(AskCycle):
                await one.ask(AskBack(one), timeout=20)

    asyncio.run(scene())


def test_an_actor_started_by_hand_is_the_entity_of_its_id(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        by_hand = await runtime.spawn(Account, "a-1")
        await by_hand.ask(Deposit(4))
        entity = runtime.entity(Account, "a-1")
        assert await entity.ask(Balance()) == 4
        assert await by_hand.stop()
        assert await entity.ask(Deposit(1)) == 5

    played(path, scene)


def test_asking_an_entity_of_a_closed_runtime_is_refused(path: Path) -> None:
    refs: list[ActorRef] = []

    async def scene(runtime: Runtime) -> None:
        refs.append(runtime.entity(Account, "a-1"))

    async def later(runtime: Runtime) -> None:
        with pytest.raises(ActorStopped):
            await refs[0].ask(Balance(), timeout=5)

    played(path, scene, later)


def test_what_makes_no_sense_is_refused_by_name(path: Path) -> None:
    class Other(Actor):
        def __init__(self, id: str) -> None:
            self.id = id

        def on_count(self, message: Count) -> int:
            return 0

    Other.__name__ = "Cart"

    async def scene(runtime: Runtime) -> None:
        runtime.entity(Cart, "c")
        with pytest.raises(ValueError, match="give .*Other a type_name"):
            runtime.entity(Other, "c")
        with pytest.raises(TypeError, match="class of actors"):
            runtime.entity(int, "c")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="id of an entity"):
            runtime.entity(Cart, "")
        with pytest.raises(ValueError, match="idle_s"):
            runtime.entity(Cart, "c", idle_s=0)

    played(path, scene)


def test_whoever_watches_an_entity_hears_when_it_falls_asleep(path: Path) -> None:
    heard: list[str] = []

    class Watcher(Actor):
        def on_watch(self, message: AskBack) -> None:
            self.context.watch(message.who)

        def on_down(self, message: Down) -> None:
            heard.append(message.ref.name)

    async def scene(runtime: Runtime) -> None:
        account = runtime.entity(Account, "a-1", idle_s=0.02)
        await account.ask(Deposit(1))
        watcher = await runtime.spawn(Watcher)
        await watcher.ask(AskBack(account))
        await until(lambda: heard)
        assert heard == ["Account/a-1"]
        await watcher.ask(AskBack(account))  # of one that sleeps: at once
        await until(lambda: len(heard) == 2)

    played(path, scene)


def test_a_durable_class_without_a_first_state_is_refused_before_anything_starts(path: Path) -> None:
    class Unfinished(PersistentActor[int]):
        def on_count(self, command: Count) -> int:
            return 0

    async def main() -> None:
        async with Runtime(path) as runtime:
            with pytest.raises(TypeError, match=r"define initial_state\(self\) in .*Unfinished"):
                await runtime.spawn(Unfinished, "a")
            with pytest.raises(TypeError, match=r"define initial_state\(self\) in .*Unfinished"):
                runtime.entity(Unfinished, "a")

    asyncio.run(main())


class Left(Actor):
    """Asks another entity when it starts, which asks back."""

    starts = 0
    runtime: Runtime

    def __init__(self, id: str) -> None:
        self.id = id

    async def on_start(self) -> None:
        Left.starts += 1
        await Left.runtime.entity(Right, self.id).ask(Count())

    def on_count(self, message: Count) -> int:
        return 0


class Right(Actor):
    def __init__(self, id: str) -> None:
        self.id = id

    async def on_start(self) -> None:
        await Left.runtime.entity(Left, self.id).ask(Count())

    def on_count(self, message: Count) -> int:
        return 0


def test_entities_that_wait_for_each_other_to_start_are_named_at_once(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        Left.runtime, Left.starts = runtime, 0
        with pytest.raises(ActorStopped, match="Right/x would wait for Left/x, which waits for Right/x"):
            await runtime.entity(Left, "x").ask(Count())
        assert Left.starts == 1

    played(path, scene)
