"""Whether the workers of a run would draw the same random numbers, by what each says of its generators. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["SameNumbers"]

_NAMES_MAX = 3


class SameNumbers:
    """For one run.

    Args:
        name: of the run's function.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._states: dict[str, dict[bytes, int]] = {}
        self._is_said = False

    def heard(self, worker: int, generators: Sequence[Sequence[Any]]) -> str | None:
        """A worker is ready with generators in these states: place and digest of each.

        Returns:
            What the user should know, once; None: nothing.
        """
        same = []
        for place, state in generators:
            if self._states.setdefault(place, {}).setdefault(state, worker) != worker:
                same.append(place)
        if not same or self._is_said:
            return None
        self._is_said = True
        more = f" and {len(same) - _NAMES_MAX} more" if len(same) > _NAMES_MAX else ""
        return (
            f"{self._name} draws random numbers from {', '.join(same[:_NAMES_MAX])}{more}, in the same state in each "
            "worker: calls in different workers get the same numbers. Make a generator in each call, such as "
            "random.Random(cuebook.current_call().seed) or numpy.random.default_rng(cuebook.current_call().seed)"
        )
