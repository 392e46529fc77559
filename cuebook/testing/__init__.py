"""Public doubles for tests: a clock that jumps to the next deadline, a journal store that fails on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.persistence.memory import MemoryStore
    from cuebook.testing.virtual_time import VirtualTimeLoop, run_virtual

__all__ = ["MemoryStore", "VirtualTimeLoop", "run_virtual"]

_HOMES = {
    "MemoryStore": "cuebook.persistence.memory",
    "VirtualTimeLoop": "cuebook.testing.virtual_time",
    "run_virtual": "cuebook.testing.virtual_time",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'cuebook.testing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)
