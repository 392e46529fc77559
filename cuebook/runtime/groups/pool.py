"""Several actors of one kind behind one face: who gets the next message. Knows no mailbox."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Generic, Literal, Protocol, TypeVar, Unpack, overload

from cuebook.choices import one_of
from cuebook.errors import ActorStopped, AskTimeout
from cuebook.runtime.cells.spec import Factory, SpawnOptions
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.typed import A_co, Accepts, Asks
from cuebook.wording import in_one_line

__all__ = ["Pool", "Routing", "RoutingWord", "SpawnPort"]

_M = TypeVar("_M")
_R = TypeVar("_R")


class Routing(StrEnum):
    """Who gets the next message."""

    ROUND_ROBIN = "round_robin"
    """One after the other."""
    LEAST_LOADED = "least_loaded"
    """Who has the fewest messages waiting; among equals one after the other."""
    BY_KEY = "by_key"
    """Always the same for the same key; a change of size moves as few keys as it can."""
    PULL = "pull"
    """Whoever is free first: an ask waits in the pool until a member is. A tell goes to the least loaded."""


RoutingWord = Routing | Literal["round_robin", "least_loaded", "by_key", "pull"]


class SpawnPort(Protocol):
    """Where the members are started: a system, or an actor's context."""

    def spawn(self, factory: Factory[Any], *, name: str, **options: Unpack[SpawnOptions]) -> ActorRef[Any]:
        """Start a member."""


class Pool(Generic[A_co]):
    """Members that are alike, called `name-1`, `name-2` ... and restarted by the options they are given.

    A member that ends for good is a member no more.

    Parameters:
        spawner: where they live: an ActorSystem, or the context of the actor whose children they are.
        size: how many, at least 1.
        key: with BY_KEY, what makes two messages belong together: gives a str, int or bytes for a message.
        options: of `spawn`, for each member.
    """

    def __init__(
        self,
        spawner: SpawnPort,
        factory: Factory[A_co],
        *,
        size: int,
        name: str,
        routing: RoutingWord = Routing.ROUND_ROBIN,
        key: Callable[[Any], str | int | bytes] | None = None,
        **options: Unpack[SpawnOptions],
    ) -> None:
        if type(size) is not int or size < 1:
            raise ValueError(f"the pool {name!r} has 1 or more members, not {size!r}")
        self.name = name
        self.routing = one_of(Routing, routing, f"the routing of the pool {name!r}")
        if (key is None) == (self.routing is Routing.BY_KEY):
            raise ValueError(f"the pool {name!r} has a key with routing='by_key', and with no other")
        self._key = key
        self._spawner = spawner
        self._factory = factory
        self._options = options
        self._on_terminated = options.get("on_terminated")
        self._members: dict[str, ActorRef[A_co]] = {}
        self._count = 0
        self._turn = 0
        self._promised = 0
        self._busy: dict[str, int] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        for _ in range(size):
            self._add()

    @property
    def refs(self) -> tuple[ActorRef[A_co], ...]:
        """The members, the oldest first."""
        return tuple(self._members.values())

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        name, size = in_one_line(self.name), len(self._members)
        return f"<Pool {name} {self.routing.value} of {size}, {len(self._waiting)} asks wait>"

    def pick(self, message: object) -> ActorRef[A_co]:
        """The member that this message would go to. Raises ActorStopped where there is none."""
        refs = self.refs
        if not refs:
            raise ActorStopped(f"the pool {self.name} has no members any more")
        if self.routing is Routing.BY_KEY:
            assert self._key is not None
            key = self._key(message)
            return max(refs, key=lambda ref: _weight(key, ref.name))
        self._turn += 1
        first = self._turn % len(refs)
        if self.routing is Routing.ROUND_ROBIN:
            return refs[first - 1]
        return min((*refs[first - 1 :], *refs[: first - 1]), key=self._load)

    def tell_nowait(self: Pool[Accepts[_M]], message: _M) -> None:
        """As `ActorRef.tell_nowait`, to one member."""
        self.pick(message).tell_nowait(message)

    async def tell(self: Pool[Accepts[_M]], message: _M, timeout: float | None = None) -> None:
        """As `ActorRef.tell`, to one member."""
        await self.pick(message).tell(message, timeout)

    @overload
    async def ask(self: Pool[Accepts[_M]], message: Asks[_M, _R], timeout: float | None = 30.0) -> _R: ...
    @overload
    async def ask(self: Pool[Accepts[_M]], message: Asks[_M, Any], timeout: float | None = 30.0) -> object: ...
    @overload
    async def ask(self: Pool[Accepts[_M]], message: _M, timeout: float | None = 30.0) -> Any: ...
    async def ask(self, message: Any, timeout: float | None = 30.0) -> Any:
        """As `ActorRef.ask`, of one member. With PULL, waiting for a free one counts."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        if self.routing is Routing.PULL:
            await self._until_free(message, timeout)
        ref: ActorRef = self.pick(message)
        self._busy[ref.name] = self._busy.get(ref.name, 0) + 1
        try:
            left = None if timeout is None else max(timeout - (loop.time() - started), 0.0)
            return await ref.ask(message, left)
        finally:
            self._busy[ref.name] -= 1
            if not self._busy[ref.name]:
                del self._busy[ref.name]
            self._next()

    async def resize(self, size: int, *, timeout: float = 30.0) -> None:
        """Have so many members. New ones are there at once; the youngest go after they have handled what is
        queued, within `timeout` seconds.

        Raises:
            ValueError: size is less than 1.
        """
        if type(size) is not int or size < 1:
            raise ValueError(f"the pool {self.name!r} has 1 or more members, not {size!r}")
        while len(self._members) < size:
            self._add()
            self._next()
        surplus = self.refs[size:]
        for ref in surplus:
            del self._members[ref.name]
        await asyncio.gather(*(ref.stop(timeout) for ref in surplus))

    async def stop(self, timeout: float = 5.0, *, drain: bool = True) -> bool:
        """Stop all members, as `ActorRef.stop`. Whether everything that was queued was handled."""
        return all(await asyncio.gather(*(ref.stop(timeout, drain=drain) for ref in self.refs)))

    def _add(self) -> None:
        self._count += 1
        options: SpawnOptions = {**self._options, "on_terminated": self._gone}
        ref = self._spawner.spawn(self._factory, name=f"{self.name}-{self._count}", **options)
        self._members[ref.name] = ref

    def _gone(self, ref: ActorRef[Any], error: BaseException | None) -> None:
        self._members.pop(ref.name, None)
        self._next()
        if self._on_terminated is not None:
            self._on_terminated(ref, error)

    def _load(self, ref: ActorRef[Any]) -> int:
        return max(ref.statistics().depth, self._busy.get(ref.name, 0))

    def _has_free(self) -> bool:
        free = sum(name not in self._busy for name in self._members)
        return not self._members or free > self._promised

    async def _until_free(self, message: object, timeout: float | None) -> None:
        if not self._waiting and self._has_free():
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            kind = type(message).__qualname__
            raise AskTimeout(
                f"no member of the pool {self.name} was free for {kind} within {timeout:g} s "
                f"({len(self._members)} members, {len(self._waiting)} messages wait)"
            ) from None
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._promised -= 1
                self._next()
            raise
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
        self._promised -= 1

    def _next(self) -> None:
        """Let as many that wait go on as members are free."""
        while self._waiting and self._has_free():
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                self._promised += 1


def _weight(key: str | int | bytes, name: str) -> bytes:
    # Highest random weight (Thaler and Ravishankar 1998): only the keys of a member that goes move.
    data = key if isinstance(key, bytes) else repr(key).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=8, key=blake2b(name.encode(), digest_size=16).digest()).digest()
