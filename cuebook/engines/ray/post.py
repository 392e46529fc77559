"""What runs in a worker of Ray's: an actor that holds its resources for one outpost. Knows no driver."""

from __future__ import annotations

from typing import Any

from cuebook.engines.away.line import Cargo, Opening
from cuebook.engines.away.outpost import Outpost

__all__ = ["RayPost"]


class RayPost:
    """The outpost as an actor of Ray's: it ends with the job of the program that has made it."""

    def __init__(self) -> None:
        self._outpost: Outpost | None = None

    async def open(self, landmark: Any, cores: int, packages: list[str]) -> Any:
        """As `Outpost.open`, in plain data."""
        self._outpost = Outpost()
        return tuple(await self._outpost.open(Opening(landmark, cores, packages)))

    async def give(self, cargo: Any, names: list[bytes], *contents: bytes) -> None:
        """As `Outpost.give`; large buffers come by Ray's own store, in the order of their names."""
        orders = Cargo(*cargo)
        await self._opened().give(orders._replace(luggage=[*orders.luggage, *zip(names, contents, strict=True)]))

    async def take(self, wait_s: float) -> Any:
        """As `Outpost.take`, in plain data."""
        return tuple(await self._opened().take(wait_s))

    async def end(self) -> None:
        """As `Outpost.close`."""
        await self._opened().close()

    def _opened(self) -> Outpost:
        if self._outpost is None:
            raise RuntimeError("it was not opened")
        return self._outpost
