"""The public test kit: probes, virtual time, behaviour kits, faults on demand, deterministic simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.testing.behaviour import ActorKit
    from cuebook.testing.durable_kit import DurableKit
    from cuebook.testing.effects import DurableRan, Ran
    from cuebook.testing.faults import Fault, JournalFaults
    from cuebook.testing.link import linked
    from cuebook.testing.memory_runtime import MemoryRuntime
    from cuebook.testing.memory_store import MemoryStore
    from cuebook.testing.pipe import TransportFaults
    from cuebook.testing.probe import Probe
    from cuebook.testing.simulation.loop import ShuffledLoop, run_shuffled
    from cuebook.testing.simulation.plan import Scenario
    from cuebook.testing.simulation.runner import Simulation, SimulationFailed, simulate
    from cuebook.testing.simulation.world import Trouble, World
    from cuebook.testing.stage import LeftBehind
    from cuebook.testing.virtual_time import VirtualClock, VirtualTime, VirtualTimeLoop, run_virtual

__all__ = [
    "ActorKit",
    "DurableKit",
    "DurableRan",
    "Fault",
    "JournalFaults",
    "LeftBehind",
    "MemoryRuntime",
    "MemoryStore",
    "Probe",
    "Ran",
    "Scenario",
    "ShuffledLoop",
    "Simulation",
    "SimulationFailed",
    "TransportFaults",
    "Trouble",
    "VirtualClock",
    "VirtualTime",
    "VirtualTimeLoop",
    "World",
    "linked",
    "run_shuffled",
    "run_virtual",
    "simulate",
]

_HOMES = {
    "ActorKit": "cuebook.testing.behaviour",
    "DurableKit": "cuebook.testing.durable_kit",
    "DurableRan": "cuebook.testing.effects",
    "Fault": "cuebook.testing.faults",
    "JournalFaults": "cuebook.testing.faults",
    "LeftBehind": "cuebook.testing.stage",
    "MemoryRuntime": "cuebook.testing.memory_runtime",
    "MemoryStore": "cuebook.testing.memory_store",
    "Probe": "cuebook.testing.probe",
    "Ran": "cuebook.testing.effects",
    "Scenario": "cuebook.testing.simulation.plan",
    "ShuffledLoop": "cuebook.testing.simulation.loop",
    "Simulation": "cuebook.testing.simulation.runner",
    "SimulationFailed": "cuebook.testing.simulation.runner",
    "TransportFaults": "cuebook.testing.pipe",
    "Trouble": "cuebook.testing.simulation.world",
    "VirtualClock": "cuebook.testing.virtual_time",
    "VirtualTime": "cuebook.testing.virtual_time",
    "VirtualTimeLoop": "cuebook.testing.virtual_time",
    "World": "cuebook.testing.simulation.world",
    "linked": "cuebook.testing.link",
    "run_shuffled": "cuebook.testing.simulation.loop",
    "run_virtual": "cuebook.testing.virtual_time",
    "simulate": "cuebook.testing.simulation.runner",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'cuebook.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
