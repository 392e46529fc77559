"""What goes wrong in a simulation, and when: drawn from the seed, within what was planned. Judges nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cuebook.testing.faults import Fault, JournalFaults
from cuebook.testing.simulation.diary import Diary

__all__ = ["Chaos", "Injected", "Mischief", "break_disk"]

RATES = (0.004, 0.02, 0.08)
"""How likely a strike is at each moment where one may come; a simulation has one of them."""


class Injected(Exception):
    """A handler fails half-way, as by a bug."""


@dataclass(frozen=True, slots=True)
class Mischief:
    """How much may go wrong.

    Attributes:
        each_life: kind of harm, to how often at most in each life of the process. "a|b": one of these, at random.
        overall: the same over all lives; at most one in each.
        failures: handlers that fail half-way at most, in each life.
    """

    each_life: Mapping[str, int] = field(default_factory=dict)
    overall: Mapping[str, int] = field(default_factory=dict)
    failures: int = 0


class Chaos:
    """Strikes at moments that the parts of the simulation name.

    Args:
        seed: draws the moments.
        plan: how much may happen.
        diary: sees each strike.
    """

    def __init__(self, seed: int, plan: Mischief, diary: Diary) -> None:
        self._chance = random.Random(f"chaos {seed}")
        self._plan = plan
        self._diary = diary
        self._rate = self._chance.choice(RATES)
        self._left = dict(plan.overall)
        self._failures = 0
        self._strikes: list[str] = []
        self._targets: Mapping[str, Callable[[], Any]] = {}

    @property
    def chance(self) -> random.Random:
        """What draws the strikes."""
        return self._chance

    def begin_life(self, targets: Mapping[str, Callable[[], Any]]) -> None:
        """A new process: `targets` say how to do each kind of harm; kinds without a target happen to nobody."""
        self._targets = targets
        self._failures = self._plan.failures
        self._strikes = [
            self._chance.choice(kind.split("|")) for kind, count in self._plan.each_life.items() for _ in range(count)
        ]
        self._strikes += [kind for kind, left in self._left.items() if left > 0]
        self._chance.shuffle(self._strikes)

    def calm_down(self) -> None:
        """Nothing more happens in this life."""
        self._strikes, self._failures = [], 0

    def moment(self, _where: str = "") -> None:
        """Something could happen now."""
        if self._strikes and not self._diary.is_blind and self._chance.random() < self._rate:
            kind = self._strikes.pop()
            self._diary.note(f"CHAOS {kind}")
            if kind in self._left:
                self._left[kind] -= 1
            if kind in self._targets:
                self._targets[kind]()

    def fragile(self, where: str) -> None:
        """A handler could fail here."""
        if self._failures and not self._diary.is_blind and self._chance.random() < self._rate:
            self._failures -= 1
            self._diary.note(f"CHAOS failure in {where}")
            raise Injected(where)


def break_disk(faults: JournalFaults, chance: random.Random) -> None:
    """One of the next writes goes wrong, in one of the ways that disks have."""
    at = faults.appends + chance.randint(1, 2)
    match chance.randrange(4):
        case 0:
            faults.at(at, Fault.FAIL)
        case 1:
            faults.at(at, Fault.TORN_KEPT if chance.random() < 0.5 else Fault.TORN_LOST)
        case 2:
            faults.fill()
        case _:
            faults.at(at, Fault.FAIL)
            faults.fail_next_open()
