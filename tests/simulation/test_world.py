"""Scenarios of one's own in the simulation: whatever may go wrong does, and the seed shows it again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cuebook.errors import CodecError, JournalError, MessagingError
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Entry, Kind
from cuebook.runtime.cells.actor import Actor
from cuebook.testing.simulation.runner import Scenario, SimulationFailed, Trouble, World, simulate
from cuebook.wire.message import message

CALM = Trouble(kills=0)


@message(tag=60_211)
class Put:
    n: int


@message(tag=60_212)
class Sum:
    pass


class Adder(Actor):
    """Adds each number once, into a box that outlives it."""

    def __init__(self, box: list[int], *, is_careful: bool = True) -> None:
        self.box = box
        self.is_careful = is_careful

    async def receive(self, message: Any) -> Any:
        match message:
            case Put(n):
                if not self.is_careful or n not in self.box:
                    before = list(self.box)
                    await asyncio.sleep(0.001)
                    self.box[:] = [*before, n]
            case Sum():
                pass
        return sum(self.box)


async def acknowledged(world: World, ref: Any, n: int) -> None:
    """Ask until it is answered, as a careful sender does."""
    while True:
        try:
            await ref.ask(Put(n), timeout=1.0)
            return
        except (MessagingError, CodecError) as error:
            world.note(f"{n} again, after {type(error).__name__}")


async def careful(world: World) -> None:
    box: list[int] = []
    ref = world.spawn(lambda: Adder(box), name="adder", is_remote=True)
    for n in range(10):
        await acknowledged(world, ref, n)
    world.check(sorted(box) == list(range(10)), f"the box holds {box}")


async def hasty(world: World) -> None:
    """Does not ask again: what is killed with its message in hand is lost."""
    box: list[int] = []
    ref = world.spawn(lambda: Adder(box), name="adder")
    for n in range(10):
        await ref.tell(Put(n))
    while ref.statistics().depth:
        await asyncio.sleep(1)
    assert await ref.ask(Sum()) == 45


async def doubling(world: World) -> None:
    """Asks again, and adds twice: the answer was lost, not the question."""
    box: list[int] = []
    ref = world.spawn(lambda: Adder(box, is_careful=False), name="adder", is_remote=True)
    for n in range(1, 11):
        await acknowledged(world, ref, n)
    assert await world.system.actor("adder").ask(Sum()) == 55, f"the box holds {box}"


EVERYTHING = Trouble(kills=2, drops=2, repeats=2, swaps=2, garbles=2)


@pytest.mark.parametrize("seed", range(30))
def test_a_careful_scenario_holds_whatever_goes_wrong(seed: int) -> None:
    simulate(seed, careful, trouble=EVERYTHING)


def failures(scenario: Any, trouble: Trouble, seeds: int = 100) -> list[SimulationFailed]:
    found = []
    for seed in range(seeds):
        try:
            simulate(seed, scenario, trouble=trouble)
        except SimulationFailed as failure:
            found.append(failure)
    return found


def test_a_bug_that_needs_a_kill_is_found_by_kills() -> None:
    found = failures(hasty, Trouble(kills=1), 30)
    assert found
    assert all("adder is killed" in str(failure) for failure in found)
    assert isinstance(found[0].__cause__, AssertionError)
    assert failures(hasty, CALM, 30) == []


def test_a_bug_that_needs_a_lost_answer_is_found_by_losing_messages() -> None:
    assert failures(doubling, Trouble(kills=0, drops=2))
    assert failures(doubling, CALM, 30) == []


def test_every_kind_of_trouble_comes() -> None:
    seen = "\n".join(line for seed in range(30) for line in simulate(seed, careful, trouble=EVERYTHING).trace)
    for kind in ("kill", "drop", "repeat", "swap", "garble"):
        assert f"CHAOS {kind}" in seen


def test_the_order_of_strangers_is_chance_and_the_seed_replays_it() -> None:
    async def race(world: World) -> None:
        for name in "abc":
            world.spawn(lambda name=name: Noter(world, name), name=name).tell_nowait(Sum())
        await asyncio.sleep(1)

    class Noter(Actor):
        def __init__(self, world: World, name: str) -> None:
            self.world, self.name = world, name

        def receive(self, message: Any) -> None:
            self.world.note(self.name)

    traces = {simulate(seed, race, trouble=CALM).trace for seed in range(20)}
    assert len(traces) > 3
    assert simulate(5, race, trouble=CALM).trace == simulate(5, race, trouble=CALM).trace


def test_the_same_seed_gives_the_same_trace_in_a_process_with_other_hashes() -> None:
    program = (
        "from cuebook.testing.simulation.runner import simulate; from tests.simulation.test_world import EVERYTHING, careful; "
        "print(*[simulate(seed, careful, trouble=EVERYTHING).digest for seed in range(5)])"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment, cwd=root
    )
    assert done.stdout.split() == [simulate(seed, careful, trouble=EVERYTHING).digest for seed in range(5)]


async def opened(world: World) -> JournalWriter:
    while True:
        try:
            file, _ = await world.runtime.app.journal("any.cue")
        except JournalError as error:
            world.note(f"{error}")
        else:
            return file


async def journaling(world: World) -> None:
    """Appends to the journal until all that it wants is there, over crashes and failing disks."""
    file = await opened(world)
    wanted = [b"%d" % n for n in range(8)]
    kept = {record.body for record in file.records(kinds=[Kind.COMPLETED])}
    for body in world.memory.get("promised", []):
        world.check(body in kept, f"{body!r} was acknowledged, and is gone")
    for body in wanted:
        while body not in kept:
            try:
                await file.append([Entry(Kind.COMPLETED, 1, b"head", body)])
            except JournalError as error:
                world.note(f"{error}")
                world.runtime.store.faults.make_room()
                kept = {record.body for record in file.records(kinds=[Kind.COMPLETED])}
                continue
            kept.add(body)
            world.memory.setdefault("promised", []).append(body)
    bodies = [record.body for record in file.records(kinds=[Kind.COMPLETED])]
    world.check(sorted(bodies) == sorted(wanted), f"the journal holds {bodies}")
    await world.runtime.app.release("any.cue")


def test_what_the_journal_acknowledged_is_there_after_crashes_and_failing_writes() -> None:
    lives, noted = 0, ""
    for seed in range(30):
        done = simulate(seed, journaling, trouble=Trouble(kills=0, crashes=2, disk_faults=2))
        lives += done.lives
        noted += "\n".join(done.trace)
    assert lives > 45
    assert "CHAOS disk" in noted
    assert "as it was told" in noted


def test_an_acknowledgement_before_the_append_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgetful(world: World) -> None:
        promised = world.memory.setdefault("promised", [])
        file, _ = await world.runtime.app.journal("any.cue")
        kept = {record.body for record in file.records(kinds=[Kind.COMPLETED])}
        world.check(kept >= set(promised), "acknowledged, and gone")
        for n in range(8):
            promised.append(b"%d" % n)
            await file.append([Entry(Kind.COMPLETED, 1, b"head", b"%d" % n)])
        await world.runtime.app.release("any.cue")

    found = failures(forgetful, Trouble(kills=0, crashes=1), 50)
    assert {failure.violations for failure in found} == {("acknowledged, and gone",)}


def test_a_spared_actor_is_never_killed() -> None:
    async def scene(world: World) -> None:
        ref = world.spare(world.spawn(lambda: Adder([]), name="spared"))
        for n in range(20):
            await ref.ask(Put(n))
        world.check(ref.statistics().restarts == 0, "it was killed")

    for seed in range(20):
        simulate(seed, scene, trouble=Trouble(kills=5))


def test_a_scenario_that_never_ends_is_stuck_and_the_actors_are_shown() -> None:
    async def scene(world: World) -> None:
        world.spawn(lambda: Adder([]), name="idle one")
        await asyncio.sleep(10**9)

    with pytest.raises(
        SimulationFailed, match=r"stuck: the scenario was not over after 3600 s\n(.*\n)*.*idle one \(Adder\) running"
    ):
        simulate(1, scene, trouble=CALM)


def test_what_a_scenario_leaves_behind_and_what_nobody_sees_is_blamed() -> None:
    async def leaving(world: World) -> None:
        world.memory["task"] = asyncio.create_task(asyncio.sleep(10**9), name="the tireless one")

    async def unseen(world: World) -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(SimulationFailed, match="left behind: task 'the tireless one'"):
        simulate(1, leaving, trouble=CALM)
    with pytest.raises(SimulationFailed, match="unhandled: ZeroDivisionError"):
        simulate(1, unseen, trouble=CALM)


def test_trouble_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="kills is a number of times"):
        Trouble(kills=-1)
    with pytest.raises(TypeError, match="says itself what may go wrong"):
        simulate(1, Scenario(), trouble=CALM)
