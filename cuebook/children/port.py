"""What the owner of a child process has to be: who hears of its messages, its prints and its end. Knows no call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Listener", "Loss", "Output"]


class Output(Protocol):
    """Takes what a child has printed: whole lines, and now and then the beginning of one that is long in coming."""

    def __call__(self, printed: bytes, stream: str = "stdout", /) -> None:
        """Bytes of `stream`, "stdout" or "stderr"."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How a child ended, or whatever else ran something for its owner.

    Attributes:
        index: what it was at, -1 where nothing: a call, in a worker.
        seconds: how long it had been at it.
        reason: what ended it, in words ("killed by SIGKILL, perhaps out of memory").
        is_final: no other one can take its place.
    """

    index: int
    seconds: float
    reason: str
    is_final: bool = False


class Listener(Protocol):
    """What its owner is told; called on the event loop."""

    def on_frames(self, frames: list[bytes]) -> None:
        """Messages from the child, in order."""

    def on_lost(self, loss: Loss) -> None:
        """The child is gone; nothing follows."""
