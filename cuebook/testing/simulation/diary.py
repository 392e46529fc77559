"""What happens in a simulation, written down in order; and what must not have happened. Causes nothing."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

__all__ = ["Diary"]


class Diary:
    """The diary of a simulation over all lives of its process.

    Attributes:
        trace: what happened, in order. violations: what must not have.
        is_blind: the process has crashed: what its remains still do counts for nothing.
        clock: gives the virtual time of the life that goes on.
    """

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.violations: list[str] = []
        self.is_blind = False
        self.clock: Callable[[], float] = lambda: 0.0

    @property
    def digest(self) -> str:
        """Stands for the whole trace."""
        return sha256("\n".join(self.trace).encode()).hexdigest()

    def note(self, text: str) -> None:
        """Write down what happens."""
        if not self.is_blind:
            self.trace.append(f"{self.clock():.6f} {text}")

    def blame(self, text: str) -> None:
        """Write down what must not happen."""
        if not self.is_blind:
            self.note(f"VIOLATION {text}")
            self.violations.append(text)
