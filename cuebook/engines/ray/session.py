"""The Ray that this program is connected to, as cuebook uses it. Knows no run."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError, RayTaskError

from cuebook.engines.away.inventory import Inventory
from cuebook.engines.away.line import LineLost
from cuebook.engines.ray.post import RayPost
from cuebook.errors import ClusterGone

__all__ = ["RaySession"]

PUBLISHED_MAX = 64
"""Large buffers that are kept in Ray's store, the newest."""
TEXT_MAX = 300


class RaySession:
    """One for the connection of this process.

    Attributes:
        placed: actors that have a place now.
    """

    def __init__(self) -> None:
        self.placed = 0
        self.inventory = Inventory()
        self._published: OrderedDict[bytes, Any] = OrderedDict()
        self._actor_class = ray.remote(RayPost)

    @property
    def is_alive(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return bool(ray.is_initialized())

    def check(self) -> None:
        """Raises ClusterGone where there is none."""
        if not self.is_alive:
            raise ClusterGone(
                "Ray was shut down, or its head is gone. What was committed is kept: the same program goes on from "
                'there, with another cluster or with where="process"'
            )

    def slots(self, needs: Mapping[str, float]) -> int:
        """How many places with these needs the nodes have that are there now."""
        there = ray.cluster_resources()
        return int(min((there.get(name, 0.0) // need for name, need in needs.items() if need > 0), default=1))

    def place(self, options: Mapping[str, Any]) -> Any:
        """An actor, which gets its place when there is room."""
        return self._actor_class.options(max_restarts=0, max_task_retries=0, **options).remote()

    def publish(self, name: bytes, content: bytes) -> Any:
        """A large buffer in Ray's store, once for all nodes."""
        found = self._published.get(name)
        if found is None:
            found = self._published[name] = ray.put(content)
            while len(self._published) > PUBLISHED_MAX:
                self._published.popitem(last=False)
        return found

    def withdraw(self, actor: Any) -> None:
        """End an actor, whatever it does."""
        if self.is_alive:
            ray.kill(actor, no_restart=True)

    async def answer(self, reference: Any) -> Any:
        """What an actor answers.

        Raises:
            LineLost: it is gone. ClusterGone: no such actor can be had.
        """
        try:
            return await asyncio.wrap_future(reference.future())
        except RayActorError as error:
            raise _loss(error) from error
        except (RayTaskError, RayError, GetTimeoutError, OSError) as error:
            self.check()
            raise LineLost(f"Ray lost it: {_short(error)}") from error


def _loss(error: RayActorError) -> Exception:
    text = _short(error)
    if "creation task" in text or "ModuleNotFoundError" in str(error) or "RuntimeEnv" in type(error).__name__:
        return ClusterGone(f"no worker of cuebook can be started on the Ray cluster: {_short(error, 3 * TEXT_MAX)}")
    return LineLost(f"its Ray actor is gone: {text}")


def _short(error: BaseException, most: int = TEXT_MAX) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= most else f"{text[:most]}..."
