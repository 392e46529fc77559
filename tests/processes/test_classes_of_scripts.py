"""Values whose classes a script defines itself reach its actors in processes, though the actor does not name them."""

from __future__ import annotations

from pathlib import Path

from tests.support.scripts import ScriptFolder

SCRIPT = """
import asyncio
import enum
from dataclasses import dataclass
from typing import Any

from cuebook import Actor, ActorRef, Message, Runtime, message


@message
class Put(Message[Any]):
    value: Any
    to: ActorRef | None = None


@message
class Put2(Message[Any]):
    value: Any


class Shape:
    pass


@dataclass(frozen=True)
class Circle(Shape):
    radius: int

    class Kind(enum.Enum):
        FILLED = 1


class Color(enum.Enum):
    RED = 1


class Draws(Actor):
    async def on_put(self, m: Put) -> Any:
        return m.value if m.to is None else await m.to.ask(Put2(m.value))


class Here(Actor):
    def on_put2(self, m: Put2) -> Any:
        return LATE


LATE: Any = None


async def main():
    global LATE
    async with Runtime() as runtime:
        draws = await runtime.spawn(Draws, where="process")
        for value in (Color.RED, [Circle(2), {Color.RED: Circle.Kind.FILLED}]):
            assert await draws.ask(Put(value)) == value

        @dataclass(frozen=True)
        class Late:
            number: int

        Late.__qualname__ = "Late"
        globals()["Late"] = Late
        LATE = Late(3)
        here = await runtime.spawn(Here)
        assert await draws.ask(Put(Color.RED, here)) == LATE
        draws.kill()
        assert await draws.ask(Put(LATE)) == LATE
    print("all of them")


asyncio.run(main())
"""


def test_they_are_taught_when_they_are_first_sent(tmp_path: Path) -> None:
    folder = ScriptFolder(tmp_path)
    folder.write(SCRIPT)
    assert folder.run()[0] == "all of them"
