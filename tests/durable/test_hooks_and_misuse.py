"""Hooks of durable actors, and what is said to those who use them wrongly."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cuebook.api.runtime import Runtime
from cuebook.durable.effects import Effect, persist
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import ActorFailed, ActorStopped
from cuebook.wire.message import message
from tests.durable.bank import Account, Balance, Deposit
from tests.durable.scenes import played

pytestmark = pytest.mark.quick


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actors.cue"


def test_hooks_of_a_subclass_run_after_the_recovery_and_after_the_last_commit(path: Path) -> None:
    hooks: list[Any] = []

    class Hooked(Account):
        type_name = "Account"

        async def on_start(self) -> None:
            hooks.append(("start", self.state.balance))

        async def on_stop(self) -> None:
            hooks.append(("stop", self.state.balance, self.sequence_number))

    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Hooked, "a-1")
        account.tell_nowait(Deposit(1))

    played(path, scene, scene)
    assert hooks == [("start", 0), ("stop", 1, 1), ("start", 1), ("stop", 2, 2)]


def test_a_runtime_without_a_path_says_what_to_write() -> None:
    async def main() -> None:
        async with Runtime() as runtime:
            with pytest.raises(ValueError, match='Runtime\\(path="actors.cue"\\)'):
                await runtime.spawn(Account, "a-1")
            with pytest.raises(ValueError, match="path"):
                runtime.entity(Account, "a-1")

    asyncio.run(main())


def test_a_durable_actor_may_be_a_child_and_part_of_a_supervisor(path: Path) -> None:
    from cuebook.runtime.cells.actor import Actor
    from cuebook.runtime.groups.strategy import ChildSpec, SupervisorSpec

    @message(tag=30_100)
    class Pay:
        amount: int

    class Teller(Actor):
        async def on_start(self) -> None:
            self.account = self.context.spawn(lambda: Account("child"), name="till")

        async def on_pay(self, message: Pay) -> int:
            return await self.account.ask(Deposit(message.amount))

    async def scene(runtime: Runtime) -> None:
        teller = await runtime.spawn(Teller)
        assert await teller.ask(Pay(3)) == 3
        group = SupervisorSpec([ChildSpec("one", lambda: Account("in-group"))], strategy="one_for_one")
        top = runtime.app.system.supervise(group, name="top")
        await top.children()
        assert await top.child("one").ask(Deposit(4)) == 4

    played(path, scene)


def test_an_actor_outside_of_a_runtime_says_where_it_belongs(path: Path) -> None:
    from cuebook.runtime.system import ActorSystem

    async def main() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Account("a-1"), name="alone", restart="temporary")
            with pytest.raises(ActorStopped, match='Runtime\\(path="..."\\)'):
                await ref.ask(Balance())

    asyncio.run(main())


def test_a_state_that_apply_forgets_to_return_is_named(path: Path) -> None:
    class Forgetful(PersistentActor[list[int]]):
        def initial_state(self) -> list[int]:
            return []

        def handle(self, command: Any) -> Effect:
            return persist("x")

        def apply(self, state: list[int], event: Any) -> Any:
            state.append(1)

    async def scene(runtime: Runtime) -> None:
        actor = await runtime.spawn(Forgetful, "x")
        with pytest.raises(ActorFailed, match="to return the next state"):
            await actor.ask(Balance())

    played(path, scene)


def test_hooks_of_a_mixin_run_in_their_place_too(path: Path) -> None:
    hooks: list[Any] = []

    class Hooks:
        async def on_start(self) -> None:
            hooks.append(("start", self.state.balance))  # type: ignore[attr-defined]

        def on_stop(self) -> None:
            hooks.append(("stop", self.state.balance))  # type: ignore[attr-defined]

    class Mixed(Hooks, Account):
        type_name = "Account"

    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Mixed, "a-1")
        account.tell_nowait(Deposit(1))

    played(path, scene, scene)
    assert hooks == [("start", 0), ("stop", 1), ("start", 1), ("stop", 2)]


def test_a_subclass_that_forgets_its_id_is_told_so(path: Path) -> None:
    class Forgetful(Account):
        def __init__(self, id: str) -> None:
            self.seen = []

    async def scene(runtime: Runtime) -> None:
        with pytest.raises(TypeError, match="it has no id"):
            await runtime.spawn(Forgetful, "a-1")
        entity = runtime.entity(Forgetful, "a-1")
        with pytest.raises(ActorStopped, match=r"is to call super\(\).__init__\(id\)"):
            await entity.ask(Balance())

    played(path, scene)


def test_a_runtime_that_is_not_open_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        Runtime("x.cue").entity(Account, "a-1")


def test_a_callback_that_nobody_would_await_is_refused() -> None:
    async def later(state: Any) -> None: ...

    with pytest.raises(TypeError, match="plain function"):
        persist("x").then(later)


@pytest.mark.parametrize("name", ["apply", "apply_deposited", "initial_state"])
def test_what_is_to_be_pure_is_refused_where_it_is_a_coroutine_function(name: str) -> None:
    async def never(self: Any, state: Any = None, event: Any = None) -> None: ...

    with pytest.raises(TypeError, match=rf"Wrong\.{name} is to be a plain function"):
        type("Wrong", (PersistentActor,), {name: never})


def test_a_class_that_says_which_commands_it_takes_needs_a_handler_for_each() -> None:
    from cuebook.durable.persistent_actor import PersistentActor as Base

    class Fine(Base[int, Deposit]):
        def initial_state(self) -> int:
            return 0

        def on_deposit(self, command: Deposit) -> int:
            return 1

    class Short(Base[int]):
        def initial_state(self) -> int:
            return 0

    assert Fine("a").initial_state() == Short("a").initial_state() == 0
    with pytest.raises(TypeError, match="Bad says that it takes Deposit and has no handler for it"):

        class Bad(Base[int, Deposit]):
            pass

    class Generic(Base[list[int], Deposit]):
        def handle(self, command: Any) -> int:
            return 1


def test_a_plain_answer_that_can_be_called_is_not_called(path: Path) -> None:
    class Naming(Account):
        def on_balance(self, message: Balance) -> Any:
            return dict

    async def scene(runtime: Runtime) -> None:
        assert await (await runtime.spawn(Naming, "a-1")).ask(Balance()) is dict

    played(path, scene)
