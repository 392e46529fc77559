"""What an actor in a process asks of the process, and of the connection to it. Knows neither."""

from __future__ import annotations

from typing import Any, Protocol

from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.status import TreeNode

__all__ = ["ProcessLink", "ProcessPort"]


class ProcessLink(Protocol):
    """The connection to a process that is alive."""

    def order(self, order: Any) -> None:
        """Send an order."""

    def admit(self, actor: Any) -> None:
        """Make room for the actor, where it has none there yet."""

    def release(self, actor: Any) -> None:
        """Forget the actor."""

    def below(self, cell: Any) -> tuple[TreeNode, ...]:
        """What lives below the actor in its process, as it was told last."""

    def deliver(self, fields: list[Any], size: int) -> None:
        """Send messages at once."""

    def teach(self, frame: bytes) -> None:
        """See that the child knows the type of this message."""

    def progress(self, actor: Any) -> tuple[int, int] | None:
        """Numbers of the message that the actor has begun last, and of the one in hand; None where nobody knows."""

    def address(self, ref: ActorRef) -> bytes:
        """What a ref is found by."""

    def remote(self, home: bytes, name: str, serial: int) -> ActorRef:
        """A ref that goes over the link."""


class ProcessPort(Protocol):
    """The process, whichever it is at the time."""

    is_dedicated: bool

    @property
    def grace_s(self) -> float:
        """Seconds that its end may take once asking is over."""

    async def connect(self) -> ProcessLink:
        """Start it where it is not alive. Raises ProcessDied or OSError."""

    def left(self, actor: Any) -> None:
        """The actor has ended for good."""

    async def end(self, *, is_forced: bool) -> None:
        """Make it end; step by step, or without asking."""
