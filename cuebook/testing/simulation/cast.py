"""The cast in a simulation: the real Supervisor, Workers and Journal, in processes and on a disk that exist in memory
only. Knows no value's meaning.
"""

from __future__ import annotations

import random

from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.simulation.chaos import Chaos
from cuebook.testing.simulation.life import Life
from cuebook.testing.simulation.plan import Scenario, drawn_calls
from cuebook.testing.simulation.witness import Witness

__all__ = ["CastPlay"]


class CastPlay:
    """The calls of a scenario, from their first life to their end. A `Play`.

    Args:
        scenario: what may happen; None draws it from the seed.
    """

    def __init__(self, seed: int, scenario: Scenario | None) -> None:
        self.scenario = Scenario.drawn(seed) if scenario is None else scenario
        self.diary = Witness(self.scenario, drawn_calls(self.scenario, random.Random(f"calls {seed}")))
        self._seed = seed
        self._chaos = Chaos(seed, self.scenario.mischief, self.diary)

    async def live(self, number: int, store: MemoryStore) -> tuple[bool, MemoryStore]:
        """As `Play.live`."""
        life = Life(f"{self._seed}/{number}", self.scenario, self.diary, self._chaos)
        return await life.live(store)

    def judge(self) -> None:
        """As `Play.judge`."""
        if self.scenario.is_calm:
            self.diary.check_calm()
