"""The durable actors' side of a Runtime: those that a journal keeps, entities, promises. Knows no call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, TypeVarTuple, overload

from cuebook.api.actors_face import ActorsFace, Where, factory_of, given
from cuebook.durable.durable_actors import DurableActors, is_durable
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.durable.promise import DurablePromise
from cuebook.durable.readside.subscription import Subscription
from cuebook.persistence.trust.verdicts import Writers
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.spec import ActorOptions
from cuebook.runtime.refs.ref import ActorRef

__all__ = ["DurableFace"]

_A = TypeVar("_A", bound=Actor)
_T = TypeVar("_T")
_P = ParamSpec("_P")
_X = TypeVar("_X")
_Y = TypeVar("_Y")
_Args = TypeVarTuple("_Args")


class DurableFace:
    """What a Runtime offers those whose actors are to be there in its next run, or whenever they are asked.

    Args:
        actors: the side of those that are not; `spawn` starts both.
    """

    def __init__(self, actors: ActorsFace) -> None:
        self._actors = actors
        self._opened: DurableActors | None = None

    def open(self, path: str | None, trust: Writers) -> None:
        """The runtime begins: from now on they are kept in the journal at this path."""
        self._opened = DurableActors(self._actors.app, path, trust)

    def close(self) -> None:
        """Wake nobody any more."""
        self.opened.close()

    @property
    def opened(self) -> DurableActors:
        """What is there while the runtime is open. Raises RuntimeError where it is not."""
        if self._opened is None:
            raise RuntimeError("this Runtime is not open: use it inside its `async with` block")
        return self._opened

    @overload
    async def spawn(
        self: Any,
        /,
        actor: Callable[[*_Args], _A],
        *args: *_Args,
        name: str | None = None,
        options: ActorOptions | None = None,
        where: Where = None,
    ) -> ActorRef[_A]: ...
    @overload
    async def spawn(self: Any, /, actor: Callable[_P, _A], *args: _P.args, **kwargs: _P.kwargs) -> ActorRef[_A]: ...
    @overload
    async def spawn(  # type: ignore[overload-cannot-match]  # it takes what the second does not
        self: Any,
        /,
        actor: Callable[..., _A],
        *,
        name: str,
        options: ActorOptions | None = None,
        where: Where = None,
        **kwargs: Any,
    ) -> ActorRef[_A]: ...
    @overload
    async def spawn(  # type: ignore[overload-cannot-match]
        self: Any, /, actor: Callable[..., _A], *, options: ActorOptions, where: Where = None, **kwargs: Any
    ) -> ActorRef[_A]: ...
    @overload
    async def spawn(  # type: ignore[overload-cannot-match]
        self: Any, /, actor: Callable[..., _A], *, where: Where, **kwargs: Any
    ) -> ActorRef[_A]: ...
    @overload
    async def spawn(
        self: Any,
        actor: Callable[Concatenate[_X, ...], _A],
        x: _X,
        /,
        *,
        name: str,
        options: ActorOptions | None = None,
        where: Where = None,
        **kwargs: Any,
    ) -> ActorRef[_A]: ...
    @overload
    async def spawn(
        self: Any,
        actor: Callable[Concatenate[_X, ...], _A],
        x: _X,
        /,
        *,
        options: ActorOptions,
        where: Where = None,
        **kwargs: Any,
    ) -> ActorRef[_A]: ...
    @overload
    async def spawn(
        self: Any,
        actor: Callable[Concatenate[_X, ...], _A],
        x: _X,
        /,
        *,
        where: Where,
        **kwargs: Any,
    ) -> ActorRef[_A]: ...
    @overload
    async def spawn(
        self: Any,
        actor: Callable[Concatenate[_X, _Y, ...], _A],
        x: _X,
        y: _Y,
        /,
        *,
        name: str,
        options: ActorOptions | None = None,
        where: Where = None,
        **kwargs: Any,
    ) -> ActorRef[_A]: ...
    @overload
    async def spawn(
        self: Any,
        actor: Callable[Concatenate[_X, _Y, ...], _A],
        x: _X,
        y: _Y,
        /,
        *,
        options: ActorOptions,
        where: Where = None,
        **kwargs: Any,
    ) -> ActorRef[_A]: ...
    @overload
    async def spawn(
        self: Any,
        actor: Callable[Concatenate[_X, _Y, ...], _A],
        x: _X,
        y: _Y,
        /,
        *,
        where: Where,
        **kwargs: Any,
    ) -> ActorRef[_A]: ...
    async def spawn(  # type: ignore[misc]  # mypy does not see that it takes all of the first two
        self,
        /,
        actor: Callable[..., _A],
        *args: Any,
        name: str | None = None,
        options: ActorOptions | None = None,
        where: Where = None,
        **kwargs: Any,
    ) -> ActorRef[_A]:
        """Start an actor: `actor(*args, **kwargs)` makes it, and each restart makes it anew.

        It takes messages at once; `on_start` runs before the first of them is received.

        Args:
            actor: an Actor class, or a callable that gives an Actor. (Where the class itself has a parameter called
                `name` or `options`: `functools.partial(Cls, name=...)`.) A type checker looks at its arguments, but not
                at those that are given by name beside `name`, `options` or `where`.
            name: unique among the living actors; by default the class's in lower case and a number; of a durable
                actor (a class of PersistentActor) `Class/id`, so that no two of them have one id.
            options: bounds, restarts, shutdown. By default a durable actor is "transient", may fail ten times within
                10 s, and is not started again where its journal cannot be applied.
            where: None: on this loop. "process": in a child process of its own, which ends with it. A `process()` of
                this runtime: in that one, with others. A durable actor lives on this loop.

        Returns:
            its ref, which stays valid across restarts, and is the same wherever the actor lives; for a type checker,
            of that class.

        Raises:
            TypeError: the class does not take these arguments; no actor was started.
            FunctionNotShippable: it is to live in a process, and its class or an argument cannot be pickled.
            ValueError: the name is taken, or an option makes no sense; or a durable actor, and the runtime has no path.
            ActorStopped: the runtime is stopping.
            JournalError: the journal of a durable actor cannot be opened.
        """
        if not is_durable(actor):
            factory = self._actors.placed(where, actor, args, kwargs)
            named = self._actors.name_for(actor) if name is None else name
            return self._actors.system.spawn(factory, name=named, **given(options))
        if where is not None:
            raise ValueError(
                f"{getattr(actor, '__name__', actor)} is kept in the journal of this process, so it lives here: spawn "
                f"it without where={where!r}, and give an actor in a process what is long to compute"
            )
        return await self.opened.spawn(factory_of(actor, args, kwargs), name, given(options))

    def entity(self, actor: type[_A], id: str, *, idle_s: float | None = None) -> ActorRef[_A]:
        """The ref of the actor of this class and id, which is there whenever a message comes for it.

        The message starts it, as `actor(id)`, where it sleeps. It sleeps again after `idle_s` seconds without a
        message, when it has nothing in hand and owes no answer; no message is lost meanwhile. A durable actor comes
        back with its state, any other as new.

        Args:
            actor: its class; it needs no journal unless it is one of PersistentActor.
            id: which one, of any number.
            idle_s: for all entities of the class; by default 120, or what was said before.

        Raises:
            TypeError, ValueError: it is no class of actors, its name is another class's, or there is no path for it.
        """
        return self.opened.entity(actor, id, idle_s)

    async def host(self, actor: type[Actor], *, idle_s: float | None = None) -> None:
        """Make a class of entities known before the first message to one, so that those which owe something are woken.

        Reminders and deliveries of entities go on from here after a restart of the program; `entity` does the same at
        its first use, in the background.

        Args:
            actor, idle_s: as for `entity`.

        Raises:
            TypeError, ValueError: as `entity`. JournalError: the journal cannot be read.
        """
        await self.opened.host(actor, idle_s)

    def subscribe(
        self,
        *,
        of: type[PersistentActor[Any, Any]] | Iterable[type[PersistentActor[Any, Any]]],
        after: str | None = None,
        follow: bool = True,
        missing: Literal["error", "skip"] = "error",
    ) -> Subscription:
        """The events of durable actors, in the order in which they were committed: those that are kept, and then each
        one when it is on disk.

        Each event has an `offset`. A program that keeps it together with what it makes of the event, in one
        transaction, and begins again with `after=` that, counts none twice and misses none, whatever kills it. Offsets
        stay good when the journal is compacted.

        Args:
            of: the class whose actors' events they are, or several.
            after: the offset of the last event that was dealt with; None: from the first event on.
            follow: whether to wait for more at the end. Else the iteration ends there.
            missing: where events that would be read were dropped from the journal (`cuebook compact --drop-events`):
                "error" raises, "skip" reads what is there. Events of removed actors are never read.

        Returns:
            an asynchronous iterator of `EventEnvelope`; it ends with the runtime, or by its `aclose()`. A slow reader
            loses nothing.

        Raises:
            TypeError: it is of no class of durable actors. ValueError: there is no path, or `after` is no offset.
            When it is iterated: OffsetLost: the events after `after` are not there any more. UnknownEvent: a class has
                changed. JournalNotTrusted, JournalError: as for the actors themselves. Nothing was passed over.
        Cost: reads the events of all types from there on, some 20 us a record and 5 us an event.
        """
        return self.opened.subscribe(of, after, follow=follow, missing=missing)

    async def remove(self, actor: type[PersistentActor[Any, Any]], id: str) -> bool:
        """Delete a durable actor with its events, snapshots, reminders and deliveries.

        It is stopped, and nothing of it is read again once this returns. Its bytes leave the journal with the next
        `cuebook compact`. A later message to this id begins a new actor.

        What others have kept that has to do with it is theirs, and stays: answers, deliveries that they owe it.

        Args:
            actor: its class. id: which one.

        Returns:
            whether anything was kept of it.

        Raises:
            TypeError: it is no class of durable actors. ValueError: the runtime has no path, or the id is no string.
            JournalError: the journal cannot be written; it is there as before.
        """
        return await self.opened.remove(actor, id)

    @overload
    def promise(self: Any, id: str) -> DurablePromise[Any]: ...
    @overload
    def promise(self: Any, id: str, kind: type[_T]) -> DurablePromise[_T]: ...
    def promise(self, id: str, kind: type[Any] = object) -> DurablePromise[Any]:
        """A value that is set once and outlives the program: `await runtime.promise("answer")`.

        Args:
            id: names it in the journal.
            kind: type of the value, for a type checker; nothing at run time.

        Raises:
            ValueError: the runtime has no path, or `id` is empty.
        """
        del kind
        return self.opened.promise(id)
