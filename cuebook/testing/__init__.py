"""Public doubles for tests: virtual time, a store that fails on demand, a seeded simulation of the whole cast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.persistence.memory import MemoryStore
    from cuebook.testing.simulation import SimulationFailed, simulate
    from cuebook.testing.simulation_loop import ShuffledLoop, run_shuffled
    from cuebook.testing.simulation_plan import Scenario
    from cuebook.testing.virtual_time import VirtualTimeLoop, run_virtual

__all__ = [
    "MemoryStore",
    "Scenario",
    "ShuffledLoop",
    "SimulationFailed",
    "VirtualTimeLoop",
    "run_shuffled",
    "run_virtual",
    "simulate",
]

_HOMES = {
    "MemoryStore": "cuebook.persistence.memory",
    "Scenario": "cuebook.testing.simulation_plan",
    "ShuffledLoop": "cuebook.testing.simulation_loop",
    "SimulationFailed": "cuebook.testing.simulation",
    "VirtualTimeLoop": "cuebook.testing.virtual_time",
    "run_shuffled": "cuebook.testing.simulation_loop",
    "run_virtual": "cuebook.testing.virtual_time",
    "simulate": "cuebook.testing.simulation",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'cuebook.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
