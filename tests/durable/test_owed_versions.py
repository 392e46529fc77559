"""Messages that are owed outlive their program: the next version of it reads them, or says why it cannot."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook import Effect, Message, PersistentActor, Runtime, message, persist
from tests.durable.scenes import played, until

pytestmark = pytest.mark.quick

TAG = 60_650


def ping(**fields: Any) -> type[Any]:
    """The class of the message, as it is in one version."""
    annotations = {name: type(default) for name, default in fields.items()}
    defaults = {name: default for name, default in fields.items() if default not in (int, str)}
    named = {name: kind if kind is not type else fields[name] for name, kind in annotations.items()}
    names = {"__module__": "__main__", "__annotations__": named, **defaults}
    return message(tag=TAG)(type("Ping", (), names))


@message(tag=60_651)
class Begin(Message[None]):
    pass


@dataclass(frozen=True)
class Got:
    text: str


got: list[str] = []


def receiver(kind: type[Any], *, fails: bool = False) -> type[PersistentActor[Any]]:
    class Receiver(PersistentActor[int]):
        def initial_state(self) -> int:
            return 0

        def apply_got(self, state: int, event: Got) -> int:
            return state + 1

        def on_ping(self, command: kind) -> Effect:  # type: ignore[valid-type]
            if fails:
                raise ValueError("not in this version")
            got.append(repr(command))
            return persist(Got(repr(command)))

    return Receiver


def sender(kind: type[Any], to: type[PersistentActor[Any]]) -> type[PersistentActor[Any]]:
    class Sender(PersistentActor[int]):
        def initial_state(self) -> int:
            return 0

        def on_ping(self, command: kind) -> Effect | None:  # type: ignore[valid-type]
            got.append(f"reminded {command!r}")
            return None

        def on_begin(self, command: Begin) -> Effect:
            effect = Effect().deliver(to, "r", kind(1)).remind("once", kind(2), after=0.05)
            return effect.remind("often", kind(3), after=0.05, every=3600)

    return Sender


def owed(path: Path) -> None:
    """The first version owes a delivery and two reminders, and ends."""
    first = ping(n=int)
    to = receiver(first, fails=True)

    async def scene(runtime: Runtime) -> None:
        await runtime.host(to)
        await runtime.entity(sender(first, to), "s").ask(Begin())

    played(path, scene)
    assert got == []


async def both(runtime: Runtime, kind: type[Any]) -> None:
    to = receiver(kind)
    await runtime.host(to)
    await runtime.host(sender(kind, to))


def test_a_new_field_with_a_default_is_read(tmp_path: Path) -> None:
    got.clear()
    owed(tmp_path / "actors.cue")
    second = ping(n=int, who="nobody")

    async def scene(runtime: Runtime) -> None:
        await both(runtime, second)
        await until(lambda: len(got) == 3)

    played(tmp_path / "actors.cue", scene)
    named = [f"Ping(n={n}, who='nobody')" for n in (1, 2, 3)]
    assert sorted(got) == sorted([named[0], *(f"reminded {each}" for each in named[1:])])


def test_what_cannot_be_read_is_said_and_stays_owed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    got.clear()
    owed(tmp_path / "actors.cue")
    second = ping(n=int, who=str)

    async def scene(runtime: Runtime) -> None:
        await both(runtime, second)
        await until(lambda: len([record for record in caplog.records if "who a default" in record.getMessage()]) >= 3)

    with caplog.at_level(logging.WARNING, "cuebook"):
        played(tmp_path / "actors.cue", scene)
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "a reminder cannot be read, and is tried again" in said
    assert "'once'" in said
    assert "'often'" in said
    assert "Ping has 2 fields, the frame 1: give who a default" in said
    assert got == []
    third = ping(n=int, who="later")

    async def again(runtime: Runtime) -> None:
        await both(runtime, third)
        await until(lambda: len(got) == 3)

    played(tmp_path / "actors.cue", again)
