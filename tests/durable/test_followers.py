"""Durable actors that follow the events of others: each event once, kept with what follows from it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook.api.runtime import Runtime
from cuebook.durable.effects import Effect, persist
from cuebook.durable.events.snapshots import SnapshotPolicy
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.durable.readside.envelope import EventEnvelope
from cuebook.errors import ActorStopped
from cuebook.persistence.upkeep.compaction import compact
from cuebook.wire.message import message
from tests.durable.scenes import played
from tests.durable.test_read_side import Add, Other, Till, Total, fill

pytestmark = pytest.mark.quick


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tills.cue"


@dataclass(frozen=True)
class Counted:
    amount: int


@message(tag=7302)
class Heard:
    pass


class Ledger(PersistentActor[list[int]]):
    """A projection: it keeps the amounts of all tills."""

    follows = (Till,)
    snapshots = SnapshotPolicy(every=5)

    def initial_state(self) -> list[int]:
        return []

    def on_event(self, e: EventEnvelope) -> Effect:
        return persist(Counted(e.event.amount))

    def on_heard(self, command: Heard) -> list[int]:
        return self.state

    def apply_counted(self, state: list[int], event: Counted) -> list[int]:
        return [*state, event.amount]


async def heard_by(runtime: Runtime, cls: type[PersistentActor[Any, Any]], count: int) -> list[int]:
    ref = runtime.entity(cls, "main")
    async with asyncio.timeout(20):
        while len(heard := await ref.ask(Heard())) < count:
            await asyncio.sleep(0.002)
    return list(heard)


def test_an_actor_that_follows_others_has_each_event_once_through_restarts_and_compactions(path: Path) -> None:
    async def first(runtime: Runtime) -> None:
        await fill(runtime)
        assert await heard_by(runtime, Ledger, 6) == [1, 2, 3, 4, 5, 6]
        await runtime.entity(Till, "c").ask(Add([7]))
        assert await heard_by(runtime, Ledger, 7) == [1, 2, 3, 4, 5, 6, 7]

    async def asleep(runtime: Runtime) -> None:
        await runtime.entity(Till, "c").ask(Add([8, 9]))

    async def second(runtime: Runtime) -> None:
        assert await heard_by(runtime, Ledger, 9) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
        await runtime.entity(Till, "c").ask(Add([10]))
        assert await heard_by(runtime, Ledger, 10) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

    played(path, first)
    compact(path)
    played(path, asleep)
    compact(path)
    played(path, second)


def test_an_event_whose_handler_fails_is_handled_again_and_one_that_is_rejected_is_done(path: Path) -> None:
    tried: list[int] = []

    class Wary(Ledger):
        def on_event(self, e: EventEnvelope) -> Effect:
            tried.append(e.event.amount)
            if e.event.amount == 2 and tried.count(2) < 3:
                raise RuntimeError("not yet")
            if e.event.amount == 3:
                return Effect().reject("no threes")
            return super().on_event(e)

    async def scene(runtime: Runtime) -> None:
        await fill(runtime)
        assert await heard_by(runtime, Wary, 5) == [1, 2, 4, 5, 6]
        assert tried.count(2) == 3
        assert tried.count(3) == 1

    played(path, scene)


def test_one_that_follows_stays_awake_and_what_it_delivers_arrives_once(path: Path) -> None:
    class Passer(Ledger):
        def on_event(self, e: EventEnvelope) -> Effect:
            return super().on_event(e).deliver(Other, "sum", Add([e.event.amount]))

    async def scene(runtime: Runtime) -> None:
        await runtime.host(Passer, idle_s=0.01)
        await fill(runtime)
        await heard_by(runtime, Passer, 6)
        await asyncio.sleep(0.03)
        await runtime.entity(Till, "a").ask(Add([7]))
        total = runtime.entity(Other, "sum")
        async with asyncio.timeout(20):
            while await total.ask(Total()) != 28:
                await asyncio.sleep(0.002)

    async def again(runtime: Runtime) -> None:
        assert await heard_by(runtime, Passer, 7) == [1, 2, 3, 4, 5, 6, 7]
        assert await runtime.entity(Other, "sum").ask(Total()) == 28

    played(path, scene, again)


def test_a_class_that_follows_itself_or_has_no_handler_for_events_is_refused() -> None:
    with pytest.raises(TypeError, match="on_event"):
        type("Deaf", (Till,), {"follows": (Other,)})
    with pytest.raises(TypeError, match="itself"):
        type("Other", (Ledger,), {"follows": (Other,)})
    with pytest.raises(TypeError, match="PersistentActor"):
        type("Wrong", (Ledger,), {"follows": (int,)})


class SavingTill(Till):
    type_name = "Till"
    snapshots = SnapshotPolicy(every=1, keep=1)


def test_events_that_a_follower_has_not_read_are_not_dropped(path: Path) -> None:
    async def first(runtime: Runtime) -> None:
        await fill(runtime, SavingTill)
        assert await heard_by(runtime, Ledger, 6) == [1, 2, 3, 4, 5, 6]

    async def asleep(runtime: Runtime) -> None:
        await runtime.entity(SavingTill, "c").ask(Add([7]))
        await runtime.entity(SavingTill, "c").ask(Add([8]))

    async def awake(runtime: Runtime) -> None:
        assert await heard_by(runtime, Ledger, 8) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert await runtime.entity(SavingTill, "c").ask(Total()) == 15

    async def counted(runtime: Runtime) -> None:
        there = [each.event.amount async for each in runtime.subscribe(of=Till, follow=False, missing="skip")]
        assert there == left.pop(0)

    left = [[7, 8], [7, 8], []]
    played(path, first, asleep)
    for _ in range(2):
        compact(path, drop_events=True)
        played(path, counted)
    played(path, awake)
    compact(path, drop_events=True)
    played(path, counted, awake)


def test_a_follower_whose_events_were_dropped_before_it_began_stops_and_says_so(path: Path) -> None:
    async def first(runtime: Runtime) -> None:
        await fill(runtime, SavingTill)

    async def late(runtime: Runtime) -> None:
        ref = await runtime.spawn(Ledger, "late")
        with pytest.raises(ActorStopped, match="drop-events"):
            await ref.ask(Heard())
        assert ref.statistics().restarts == 0

    played(path, first)
    compact(path, drop_events=True)
    played(path, late)
