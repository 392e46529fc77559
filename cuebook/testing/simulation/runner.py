"""Deterministic simulation: actors in virtual time on a seeded scheduler, and everything going wrong at moments drawn
from the seed. What is simulated is a `Play`: the cast of a run, or a scenario of one's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.simulation.cast import CastPlay
from cuebook.testing.simulation.diary import Diary
from cuebook.testing.simulation.loop import run_shuffled
from cuebook.testing.simulation.plan import Scenario
from cuebook.testing.simulation.world import Trouble, UserPlay, UserScenario, World

__all__ = ["Play", "Scenario", "Simulation", "SimulationFailed", "Trouble", "World", "simulate"]

LIVES_MAX = 10
_TRACE_SHOWN = 60


class Play(Protocol):
    """What is simulated, over all lives of its process."""

    scenario: Any

    @property
    def diary(self) -> Diary:
        """Where all is written down."""

    async def live(self, number: int, store: MemoryStore) -> tuple[bool, MemoryStore]:
        """One life, from 0 on, with what the journal holds: whether all is over, and the store for the next one."""

    def judge(self) -> None:
        """Blame what only the whole shows."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """What happened.

    Attributes:
        seed, scenario: what to give `simulate` to see it again.
        trace: every event, with its virtual time.
        digest: stands for the trace.
        lives: how many processes it took.
    """

    seed: int
    scenario: Any
    trace: tuple[str, ...]
    digest: str
    lives: int


class SimulationFailed(AssertionError):
    """A guarantee was broken; says which, and the seed that shows it again.

    Attributes:
        violations: what must not have happened.
        simulation: how it came about.
    """

    def __init__(self, violations: Sequence[str], simulation: Simulation) -> None:
        self.violations = tuple(violations)
        self.simulation = simulation
        end = "\n  ".join(simulation.trace[-_TRACE_SHOWN:])
        name = getattr(simulation.scenario, "__qualname__", None) or repr(simulation.scenario)
        super().__init__(
            f"simulate({simulation.seed}, {name}) broke a guarantee:\n"
            + "\n".join(f"- {each}" for each in violations)
            + f"\nThe last events:\n  {end}"
        )


def simulate(
    seed: int, scenario: Scenario | UserScenario | None = None, *, trouble: Trouble | None = None
) -> Simulation:
    """Run a scenario to its end, through everything that the seed lets go wrong.

    Args:
        seed: draws the order of whatever is ready, every delay and every fault; the same seed with the same scenario
            and code gives the same trace.
        scenario: a coroutine function that gets a World: it spawns actors, talks to them, and asserts. After a crash
            it is called again, in the next life. Or a Scenario: the calls of a durable map, with the library's own
            actors; None draws one.
        trouble: what may go wrong in a scenario of one's own; by default `Trouble()`, two kills. (A Scenario says so
            itself.)

    Raises:
        SimulationFailed: the scenario raised, or did not end; something was left behind; or a guarantee was broken.
            What the scenario raised is its cause.
    Cost: 20 to 200 ms for a Scenario.
    """
    if scenario is not None and not isinstance(scenario, Scenario):
        play: Play = UserPlay(seed, scenario, Trouble() if trouble is None else trouble)
    elif trouble is not None:
        raise TypeError("a Scenario says itself what may go wrong: give `trouble` with a scenario of your own")
    else:
        play = CastPlay(seed, scenario)
    diary = play.diary
    store, lives, is_over = MemoryStore(), 0, False
    while not is_over and not diary.violations and lives < LIVES_MAX:
        is_over, store = _life(play, seed, lives, store)
        lives += 1
    if not is_over and not diary.violations:
        diary.is_blind = False
        diary.blame(f"not over after {lives} lives")
    play.judge()
    done = Simulation(seed, play.scenario, tuple(diary.trace), diary.digest, lives)
    if diary.violations:
        raise SimulationFailed(diary.violations, done) from getattr(play, "error", None)
    return done


def _life(play: Play, seed: int, number: int, store: MemoryStore) -> tuple[bool, MemoryStore]:
    async def life() -> tuple[bool, MemoryStore]:
        try:
            return await play.live(number, store)
        finally:
            # What the garbage collector finds of this life later on is no part of the next one.
            asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)

    return run_shuffled(life(), seed * LIVES_MAX + number)
