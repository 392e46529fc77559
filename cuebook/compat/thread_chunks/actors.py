"""LabelledActor: what runs the calls of one worker, and the class to inherit from for workers with a state.

Knows no process: copies of it are made where the calls run. Light at import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["LabelledActor"]


class LabelledActor:
    """Runs a function together with a label.

    Objects of this class, and of classes that inherit from it, are given as `actors=`. Each is copied once into a
    worker process, where its state (a model, a connection, a counter) lives on from call to call; the object here stays
    as it is. Where a process dies, its actor is copied anew. What it is at the start counts: with other attributes, or
    another class, results are not reused.

    Args:
        func: the function to run.
    """

    def __init__(self, func: Callable[..., Any]) -> None:
        self._func = func

    def run(self, label: Any, *args: Any) -> tuple[Any, Any]:
        """The label, and what the function returns for `args`.

        Args:
            label: comes back as it is; in a worker the call's place among the parameters and the actor's place.
            args: of the function.
        """
        return label, self._func(*args)

    def set_func(self, func: Callable[..., Any]) -> None:
        """Replace the function."""
        self._func = func

    def get_func(self) -> Callable[..., Any]:
        """The function that is run."""
        return self._func
