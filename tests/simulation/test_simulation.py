"""Whole runs under a seeded scheduler: whatever goes wrong, in whatever order, the guarantees hold."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.testing.simulation.plan import CallPlan, Fate, expected_end
from cuebook.testing.simulation.runner import Scenario, SimulationFailed, simulate
from cuebook.testing.simulation.witness import Witness

QUICK = range(100)


@pytest.mark.parametrize("seed", QUICK)
def test_every_guarantee_holds_whatever_goes_wrong(seed: int) -> None:
    simulate(seed)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(100, 1100, 100))
def test_every_guarantee_holds_over_many_seeds(start: int) -> None:
    for seed in range(start, start + 100):
        simulate(seed)


def test_the_quick_seeds_see_every_kind_of_trouble() -> None:
    seen = " ".join(line for seed in QUICK for line in simulate(seed).trace if "CHAOS" in line or "delivered: " in line)

    for trouble in ("supervisor", "journal", "worker", "host", "disk", "crash", "interrupt"):
        assert f"CHAOS {trouble}" in seen
    for place in ("the sink", "setup", "a listener", "the choice of an encoder"):
        assert f"CHAOS failure in {place}" in seen
    for error in ("CallFailed", "CallTimedOut", "WorkerDied"):
        assert f"delivered: {error}" in seen


def test_the_same_seed_gives_the_same_trace() -> None:
    for seed in range(20, 30):
        assert simulate(seed).trace == simulate(seed).trace


def test_another_seed_gives_another_trace_of_the_same_scenario() -> None:
    scenario = Scenario(crashes=0)

    assert len({simulate(seed, scenario).digest for seed in range(10)}) == 10


def test_a_process_with_other_hashes_sees_the_same_trace() -> None:
    """What a seed shows on one machine it shows on another: nothing hangs on the order of a set or on an address."""
    root = Path(__file__).parents[2]
    program = "from cuebook.testing.simulation.runner import simulate; print(*[simulate(seed).digest for seed in range(20, 26)])"
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment, cwd=root
    )

    assert done.stdout.split() == [simulate(seed).digest for seed in range(20, 26)]


def test_a_broken_guarantee_names_the_seed_and_what_happened_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Witness, "check_calm", lambda self: self.blame("made up"))

    with pytest.raises(SimulationFailed, match=r"simulate\(5, Scenario\(.*\) broke a guarantee:\n- made up") as caught:
        simulate(5, Scenario(kills=0, failures=0, deaths=0, crashes=0))

    assert caught.value.violations == ("made up",)
    assert caught.value.simulation.seed == 5
    assert "the run ended" in str(caught.value)


@pytest.mark.parametrize(
    ("fates", "retries", "end"),
    [
        ((Fate.RETURN,), 0, (Fate.RETURN, 1)),
        ((Fate.RAISE, Fate.RETURN), 0, (Fate.RAISE, 1)),
        ((Fate.RAISE, Fate.RETURN), 1, (Fate.RETURN, 2)),
        ((Fate.DIE, Fate.RAISE, Fate.RETURN), 1, (Fate.RETURN, 3)),
        ((Fate.DIE,), 0, (Fate.DIE, 3)),
        ((Fate.HANG, Fate.DIE, Fate.HANG), 1, (Fate.HANG, 3)),
    ],
)
def test_deaths_are_counted_apart_from_attempts(fates: tuple[Fate, ...], retries: int, end: tuple[Fate, int]) -> None:
    assert expected_end(fates, retries) == end
    assert CallPlan(None, 0.0, fates, 0).fate(99) is fates[-1]
