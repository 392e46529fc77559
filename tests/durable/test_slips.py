"""What is easily written wrong in a durable actor is refused where it stands, and the text says what to write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook import (
    Actor,
    ActorFailed,
    ActorOptions,
    ActorStopped,
    Effect,
    Message,
    PersistentActor,
    Rejected,
    RestartIntensity,
    Runtime,
    SnapshotPolicy,
    message,
    persist,
)
from tests.durable.scenes import played

pytestmark = pytest.mark.quick


@message
class Do(Message[Any]):
    how: str


@message
class Nobody(Message[Any]):
    pass


@dataclass(frozen=True)
class Was:
    value: Any = 1


class Slips(PersistentActor[Any]):
    def initial_state(self) -> int:
        return 0

    def apply_was(self, state: Any, event: Was) -> Any:
        return event.value

    def on_do(self, command: Do) -> Any:
        match command.how:
            case "a list of effects":
                return [persist(Was()), persist(Was())]
            case "a list of events":
                return persist([Was(), Was()])
        return persist(Was(None))


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("a list of effects", r"a handler gives back one effect: persist\(first, second\)"),
        ("a list of events", r"Slips applies no list: .* \(several events are persist\(\*events\)\)"),
        ("no state", "Slips.apply_was gave back None for a Was: it is to return the next state"),
    ],
)
def test_what_a_handler_gives_back(tmp_path: Path, how: str, text: str) -> None:
    async def scene(runtime: Runtime) -> None:
        with pytest.raises(ActorFailed, match=text):
            await runtime.entity(Slips, "a").ask(Do(how))

    played(tmp_path / "actors.cue", scene)


@pytest.mark.parametrize(
    ("made", "error", "text"),
    [
        (lambda: Effect().deliver(Slips, 5, Do("x")), ValueError, "the id of a Slips is a string"),  # type: ignore[arg-type]
        (
            lambda: Effect().deliver(Slips, "a", Nobody()),
            TypeError,
            "Slips has no handler for Nobody: it is not delive",
        ),
        (lambda: Effect().remind("k", Do("x"), after=1, missed="all"), ValueError, "missed= of a reminder goes with"),
        (lambda: Effect().fulfil("p", 1), TypeError, r"fulfil\(\) sets a promise, as runtime\.promise\(id\) gives it"),  # type: ignore[arg-type]
        (lambda: Effect().then("p"), TypeError, r"then\(\) takes a function of the state, not 'p'"),  # type: ignore[arg-type]
    ],
)
def test_effects(made: Callable[[], Effect], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        made()


def test_a_handle_of_ones_own_may_take_any_delivery() -> None:
    class Takes(Slips):
        def handle(self, command: Any) -> Any:
            return None

    assert Effect().deliver(Takes, "a", Nobody()).duties


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ({"receive": lambda self, m: persist(Was())}, r"receive takes the place .*: define handle\(self, command\)"),
        ({"receive_many": lambda self, m: None}, "receive_many takes the place"),
        ({"snapshots": 100}, r"snapshots of Sub is a SnapshotPolicy\(every=\.\.\.\), not 100"),
        ({"events": Was}, r"events of Sub are several classes: events = \(Was,\)"),
        ({"type_name": "a/b"}, "the type_name of Sub has no slash"),
    ],
)
def test_what_a_class_says(names: dict[str, Any], text: str) -> None:
    with pytest.raises(TypeError, match=text):
        type("Sub", (Slips,), names)
    type("Sub", (Slips,), {"snapshots": SnapshotPolicy(every=5), "events": [Was], "type_name": "a"})


def test_handlers_that_could_not_be_called() -> None:
    with pytest.raises(TypeError, match="Still.on_do is to be a plain method"):

        class Still(Actor):
            @staticmethod
            def on_do(m: Do) -> int:
                return 1

    with pytest.raises(TypeError, match="Yields.on_do yields: a handler returns its answer"):

        class Yields(Actor):
            def on_do(self, m: Do) -> Any:
                yield 1

    with pytest.raises(TypeError, match="Streams.on_do yields"):

        class Streams(Actor):
            async def on_do(self, m: Do) -> Any:
                yield 1


def test_an_entity_whose_class_takes_no_id_is_refused_at_once(tmp_path: Path) -> None:
    class Without(Slips):
        def __init__(self) -> None:
            super().__init__("a")

    class More(Slips):
        def __init__(self, id: str, more: int) -> None:
            super().__init__(id)

    class Plain(Actor):
        def on_do(self, m: Do) -> str:
            return "never"

    class Right(Slips):
        def __init__(self, id: str, more: int = 1) -> None:
            super().__init__(id)

        def on_do(self, command: Do) -> Any:
            raise Rejected(self.id)

    async def scene(runtime: Runtime) -> None:
        for cls in (Without, More, Plain):
            with pytest.raises(TypeError, match=rf"an entity is made as .*{cls.__name__}\(id\): "):
                runtime.entity(cls, "a")
            with pytest.raises(TypeError, match="an entity is made as"):
                await runtime.host(cls)
        with pytest.raises(Rejected, match="a"):
            await runtime.entity(Right, "a").ask(Do(""))
        with pytest.raises(ValueError, match="the id of a promise is a string that is not empty, not 5"):
            runtime.promise(5)  # type: ignore[call-overload]

    played(tmp_path / "actors.cue", scene)


def test_the_context_that_is_not_there_yet_is_said_so(tmp_path: Path) -> None:
    class Early(Actor):
        def __init__(self) -> None:
            self.context.after(1.0, Do(""), key="x")

    async def scene(runtime: Runtime) -> None:
        early = await runtime.spawn(Early, options=ActorOptions(intensity=RestartIntensity(0, 1.0)))
        with pytest.raises(ActorStopped, match="Early has its context from on_start on: it is not there in __init__"):
            await early.ask(Do(""))

    played(tmp_path / "actors.cue", scene)


def test_what_cannot_be_removed(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        with pytest.raises(TypeError, match="only a durable actor is removed"):
            await runtime.remove(Actor, "a")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="the id of a Slips is a string that is not empty, not 5"):
            await runtime.remove(Slips, 5)  # type: ignore[arg-type]
        assert not await runtime.remove(Slips, "nobody")

    played(tmp_path / "actors.cue", scene)
