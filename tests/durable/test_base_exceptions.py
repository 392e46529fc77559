"""Whatever class an exception of a durable actor has, it is that actor's failure, and what was kept is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from cuebook import ActorFailed, Message, PersistentActor, Runtime, message, persist
from tests.durable.scenes import played


class PanicException(BaseException):
    pass


@message
class Add(Message[int]):
    n: int


@message
class Panic(Message[int]):
    where: str


@dataclass(frozen=True)
class Added:
    n: int


class Bank(PersistentActor[int]):
    def initial_state(self) -> int:
        return 0

    def on_add(self, m: Add) -> object:
        return persist(Added(m.n)).reply(lambda state: state)

    def on_panic(self, m: Panic) -> object:
        match m.where:
            case "handler":
                raise PanicException("handler")
            case "handler later":
                return self._later()
            case "reply":
                return persist(Added(0)).reply(self._panic)
            case "then":
                return persist(Added(0)).then(self._panic).reply(lambda state: state)
        return persist(Added(-1))

    async def _later(self) -> None:
        raise PanicException("handler later")

    def _panic(self, state: int) -> int:
        raise PanicException("callback")

    def apply_added(self, state: int, event: Added) -> int:
        if event.n < 0:
            raise PanicException("apply")
        return state + event.n


@pytest.mark.parametrize("where", ["handler", "handler later", "reply", "then", "apply"])
def test_what_a_durable_actor_raises_is_its_failure_alone(tmp_path: Path, where: str) -> None:
    async def scene(runtime: Runtime) -> None:
        bank, other = runtime.entity(Bank, "a"), runtime.entity(Bank, "b")
        first = bank.ask(Add(5))
        failing = bank.ask(Panic(where))
        assert await first == 5
        if where == "then":
            assert await failing == 5
        else:
            with pytest.raises(ActorFailed) as failed:
                await failing
            assert type(failed.value.__cause__) is PanicException
        assert await bank.ask(Add(1)) == 6
        assert await other.ask(Add(1)) == 1

    played(tmp_path / "bank.cue", scene)
