"""What a handler of a durable actor forgets is noticed while it runs, and named; what is right is not blamed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from cuebook import Effect, Message, PersistentActor, Rejected, Runtime, message, persist
from cuebook.durable import oversight
from tests.durable.scenes import played


@message
class Do(Message[Any]):
    how: str


@message
class Other(Message[Any]):
    pass


@dataclass(frozen=True)
class Added:
    n: Any = 1


SHARED = persist(Added())


class Forgets(PersistentActor[int]):
    def initial_state(self) -> int:
        return 0

    def apply_added(self, state: int, event: Added) -> int:
        return state + 1

    def helper(self) -> Effect:
        return persist(Added(), Added())

    def on_do(self, m: Do) -> Any:
        match m.how:
            case "event":
                persist(Added()).reply(lambda state: state)
            case "reminder":
                Effect().remind("key", Other(), after=50.0)
            case "delivery":
                persist().deliver(Forgets, "z", Do("z"))
            case "one of two":
                persist(Added(1))
                return persist(Added(2))
            case "helper":
                self.helper()
            case "async":
                return self.later(returns=False)
            case "answer":
                Effect().reply(5)
            case "returned":
                return persist(Added()).reply(1).then(print).stop()
            case "refined":
                effect = persist(Added())
                effect = effect.remind("key", Other(), after=50.0)
                return effect.forget("key")
            case "parts":
                return persist(*self.helper().events, Added())
            case "shared":
                return SHARED.reply(2)
            case "nothing":
                Effect()
            case "async returned":
                return self.later(returns=True)
            case "rejected":
                persist(Added())
                raise Rejected("no")
        return None

    async def later(self, *, returns: bool) -> Any:
        effect = persist(Added())
        return effect if returns else None


WRONG = ["event", "reminder", "delivery", "one of two", "helper", "async", "answer"]
RIGHT = ["returned", "refined", "parts", "shared", "nothing", "async returned", "rejected"]


@pytest.mark.parametrize("how", WRONG + RIGHT)
def test_an_effect_that_is_made_and_not_returned_is_named(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(runtime: Runtime) -> None:
        forgets = runtime.entity(Forgets, "a")
        for _ in range(2):
            try:
                await forgets.ask(Do(how))
            except Rejected:
                pass
            await forgets.ask(Do("else"))

    with caplog.at_level(logging.ERROR, "cuebook"):
        played(tmp_path / "forgets.cue", scene)
    said = [record.getMessage() for record in caplog.records]
    if how in RIGHT:
        assert said == []
        return
    (text,) = said  # once
    assert "an effect was made and not returned, so it is lost: return persist(...)" in text
    assert "Forgets.on_do" in text


@dataclass
class Inner:
    notes: list[int] = field(default_factory=list)


@dataclass
class State:
    total: int = 0
    inner: Inner = field(default_factory=Inner)
    table: dict[str, Any] = field(default_factory=dict)


class Changes(PersistentActor[Any]):
    def initial_state(self) -> Any:
        return State()

    def apply_added(self, state: Any, event: Added) -> Any:
        state.total += 1  # a fold may
        return state

    def on_do(self, m: Do) -> Any:
        state = self.state
        match m.how:
            case "field":
                state.total += 1
            case "nested":
                state.inner.notes.append(1)
            case "alias":
                notes = state.table.setdefault("k", [])
                notes.append(1)
            case "beside an event":
                state.inner.notes.append(1)
                return persist(Added())
            case "assigned":
                self.state = State(5)
            case "after an await":
                return self.later()
            case "reply":
                return persist(Added()).reply(lambda state: state.table.setdefault("k", len(state.table)))
            case "reply without an event":
                return Effect().reply(lambda state: state.inner.notes.append(1))
            case "event":
                return persist(Added()).reply(lambda state: state.total)
            case "read":
                return sorted(state.table), list(state.inner.notes)
        return None

    async def later(self) -> None:
        self.state.inner.notes.append(1)


@pytest.mark.parametrize(
    "how",
    [
        "field",
        "nested",
        "alias",
        "beside an event",
        "assigned",
        "after an await",
        "reply",
        "reply without an event",
        "event",
        "read",
    ],
)
def test_a_state_that_a_handler_changes_is_named(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oversight, "SHARE", 1e9)  # however slow the machine is

    async def scene(runtime: Runtime) -> None:
        changes = runtime.entity(Changes, "a")
        for _ in range(3):
            await changes.ask(Do(how))

    with caplog.at_level(logging.ERROR, "cuebook"):
        played(tmp_path / "changes.cue", scene)
    said = [record.getMessage() for record in caplog.records]
    if how in ("event", "read"):
        assert said == []
        return
    (text,) = said
    assert "state was " in text
    assert "Changes.on_do" in text


def test_states_that_note_for_themselves_or_cannot_be_kept_are_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Noting:
        @cached_property
        def answer(self) -> int:
            return 42

    class Odd:
        def __init__(self) -> None:
            import threading

            self.lock, self.count = threading.Lock(), 0

    class Reads(PersistentActor[Any]):
        def initial_state(self) -> Any:
            return Noting() if self.id == "noting" else Odd()

        def on_do(self, m: Do) -> Any:
            return self.state.answer if self.id == "noting" else self.state.count

    async def scene(runtime: Runtime) -> None:
        assert await runtime.entity(Reads, "noting").ask(Do("")) == 42
        assert await runtime.entity(Reads, "odd").ask(Do("")) == 0

    with caplog.at_level(logging.WARNING, "cuebook"):
        played(tmp_path / "reads.cue", scene)
    assert caplog.records == []


def test_later_commands_are_looked_at_too_but_not_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oversight, "SHARE", 1.0)

    async def scene(runtime: Runtime) -> None:
        changes = runtime.entity(Changes, "a")
        await changes.batch([Do("read")] * oversight.FIRST)
        await changes.batch([Do("nested")] * (oversight.EVERY - oversight.FIRST - 1))
        assert caplog.records == []
        await changes.batch([Do("nested")] * 2)
        assert len(caplog.records) == 1

    with caplog.at_level(logging.ERROR, "cuebook"):
        played(tmp_path / "changes.cue", scene)
