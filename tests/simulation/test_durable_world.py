"""Durable actors in the simulation: what was answered is kept, whatever is killed, whichever write fails, at any crash."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook.durable.effects import Effect, persist
from cuebook.durable.events.snapshots import SnapshotPolicy
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import CuebookError
from cuebook.testing.simulation.runner import SimulationFailed, Trouble, World, simulate
from cuebook.wire.message import message

EVERYTHING = Trouble(kills=3, disk_faults=2, crashes=2)


@message(tag=60_231)
class Put:
    n: int


@message(tag=60_232)
class All:
    pass


@message(tag=60_233)
class Pass:
    n: int
    to: str


@dataclass(frozen=True)
class Took:
    n: int


class Box(PersistentActor[tuple[int, ...]]):
    """Keeps each number once."""

    snapshots = SnapshotPolicy(every=3, keep=2)

    def initial_state(self) -> tuple[int, ...]:
        return ()

    def on_put(self, command: Put) -> Effect:
        if command.n in self.state:
            return Effect().reply(len(self.state))
        return persist(Took(command.n)).reply(len)

    def on_pass(self, command: Pass) -> Effect:
        if command.n in self.state:
            return Effect().reply("passed on already")
        return persist(Took(command.n)).deliver(Box, command.to, Put(command.n)).reply("passed on")

    def on_all(self, command: All) -> list[int]:
        return list(self.state)

    def apply_took(self, state: tuple[int, ...], event: Took) -> tuple[int, ...]:
        return (*state, event.n)


async def insist(world: World, ref: Any, command: Any) -> Any:
    """Ask until it is answered."""
    while True:
        try:
            return await ref.ask(command, timeout=5.0)
        except CuebookError as error:
            world.note(f"{command} again, after {type(error).__name__}: {error}")
            world.runtime.store.faults.make_room()
            await asyncio.sleep(0.5)


async def keeping(world: World) -> None:
    """Numbers that were acknowledged are there, each once, in the order of their acknowledgement."""
    promised = world.memory.setdefault("promised", [])
    box = world.runtime.entity(Box, "one", idle_s=1.0)
    found = await insist(world, box, All())
    world.check(found[: len(promised)] == promised, f"promised {promised}, found {found}")
    for n in range(8):
        await insist(world, box, Put(n))
        if n not in promised:
            promised.append(n)
        if n == 4:
            await asyncio.sleep(3)  # it sleeps, and is woken by the next
    found = await insist(world, box, All())
    world.check(found == sorted(set(found)) == list(range(8)), f"found {found}")


async def passing(world: World) -> None:
    """What is passed on arrives, once."""
    first, second = (world.runtime.entity(Box, name) for name in ("first", "second"))
    for n in range(5):
        await insist(world, first, Pass(n, "second"))
    for _ in range(200):
        world.runtime.store.faults.make_room()
        if len(found := await insist(world, second, All())) >= 5:
            break
        await asyncio.sleep(5)
    world.check(found == list(range(5)), f"arrived: {found}")


@pytest.mark.parametrize("seed", range(40))
def test_what_was_acknowledged_is_kept(seed: int) -> None:
    simulate(seed, keeping, trouble=EVERYTHING)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_owed_arrives_once(seed: int) -> None:
    simulate(seed, passing, trouble=EVERYTHING)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [keeping, passing])
def test_durable_actors_hold_over_many_seeds(scenario: Any) -> None:
    for seed in range(40, 500):
        simulate(seed, scenario, trouble=EVERYTHING)


def test_an_answer_before_the_commit_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from cuebook.durable.keeper import Keeper

    keep = Keeper._keep

    def hasty(self: Keeper, effect: Effect, outcome: Any, cause: Any) -> Any:
        delivery = self._deferred()
        if delivery is not None:
            delivery.settle(outcome)
        return keep(self, effect, outcome, cause)

    monkeypatch.setattr(Keeper, "_keep", hasty)
    for seed in range(200):
        try:
            simulate(seed, keeping, trouble=EVERYTHING)
        except SimulationFailed as failure:
            assert "promised" in str(failure)
            return
    pytest.fail("not caught")


def test_the_same_seed_gives_the_same_trace_in_a_process_with_other_hashes() -> None:
    program = (
        "from cuebook.testing.simulation.runner import simulate; from tests.simulation.test_durable_world import *; "
        "print(*[simulate(seed, scene, trouble=EVERYTHING).digest for seed in range(6) for scene in (keeping, passing)])"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment, cwd=root
    )
    digests = [simulate(seed, scene, trouble=EVERYTHING).digest for seed in range(6) for scene in (keeping, passing)]
    assert done.stdout.split() == digests
