"""A `receive` of a class's own, and its `on_...` methods behind it."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.errors import UnhandledMessage
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.system import ActorSystem
from cuebook.wire.message import message
from tests.support.virtually import virtually

pytestmark = pytest.mark.quick


@message
class Put:
    n: int


@message
class Other:
    pass


class Counts(Actor):
    def __init__(self) -> None:
        self.seen = 0

    def receive(self, message: Any) -> Any:
        self.seen += 1
        return super().receive(message)

    def on_put(self, message: Put) -> int:
        return message.n + self.seen


class CountsMore(Counts):
    def on_put(self, message: Put) -> int:
        return 100 * super().on_put(message)


class Odd(Actor):
    """What is called `on_...` in it is no handler."""

    def receive(self, message: Any) -> Any:
        return self.on_both(1, 2)

    def on_both(self, one: int, two: int) -> int:
        return one + two


@virtually
async def test_what_a_receive_passes_on_is_handled_by_the_annotation() -> None:
    async with ActorSystem() as system:
        counts, more, odd = (system.spawn(cls, name=cls.__name__) for cls in (Counts, CountsMore, Odd))
        assert [await counts.ask(Put(5)), await counts.ask(Put(5)), await more.ask(Put(1))] == [6, 7, 200]
        with pytest.raises(UnhandledMessage, match="has no handler for Other"):
            await counts.ask(Other())
        assert await odd.ask(Put(1)) == 3
