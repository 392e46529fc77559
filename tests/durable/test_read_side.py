"""The read side: each committed event once and in order, from any offset on, through compactions and removals."""

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
from cuebook.errors import OffsetLost, UnknownEvent
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.salvage import recover
from cuebook.persistence.upkeep.verification import verify
from cuebook.wire.message import message
from tests.durable.scenes import played, until

pytestmark = pytest.mark.quick


@message(tag=7300)
class Add:
    amounts: list[int]


@message(tag=7301)
class Total:
    pass


@dataclass(frozen=True)
class Added:
    amount: int


class Till(PersistentActor[int]):
    """Takes several amounts at once: one record of several events."""

    events = (Added,)

    def initial_state(self) -> int:
        return 0

    def on_add(self, command: Add) -> Effect:
        return persist(*(Added(each) for each in command.amounts)).reply(lambda state: state)

    def on_total(self, command: Total) -> int:
        return self.state

    def apply_added(self, state: int, event: Added) -> int:
        return state + event.amount


class SavingTill(Till):
    type_name = "Till"
    snapshots = SnapshotPolicy(every=1, keep=1)


class Other(Till):
    """Its events are not asked for."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tills.cue"


async def read(runtime: Runtime, after: str | None = None, of: Any = Till, **options: Any) -> list[EventEnvelope]:
    return [each async for each in runtime.subscribe(of=of, after=after, follow=False, **options)]


def amounts(envelopes: list[EventEnvelope]) -> list[int]:
    return [each.event.amount for each in envelopes]


async def fill(runtime: Runtime, cls: type[Till] = Till) -> None:
    await runtime.entity(cls, "a").ask(Add([1, 2, 3]))
    await runtime.entity(Other, "a").ask(Add([100]))
    await runtime.entity(cls, "b").ask(Add([4]))
    await runtime.entity(cls, "a").ask(Add([5, 6]))


def test_the_events_of_a_type_come_in_the_order_of_the_journal_with_what_is_known_of_them(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        await fill(runtime)
        found = await read(runtime)
        assert amounts(found) == [1, 2, 3, 4, 5, 6]
        assert [(each.type, each.id, each.number) for each in found[2:5]] == [
            ("Till", "a", 3),
            ("Till", "b", 1),
            ("Till", "a", 4),
        ]
        assert amounts(await read(runtime, of=(Till, Other))) == [1, 2, 3, 100, 4, 5, 6]
        assert len({each.offset for each in found}) == 6

    played(path, scene)


def test_from_each_offset_on_the_rest_comes_and_nothing_else_in_this_run_and_the_next(path: Path) -> None:
    offsets: list[str] = []

    async def scene(runtime: Runtime) -> None:
        if not offsets:
            await fill(runtime)
        found = await read(runtime)
        offsets[:] = offsets or [each.offset for each in found]
        assert [each.offset for each in found] == offsets
        for place, offset in enumerate(offsets):
            assert amounts(await read(runtime, offset)) == amounts(found)[place + 1 :]

    played(path, scene, scene)


def test_a_subscription_goes_on_with_what_is_committed_later_and_ends_with_the_runtime(path: Path) -> None:
    heard: list[int] = []

    async def listen(runtime: Runtime) -> None:
        async for each in runtime.subscribe(of=Till):
            heard.append(each.event.amount)

    async def main() -> None:
        async with asyncio.timeout(30), Runtime(path) as runtime:
            await runtime.entity(Till, "a").ask(Add([1]))
            listening = asyncio.create_task(listen(runtime))
            await until(lambda: heard == [1])
            await runtime.entity(Till, "b").ask(Add([2, 3]))
            await until(lambda: heard == [1, 2, 3])
        await asyncio.wait_for(listening, 5)

    asyncio.run(main())
    assert heard == [1, 2, 3]


def test_a_slow_reader_loses_nothing(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        events = runtime.subscribe(of=Till)
        till = runtime.entity(Till, "a")
        await till.ask(Add([0]))
        assert (await anext(events)).event.amount == 0
        for amount in range(1, 200):
            await till.ask(Add([amount] * 7))
        heard = [(await anext(events)).event.amount for _ in range(7 * 199)]
        assert heard == [amount for amount in range(1, 200) for _ in range(7)]

    played(path, scene)


def test_nothing_is_missed_between_many_records_of_others(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        events = runtime.subscribe(of=Till)
        till = runtime.entity(Till, "a")
        for number in range(3):
            await till.ask(Add([number]))
            await asyncio.gather(*(runtime.entity(Other, f"{number}-{n}").ask(Add([100])) for n in range(400)))
        assert [(await anext(events)).event.amount for _ in range(3)] == [0, 1, 2]
        assert amounts(await read(runtime)) == [0, 1, 2]
        found = await read(runtime, of=(Till, Other))
        assert len(found) == len({each.offset for each in found}) == 1203
        assert len(await read(runtime, found[700].offset, of=(Till, Other))) == 502

    played(path, scene)


@pytest.mark.parametrize("times", [1, 3])
def test_offsets_stay_good_through_compactions(path: Path, times: int) -> None:
    offsets: list[str] = []

    async def before(runtime: Runtime) -> None:
        await fill(runtime, SavingTill)
        offsets.extend(each.offset for each in await read(runtime))

    async def after(runtime: Runtime) -> None:
        await runtime.entity(SavingTill, "a").ask(Add([7]))
        for place, offset in enumerate(offsets):
            assert amounts(await read(runtime, offset)) == [1, 2, 3, 4, 5, 6, 7][place + 1 :]
        assert amounts(await read(runtime)) == [1, 2, 3, 4, 5, 6, 7]

    played(path, before)
    for _ in range(times):
        assert compact(path).records_after < 20
    assert verify(path).ok
    played(path, after)


def test_dropped_events_that_are_still_to_be_read_are_an_error_and_those_already_read_are_not(path: Path) -> None:
    offsets: list[str] = []

    async def before(runtime: Runtime) -> None:
        await fill(runtime, SavingTill)
        offsets.extend(each.offset for each in await read(runtime))

    async def after(runtime: Runtime) -> None:
        await runtime.entity(SavingTill, "a").ask(Add([7]))
        assert amounts(await read(runtime, offsets[-1])) == [7]
        for offset in [None, *offsets[:-1]]:
            with pytest.raises(OffsetLost, match="drop-events"):
                await read(runtime, offset)
            assert amounts(await read(runtime, offset, missing="skip")) == [7]
        assert amounts(await read(runtime, of=Other)) == [100]

    played(path, before)
    compact(path, drop_events=True)
    compact(path)
    played(path, after)


def test_an_offset_of_another_journal_or_of_a_later_state_of_this_one_is_refused(path: Path, tmp_path: Path) -> None:
    offsets: list[str] = []

    async def first(runtime: Runtime) -> None:
        await fill(runtime)
        offsets.extend(each.offset for each in await read(runtime))

    async def elsewhere(runtime: Runtime) -> None:
        with pytest.raises(OffsetLost, match="another journal"):
            await read(runtime, offsets[0])
        beyond = offsets[0].replace("-", "-9999")
        with pytest.raises(ValueError, match="offset"):
            runtime.subscribe(of=Till, after="7")
        with pytest.raises(TypeError, match="PersistentActor"):
            runtime.subscribe(of=int)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="missing"):
            runtime.subscribe(of=Till, missing="all")  # type: ignore[arg-type]
        offsets.append(beyond)

    async def again(runtime: Runtime) -> None:
        with pytest.raises(OffsetLost, match="behind the end"):
            await read(runtime, offsets[-1])

    played(path, first)
    played(tmp_path / "other.cue", elsewhere)
    played(path, again)


def test_an_event_that_cannot_be_read_any_more_is_an_error_after_those_before_it(path: Path) -> None:
    @dataclass(frozen=True)
    class Gone:
        amount: int

    class Old(Till):
        type_name = "Till"
        events = (Added, Gone)

        def on_add(self, command: Add) -> Effect:
            first, *rest = command.amounts
            return persist(Gone(2), Added(3)) if rest else persist(Added(first))

        def apply(self, state: int, event: Any) -> int:
            return state + int(event.amount)

    class New(Till):
        type_name = "Till"
        upcasters = {"test_an_event_that_cannot_be_read_any_more_is_an_error_after_those_before_it.<locals>.Gone": (
            lambda fields: [Added(fields["amount"]), Added(-1)]
        )}  # fmt: skip

    async def before(runtime: Runtime) -> None:
        await runtime.entity(Old, "a").ask(Add([1]))
        await runtime.entity(Old, "a").ask(Add([2, 3]))

    async def after(runtime: Runtime) -> None:
        events = runtime.subscribe(of=Till, follow=False)
        assert (await anext(events)).event == Added(1)
        for _ in range(2):
            with pytest.raises(UnknownEvent, match="Gone"):
                await anext(events)

    async def mended(runtime: Runtime) -> None:
        found = await read(runtime, of=New)
        assert amounts(found) == [1, 2, -1, 3]
        assert [each.number for each in found] == [1, 2, 2, 3]
        assert [amounts(await read(runtime, each.offset, of=New)) for each in found] == [[2, -1, 3], [-1, 3], [3], []]

    played(path, before, after)
    played(path, mended)


def test_offsets_of_before_are_lost_in_a_journal_that_was_recovered(path: Path, tmp_path: Path) -> None:
    """Records may be missing from it, so that their numbers are no longer known."""
    offsets: list[str] = []

    async def before(runtime: Runtime) -> None:
        await fill(runtime)
        offsets.append((await read(runtime))[0].offset)

    async def after(runtime: Runtime) -> None:
        for offset in offsets:
            with pytest.raises(OffsetLost, match="recovered"):
                await read(runtime, offset)
        assert amounts(await read(runtime)) == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]

    played(path, before)
    compact(path)
    played(path, before)
    recover(path, tmp_path / "recovered.cue")
    played(tmp_path / "recovered.cue", after)
