"""What is seen of actors from outside: traces of messages, trees, handlers that hold up the loop. Names alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.runtime.refs.status import TreeNode
    from cuebook.runtime.seeing.tracing import TraceEvent, TraceKind
    from cuebook.runtime.seeing.watchdog import Blockage

_HOMES = {
    "Blockage": "cuebook.runtime.seeing.watchdog",
    "TraceEvent": "cuebook.runtime.seeing.tracing",
    "TraceKind": "cuebook.runtime.seeing.tracing",
    "TreeNode": "cuebook.runtime.refs.status",
}

__all__ = ["Blockage", "TraceEvent", "TraceKind", "TreeNode"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'cuebook.tracing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
