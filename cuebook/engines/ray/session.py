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

SILENT_S = 8.0
"""An actor that has not answered for so long may have lost its head: it is asked every five seconds."""
HEAD_S = 3.0
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
        self._head = _head()
        self._is_lost = False

    @property
    def is_alive(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return not self._is_lost and bool(ray.is_initialized())

    def check(self) -> None:
        """Raises ClusterGone where there is none."""
        if not self.is_alive:
            raise self._gone("Ray was shut down, or its head is gone")

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
        answering = asyncio.wrap_future(reference.future())
        try:
            while not (await asyncio.wait({answering}, timeout=SILENT_S))[0]:
                await self._check_head()
            return answering.result()
        except RayActorError as error:
            raise _loss(error) from error
        except (RayTaskError, RayError, GetTimeoutError, OSError) as error:
            self.check()
            raise LineLost(f"Ray lost it: {_short(error)}") from error
        finally:
            answering.cancel()

    async def _check_head(self) -> None:
        """Raises ClusterGone where nothing listens at the head's address: Ray itself waits a minute, then ends us."""
        if self._head is None:
            return
        host, _, port = self._head.rpartition(":")
        try:
            async with asyncio.timeout(HEAD_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except (OSError, TimeoutError) as error:
            self._is_lost = True  # whatever else is asked of it would wait for a minute
            gone = self._gone(f"the head of Ray at {self._head} is gone")
            self.inventory.say_once(str(gone))  # Ray's own hook holds up the traceback of a program that ends with it
            raise gone from error
        writer.close()

    def _gone(self, what: str) -> ClusterGone:
        return ClusterGone(
            f"{what}. What was committed is kept: the same program goes on from there, with another cluster or with "
            'where="process"'
        )


def _head() -> str | None:
    """The address of the head's own store, by which all of Ray lives; None where it cannot be seen from here."""
    try:
        address = str(ray.get_runtime_context().gcs_address)
    except Exception:  # a client of Ray's has none
        return None
    return address if address.rpartition(":")[2].isdigit() else None


def _loss(error: RayActorError) -> Exception:
    text = _short(error)
    if "creation task" in text or "ModuleNotFoundError" in str(error) or "RuntimeEnv" in type(error).__name__:
        return ClusterGone(f"no worker of cuebook can be started on the Ray cluster: {_short(error, 3 * TEXT_MAX)}")
    return LineLost(f"its Ray actor is gone: {text}")


def _short(error: BaseException, most: int = TEXT_MAX) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= most else f"{text[:most]}..."
