"""All that is asked of what stands behind a ref is declared, and answered by everything that may stand there."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from cuebook.durable.entities.entity import Entity
from cuebook.errors import ActorStopped
from cuebook.processes.remote_target import RemoteTarget
from cuebook.runtime.cells.cell import Cell
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.refs.absent import Absent
from cuebook.runtime.refs.ref import address_of, find_ref, target_of
from cuebook.runtime.refs.target import Supervised, Target
from cuebook.runtime.refs.waiting import Waiter
from cuebook.runtime.system import ActorSystem
from cuebook.testing.probe import Probe
from cuebook.testing.stub import StubTarget
from tests.support.cast import Counter, Get
from tests.support.virtually import virtually


def asked(*ports: type) -> Iterator[str]:
    """What the ports declare."""
    for port in ports:
        yield from (name for name in vars(port) if not name.startswith("_"))
        yield from port.__annotations__


@pytest.mark.parametrize("kind", [Cell, RemoteTarget, Entity, Absent, StubTarget])
def test_whatever_stands_behind_a_ref_has_what_is_asked_of_it(kind: type) -> None:
    made_by_hand = inspect.getsource(kind)

    lacking = [name for name in asked(Target, Waiter) if not hasattr(kind, name) and f"self.{name}" not in made_by_hand]

    assert lacking == []


def test_a_cell_has_what_its_supervisor_asks_for() -> None:
    assert [name for name in asked(Supervised) if not hasattr(Cell, name)] == []


@virtually
async def test_the_actor_that_is_not_there_says_so_and_nothing_else_comes_of_it() -> None:
    async with ActorSystem() as system:
        gone = find_ref(b"", "gone", 0)
        probe = Probe(system)

        with pytest.raises(ActorStopped, match="is not there any more"):
            gone.tell_nowait(Get())
        with pytest.raises(ActorStopped, match="gone"):
            target_of(gone).bonds()
        gone.kill()
        gone.trace()
        assert await gone.stop()
        assert not gone.unpark()
        assert address_of(gone) == (b"", "gone", 0)
        assert isinstance(await probe.expect_terminated(gone), Down)


@virtually
async def test_an_actor_stands_for_itself() -> None:
    async with ActorSystem() as system:
        target: Any = target_of(system.spawn(Counter, name="counter"))
        assert target.stands_for() is target
