"""The line to a worker that is elsewhere, as its host sees it, and what goes over it. Knows no cluster.

All of it is plain data in tuples: bytes, texts, numbers, lists and dicts of them.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from cuebook.engines.away.landmark import Landmark

__all__ = ["Arrival", "Cargo", "Line", "LineLost", "Opened", "Opening"]


class LineLost(Exception):
    """The other end does not answer any more; the text says what is known of the reason."""


class Opening(NamedTuple):
    """The first word to an outpost: who wants it.

    Attributes:
        landmark: of the parent's machine.
        cores: what numeric libraries may use.
        packages: names of the packages whose versions are asked for.
    """

    landmark: Landmark
    cores: int
    packages: list[str]


class Opened(NamedTuple):
    """The answer: where the outpost is, and what it has.

    Attributes:
        is_near: whether it is on the parent's machine.
        python, cuebook: versions.
        packages: version of each package that was asked for, None where it is missing.
    """

    host: str
    pid: int
    is_near: bool
    python: str
    cuebook: str
    packages: dict[str, str | None]


class Cargo(NamedTuple):
    """Orders for a worker.

    Attributes:
        frames: what its host was given, in order; urgent: what overtakes them.
        luggage: name and content of the buffers that lie beside the frames and are not on its machine yet.
        blobs: content of the blobs that urgent frames refer to.
        drop: names of buffers that nobody needs there any more.
        kill: end the worker at once.
        seq: the how manieth it is: several are on their way at once, and may overtake one another.
    """

    frames: list[bytes] = []
    urgent: list[bytes] = []
    luggage: list[Any] = []
    blobs: list[bytes] = []
    drop: list[bytes] = []
    kill: bool = False
    seq: int = 0


class Arrival(NamedTuple):
    """What a worker has said since the last time.

    Attributes:
        frames: its messages, in order.
        printed: stream and bytes of what its calls have printed.
        blobs: content of the results that are too large for a message, where its folder is not the parent's.
        at, seconds, is_busy: which call runs there, since when, and whether there is anything to do.
        lost: why it has ended; None where it has not.
        seq: the how manieth that it is, as for Cargo.
    """

    frames: list[bytes]
    printed: list[tuple[str, bytes]]
    blobs: list[bytes]
    at: int
    seconds: float
    is_busy: bool
    lost: str | None = None
    seq: int = 0


class Line(Protocol):
    """One worker's way. All is called on the parent's event loop."""

    @property
    def where(self) -> str:
        """Which machine or worker of the cluster, as far as it is known."""

    async def place(self) -> None:
        """Ask the cluster for a place; returns at once, whether there is room or not.

        Raises:
            ClusterGone: there is no cluster any more.
        """

    async def open(self, opening: Opening) -> Opened:
        """Wait for the place, however long that takes.

        Raises:
            LineLost, ClusterGone: it will not come.
        """

    async def give(self, cargo: Cargo) -> None:
        """Hand orders over; raises LineLost, ClusterGone."""

    async def take(self, wait_s: float) -> Arrival:
        """What the worker says, as soon as there is something, or `wait_s` seconds have gone; raises as `give`."""

    async def end(self) -> None:
        """Give the place back, whatever runs there. Never raises."""
