"""What a simulated run is made of: how much may go wrong, and what each of its calls does. Pure, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cuebook.testing.simulation.chaos import Mischief

__all__ = ["CallPlan", "Fate", "Scenario", "drawn_calls", "expected_end"]

DEATHS_MAX = 3


class Fate(Enum):
    """How an attempt of a call goes."""

    RETURN = "returns"
    RAISE = "raises"
    HANG = "hangs"
    DIE = "kills its worker"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What may happen in a simulation; everything that may, happens at moments drawn from the seed.

    Attributes:
        calls, workers: how many.
        batch, retries, timeout, recycle_after, raises: as in `chunk()`; `raises` is errors="raise".
        kills: actors (Supervisor, Journal, Workers) killed at most, in each life of the process.
        failures: handlers of the Supervisor that fail half-way at most, in each life.
        deaths: workers that die of themselves at most, in each life.
        crashes: how often the whole process is lost, at most; each is followed by a run that goes on.
        disk_faults: writes that fail, at most, over all lives.
        is_interrupted: whether the first life may be stopped as Ctrl-C stops it.
        misfortune: share of calls that raise, hang or kill their worker, 0 to 1.
        checkpoints: share of calls that keep states, 0 to 1.
    """

    calls: int = 24
    workers: int = 3
    batch: int | None = None
    retries: int = 1
    timeout: float | None = 0.5
    recycle_after: int | None = None
    raises: bool = False
    kills: int = 3
    failures: int = 1
    deaths: int = 2
    crashes: int = 1
    disk_faults: int = 0
    is_interrupted: bool = False
    misfortune: float = 0.3
    checkpoints: float = 0.3

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong but in the calls themselves, so that the end of each is known."""
        return not (self.kills or self.failures or self.deaths or self.crashes or self.disk_faults)

    @property
    def mischief(self) -> Mischief:
        """What may befall the cast. (What befalls calls is in their plans.)"""
        return Mischief(
            each_life={"supervisor|journal|worker": self.kills, "host": self.deaths},
            overall={"interrupt": int(self.is_interrupted), "crash": self.crashes, "disk": self.disk_faults},
            failures=self.failures,
        )

    @classmethod
    def drawn(cls, seed: int) -> Scenario:
        """A scenario for a seed: every fifth is calm."""
        chance = random.Random(f"scenario {seed}")
        is_calm = seed % 5 == 0
        return cls(
            calls=chance.choice([1, 6, 16, 30, 48]),
            workers=chance.randint(1, 4),
            batch=chance.choice([None, None, 1, 3, 8]),
            retries=chance.randint(0, 2),
            timeout=chance.choice([None, 0.3, 1.0]),
            recycle_after=chance.choice([None, None, None, 4]),
            raises=chance.random() < 0.25,
            kills=0 if is_calm else chance.randint(0, 5),
            failures=0 if is_calm else chance.randint(0, 2),
            deaths=0 if is_calm else chance.randint(0, 3),
            crashes=0 if is_calm else chance.choice([0, 0, 1, 2]),
            disk_faults=0 if is_calm else chance.choice([0, 0, 0, 1, 2]),
            is_interrupted=not is_calm and chance.random() < 0.1,
            misfortune=chance.choice([0.0, 0.15, 0.5]),
            checkpoints=chance.choice([0.0, 0.3, 0.3, 1.0]),
        )


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One call.

    Attributes:
        value: what it returns.
        seconds: how long each attempt takes.
        fates: of its attempts in order; the last one is that of all further attempts.
        states: checkpoints that it makes on its way.
        encode_s: how long its result takes to become bytes, in its worker.
    """

    value: Any
    seconds: float
    fates: tuple[Fate, ...]
    states: int
    encode_s: float = 0.0

    def fate(self, attempt: int) -> Fate:
        """Of attempt `attempt`, from 1."""
        return self.fates[min(attempt, len(self.fates)) - 1]


def drawn_calls(scenario: Scenario, chance: random.Random) -> list[CallPlan]:
    """The calls of a run: mostly short ones, a few slow, some unlucky, some with checkpoints."""
    base = chance.choice([0.0002, 0.004, 0.03])
    return [_drawn_call(scenario, chance, index, base) for index in range(scenario.calls)]


def _drawn_call(scenario: Scenario, chance: random.Random, index: int, base: float) -> CallPlan:
    fates: list[Fate] = []
    if chance.random() < scenario.misfortune:
        bad = [Fate.RAISE, Fate.RAISE, Fate.DIE] + ([Fate.HANG] if scenario.timeout is not None else [])
        fates = [chance.choice(bad) for _ in range(chance.randint(1, 4))]
    if not fates or chance.random() < 0.8:
        fates.append(Fate.RETURN)
    value = chance.choice([index, None, f"value {index}", [index, [None]], {"index": index}])
    seconds = base * chance.choice([1, 1, 1, 1, 2, 10])
    states = chance.choice([1, 3]) if chance.random() < scenario.checkpoints else 0
    if scenario.timeout is not None:
        seconds = min(seconds, scenario.timeout / 4)
        states = 0 if scenario.timeout < 1.0 else min(states, 1)  # each takes its time, too
    return CallPlan(value, seconds, tuple(fates), states)


def expected_end(fates: Sequence[Fate], retries: int) -> tuple[Fate, int]:
    """How a call ends where nothing else goes wrong: its last fate, and the number of attempts.

    Deaths are counted apart from attempts that raised or were over their time: the third fails the call.
    """
    failures = deaths = attempt = 0
    while True:
        fate = fates[min(attempt, len(fates) - 1)]
        attempt += 1
        deaths += fate is Fate.DIE
        failures += fate in (Fate.RAISE, Fate.HANG)
        if fate is Fate.RETURN or deaths >= DEATHS_MAX or failures > retries:
            return fate, attempt
