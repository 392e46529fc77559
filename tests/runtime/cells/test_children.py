"""An actor has no more children than it may have, and those that it has go on."""

from __future__ import annotations

import pickle
import re
from typing import Any

import pytest

from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.spec import ActorOptions
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Counter, Get
from tests.support.virtually import virtually


class Spawner(Actor):
    """Starts as many children as it is told to, and says of the first that it may not have."""

    def __init__(self) -> None:
        self.children: list[Any] = []

    async def receive(self, message: Any) -> Any:
        match message:
            case Add(n):
                try:
                    self.children += [self.context.spawn(Counter) for _ in range(n)]
                except Exception as error:
                    return f"{type(error).__name__}: {error}"
                return ""
            case Get():
                return [await child.ask(Get()) for child in self.children]
        return None


@virtually
async def test_an_actor_has_no_more_children_than_it_may_have_and_one_that_ended_makes_room() -> None:
    async with ActorSystem() as system:
        top = system.spawn(Spawner, name="top", **ActorOptions(children_max=2).given())
        assert await top.ask(Add(2)) == ""
        said = re.sub(r"-\d+", "-n", await top.ask(Add(1)))
        assert said == (
            "SupervisionError: top has 2 children, so it starts no 'top/counter-n': "
            "children_max= says how many it may have"
        )
        assert await top.ask(Get()) == [0, 0]
        child = next(name for name in system.statistics() if name.startswith("top/"))
        await system.actor(child).stop()
        assert await top.ask(Add(1)) == ""


@pytest.mark.parametrize("options", [ActorOptions(), ActorOptions(children_max=3, attempts=2)])
def test_options_are_what_they_were_after_a_pickle(options: ActorOptions) -> None:
    assert pickle.loads(pickle.dumps(options)) == options


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "3"])
def test_a_limit_that_is_no_count_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="children_max of 'ActorOptions' is a whole number from 0 on"):
        ActorOptions(children_max=wrong)
