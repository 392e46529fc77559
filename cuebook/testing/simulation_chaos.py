"""What goes wrong in a simulation, and when: drawn from the seed, within what the scenario allows. Judges nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from cuebook.persistence.memory import MemoryStore
from cuebook.testing.simulation_plan import Scenario
from cuebook.testing.simulation_witness import Witness

__all__ = ["Chaos", "Injected"]


class Injected(Exception):
    """A handler fails half-way, as by a bug."""


class Chaos:
    """Strikes at moments that the parts of the simulation name.

    Args:
        seed: draws the moments.
        scenario: how much of what may happen in a life.
        witness: sees each strike.
    """

    def __init__(self, seed: int, scenario: Scenario, witness: Witness) -> None:
        self._chance = random.Random(f"chaos {seed}")
        self._scenario = scenario
        self._witness = witness
        self._rate = self._chance.choice([0.004, 0.02, 0.08])
        self._disk_faults = scenario.disk_faults
        self._interrupts = int(scenario.is_interrupted)
        self._crashes = scenario.crashes
        self.has_crashed = False
        self._begin()

    def _begin(self) -> None:
        self._strikes: list[str] = []
        self._targets: dict[str, Callable[[], Any]] = {}
        self._failures = 0

    def begin_life(self, store: MemoryStore, targets: dict[str, Callable[[], Any]]) -> None:
        """A new process: `targets` say how to do each kind of harm ("supervisor", "journal", "worker", "host", ...)."""
        scenario, chance = self._scenario, self._chance
        self._begin()
        self._targets = targets
        self._store = store
        self._failures = scenario.failures
        self._strikes = [chance.choice(["supervisor", "journal", "worker"]) for _ in range(scenario.kills)]
        self._strikes += ["host"] * scenario.deaths
        self._strikes += ["interrupt"] * self._interrupts
        self._strikes += ["crash"] * (self._crashes > 0)
        self._strikes += ["disk"] * min(1, self._disk_faults)
        chance.shuffle(self._strikes)

    @property
    def has_gone_quiet(self) -> bool:
        """Whether nothing more may happen in this life."""
        return not self._strikes

    def moment(self, _where: str) -> None:
        """Something could happen now."""
        if self._strikes and not self._witness.is_blind and self._chance.random() < self._rate:
            kind = self._strikes.pop()
            self._witness.note(f"CHAOS {kind}")
            if kind == "disk":
                self._disk_faults -= 1
                self._break_disk()
            elif kind == "interrupt":
                self._interrupts -= 1
            elif kind == "crash":
                self._crashes -= 1
            if kind in self._targets:
                self._targets[kind]()

    def fragile(self, where: str) -> None:
        """A handler could fail here."""
        if self._failures and not self._witness.is_blind and self._chance.random() < self._rate:
            self._failures -= 1
            self._witness.note(f"CHAOS failure in {where}")
            raise Injected(where)

    def _break_disk(self) -> None:
        store, chance = self._store, self._chance
        at = store.inserts + chance.randint(1, 2)
        match chance.randrange(4):
            case 0:
                store.fail_write_at = at
            case 1:
                store.fail_sync_at, store.sync_keeps = at, chance.random() < 0.5
            case 2:
                store.full_at = at
            case _:
                store.fail_write_at, store.fail_open_at = at, store.opens + 1
