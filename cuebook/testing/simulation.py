"""A deterministic simulation of whole runs: the real Supervisor, Workers and Journal in virtual time, on a disk and in
processes that exist in memory only, with everything going wrong at moments drawn from a seed. Knows no value's meaning.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from cuebook.persistence.memory import MemoryStore
from cuebook.testing.simulation_chaos import Chaos
from cuebook.testing.simulation_life import Life
from cuebook.testing.simulation_loop import run_shuffled
from cuebook.testing.simulation_plan import Scenario, drawn_calls
from cuebook.testing.simulation_witness import Witness

__all__ = ["Scenario", "Simulation", "SimulationFailed", "simulate"]

LIVES_MAX = 10
_TRACE_SHOWN = 60


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
    scenario: Scenario
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
        super().__init__(
            f"simulate({simulation.seed}, {simulation.scenario}) broke a guarantee:\n"
            + "\n".join(f"- {each}" for each in violations)
            + f"\nThe last events:\n  {end}"
        )


def simulate(seed: int, scenario: Scenario | None = None) -> Simulation:
    """Run the calls of a scenario to their end, through everything that the seed lets go wrong.

    Args:
        seed: draws the calls, the order of whatever is ready, every delay and every fault; the same seed with the same
            scenario and code gives the same trace.
        scenario: None draws one, too.

    Raises:
        SimulationFailed: a guarantee was broken.
    Cost: 20 to 200 ms.
    """
    scenario = Scenario.drawn(seed) if scenario is None else scenario
    witness = Witness(scenario, drawn_calls(scenario, random.Random(f"calls {seed}")))
    chaos = Chaos(seed, scenario, witness)
    store, lives, is_over = MemoryStore(), 0, False
    while not is_over and not witness.violations and lives < LIVES_MAX:
        life = Life(f"{seed}/{lives}", scenario, witness, chaos)
        is_over, store = run_shuffled(life.live(store), seed * LIVES_MAX + lives)
        lives += 1
    if not is_over and not witness.violations:
        witness.blame(f"not over after {lives} lives")
    if scenario.is_calm:
        witness.check_calm()
    done = Simulation(seed, scenario, tuple(witness.trace), witness.digest, lives)
    if witness.violations:
        raise SimulationFailed(witness.violations, done)
    return done
