"""Experiments: programs in any language whose outputs are kept at each checkpoint, and continued from any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.experiments.workspace import ExperimentTable, Outcome, Workspace

__all__ = ["ExperimentTable", "Outcome", "Workspace"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'cuebook.experiments' has no attribute {name!r}")
    from cuebook.experiments import workspace

    return getattr(workspace, name)
