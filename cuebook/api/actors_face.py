"""The actors' side of a Runtime: supervisors, pools, processes, names. Knows no call, and nothing durable."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Concatenate, Literal, TypeAlias, TypeVar, TypeVarTuple, overload
from weakref import WeakKeyDictionary

from cuebook.actors.application import Application
from cuebook.errors import ActorStopped, SupervisionError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.spec import ActorOptions, SpawnOptions
from cuebook.runtime.groups.group import SupervisorRef
from cuebook.runtime.groups.pool import Pool, Routing, RoutingWord
from cuebook.runtime.groups.strategy import SupervisorSpec
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem

if TYPE_CHECKING:
    from cuebook.processes.process import ActorProcess, Ladder, Processes

Where: TypeAlias = 'Literal["process"] | ActorProcess | None'
"""Where an actor lives: on this loop (None), in a process of its own, or in one that it shares."""

__all__ = ["ActorsFace", "Where", "factory_of", "given"]

_A = TypeVar("_A", bound=Actor)
_X = TypeVar("_X")
_Y = TypeVar("_Y")
_Args = TypeVarTuple("_Args")
_OPTIONS = SpawnOptions.__optional_keys__


class ActorsFace:
    """What a Runtime offers those who write actors.

    Args:
        app: whose system they live in.
    """

    def __init__(self, app: Application) -> None:
        self.app = app
        self._names: Counter[str] = Counter()
        self._made_processes: Processes | None = None

    @property
    def system(self) -> ActorSystem:
        """Where the actors live."""
        return self.app.system

    async def supervise(
        self, spec: SupervisorSpec, *, name: str | None = None, options: ActorOptions | None = None
    ) -> SupervisorRef:
        """Start a supervisor and its children, each after the one before has started.

        Args:
            spec: what it keeps.
            name: its children are called `name/id`; by default "supervisor-1" ...
            options: for the supervisor itself, which by default ends for good ("temporary") when its children fail
                more often than its intensity allows.

        Returns:
            the supervisor, with its children by id; all of them have started.

        Raises:
            SupervisionError: a child did not start; it is named, and those before it were stopped.
            TypeError, ValueError, ActorStopped: as `spawn`.
        """
        if not isinstance(spec, SupervisorSpec):
            raise TypeError(f"supervise() takes a SupervisorSpec([ChildSpec(...), ...]), not {spec!r}")
        top = self.system.supervise(spec, name=self._name_of("supervisor") if name is None else name, **given(options))
        try:
            await top.children()
        except ActorStopped as stopped:
            if isinstance(stopped.__cause__, SupervisionError):
                raise stopped.__cause__ from stopped.__cause__.__cause__
            raise
        return top

    @overload
    async def pool(
        self: Any,
        /,
        actor: Callable[[*_Args], _A],
        *args: *_Args,
        size: int,
        name: str | None = None,
        routing: RoutingWord = Routing.ROUND_ROBIN,
        key: Callable[[Any], str | int | bytes] | None = None,
        options: ActorOptions | None = None,
        where: Where = None,
    ) -> Pool[_A]: ...
    @overload
    async def pool(
        self: Any,
        /,
        actor: Callable[..., _A],
        *,
        size: int,
        name: str | None = None,
        routing: RoutingWord = Routing.ROUND_ROBIN,
        key: Callable[[Any], str | int | bytes] | None = None,
        options: ActorOptions | None = None,
        where: Where = None,
        **kwargs: Any,
    ) -> Pool[_A]: ...
    @overload
    async def pool(
        self: Any,
        actor: Callable[Concatenate[_X, ...], _A],
        x: _X,
        /,
        *,
        size: int,
        name: str | None = None,
        routing: RoutingWord = Routing.ROUND_ROBIN,
        key: Callable[[Any], str | int | bytes] | None = None,
        options: ActorOptions | None = None,
        where: Where = None,
        **kwargs: Any,
    ) -> Pool[_A]: ...
    @overload
    async def pool(
        self: Any,
        actor: Callable[Concatenate[_X, _Y, ...], _A],
        x: _X,
        y: _Y,
        /,
        *,
        size: int,
        name: str | None = None,
        routing: RoutingWord = Routing.ROUND_ROBIN,
        key: Callable[[Any], str | int | bytes] | None = None,
        options: ActorOptions | None = None,
        where: Where = None,
        **kwargs: Any,
    ) -> Pool[_A]: ...
    async def pool(  # type: ignore[misc]  # mypy does not see that it takes all of the first
        self,
        /,
        actor: Callable[..., _A],
        *args: Any,
        size: int,
        name: str | None = None,
        routing: RoutingWord = Routing.ROUND_ROBIN,
        key: Callable[[Any], str | int | bytes] | None = None,
        options: ActorOptions | None = None,
        where: Where = None,
        **kwargs: Any,
    ) -> Pool[_A]:
        """Start several actors that are alike, behind one face that gives each message to one of them.

        Args:
            actor: makes each of them, as `actor(*args, **kwargs)`.
            size: how many, at least 1.
            name: they are called `name-1`, `name-2` ...
            routing: "round_robin", "least_loaded", "by_key", or "pull": an ask waits until a member is free.
            key: with "by_key", gives a str, int or bytes for a message; those with equal keys go to one member.
            options: of each of them.
            where: as for `spawn`; "process": a process for each of them.

        Raises:
            as `spawn`.
        """
        factory = self.placed(where, actor, args, kwargs)
        named = self.name_for(actor) if name is None else name
        return Pool(self.system, factory, size=size, name=named, routing=routing, key=key, **given(options))

    def process(self, name: str, *, ladder: Ladder | None = None, cores: int | None = None) -> ActorProcess:
        """The child process of this name, for any number of actors; it starts with the first of them.

        Args:
            name: for people, and to find it again.
            ladder: how it is made to end, by default `Ladder(ask_s=2.0, term_s=2.0)`.
            cores: that its numeric libraries may use; None: all.

        Raises:
            ValueError: there is one of this name already, with another ladder.
        """
        return self._processes.process(name, ladder=ladder, cores=cores)

    @property
    def _processes(self) -> Processes:
        """Made, and imported, for the first actor that needs them."""
        if self._made_processes is None:
            from cuebook.processes.process import Processes

            self._made_processes = Processes(self.system, output=lambda *printed: self.app.output(*printed))
        return self._made_processes

    async def end_processes(self) -> None:
        """End every process that was started for actors."""
        if self._made_processes is not None:
            await self._made_processes.close()

    def placed(
        self, where: Where, actor: Callable[..., _A], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[], _A]:
        """A factory of actors that live there. Raises as `spawn`."""
        factory = factory_of(actor, args, kwargs)
        if where is None:
            return factory
        if where == "process":
            return self._processes.factory(actor, *args, **kwargs)
        from cuebook.processes.process import ActorProcess

        if not isinstance(where, ActorProcess):
            raise ValueError(
                f'where={where!r}: an actor lives on this loop (None), in "process", or in a runtime.process(name)'
            )
        return where.factory(actor, *args, **kwargs)

    def actor(self, name: str) -> ActorRef:
        """The ref of an actor by its name: one's own, or "supervisor", "journal", "worker-0".

        Raises:
            KeyError: no living actor has this name; the text says which there are.
        """
        return self.system.actor(name)

    def name_for(self, actor: Callable[..., Any]) -> str:
        """The name of an actor that was given none."""
        while isinstance(actor, partial):
            actor = actor.func
        word: str = getattr(actor, "__name__", "actor").lower()
        return self._name_of(word if word.isidentifier() else "actor")

    def _name_of(self, word: str) -> str:
        while True:
            self._names[word] += 1
            name = f"{word}-{self._names[word]}"
            if name not in self.system:
                return name


def given(options: ActorOptions | None) -> SpawnOptions:
    """What of the options is said. Raises TypeError where they are none."""
    if options is None:
        return {}
    if not isinstance(options, ActorOptions):
        raise TypeError(f"options= is an ActorOptions(...), not {options!r}")
    return options.given()


def factory_of(actor: Callable[..., _A], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[], _A]:
    """What makes each incarnation. Raises TypeError where it could make none, before anything is started."""
    if isinstance(actor, Actor):
        kind = type(actor).__qualname__
        raise TypeError(f"spawn() takes the class, to make the actor anew after a failure: {kind}, not an object of it")
    is_odd_class = isinstance(actor, type) and not issubclass(actor, Actor)
    if not callable(actor) or is_odd_class:
        raise TypeError(f"spawn() takes an Actor class, or a callable that gives an Actor, not {actor!r}")
    signature = _signature(actor)
    if signature is not None:
        try:
            signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(_misfit(actor, kwargs, error)) from None
    return partial(actor, *args, **kwargs) if args or kwargs else actor


def _misfit(actor: Callable[..., Any], kwargs: dict[str, Any], error: TypeError) -> str:
    text = f"{getattr(actor, '__qualname__', actor)!s}: {error}"
    meant = sorted(_OPTIONS.intersection(kwargs))
    if meant:
        text += f"; options of the actor are given as options=ActorOptions({meant[0]}=...)"
    return text


_signatures: WeakKeyDictionary[Any, inspect.Signature] = WeakKeyDictionary()


def _signature(actor: Callable[..., Any]) -> inspect.Signature | None:
    known = _signatures.get(actor) if isinstance(actor, type) else None
    if known is None:
        try:
            known = inspect.signature(actor)
        except (TypeError, ValueError):  # a callable that does not say
            return None
        if isinstance(actor, type):
            _signatures[actor] = known
    return known
