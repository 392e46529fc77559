"""The actors' side of a Runtime: starting them, supervising them, finding them. Knows no call."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from cuebook.actors.application import Application
from cuebook.runtime.actor import Actor
from cuebook.runtime.errors import ActorStopped, SupervisionError
from cuebook.runtime.group import SupervisorRef
from cuebook.runtime.pool import Pool, Routing
from cuebook.runtime.ref import ActorRef
from cuebook.runtime.spec import ActorOptions, SpawnOptions
from cuebook.runtime.strategy import SupervisorSpec
from cuebook.runtime.system import ActorSystem

__all__ = ["Acting", "factory_of", "given"]

_A = TypeVar("_A", bound=Actor)
_OPTIONS = SpawnOptions.__optional_keys__


class Acting:
    """What a Runtime offers those who write actors."""

    app: Application
    _names: Counter[str]

    @property
    def system(self) -> ActorSystem:
        """Where the actors live: its `services`, its `dead_letters`, its `tree()` and `statistics()`."""
        return self.app.system

    async def spawn(
        self,
        actor: Callable[..., _A],
        *args: Any,
        name: str | None = None,
        options: ActorOptions | None = None,
        **kwargs: Any,
    ) -> ActorRef[_A]:
        """Start an actor: `actor(*args, **kwargs)` makes it, and each restart makes it anew.

        It takes messages at once; `on_start` runs before the first of them is received.

        Args:
            actor: an Actor class, or a callable that gives an Actor. (Where the class itself has a parameter called
                `name` or `options`: `functools.partial(Cls, name=...)`.)
            name: unique among the living actors; by default the class's in lower case and a number.
            options: bounds, restarts, shutdown.

        Returns:
            its ref, which stays valid across restarts; for a type checker, of that class.

        Raises:
            TypeError: the class does not take these arguments; no actor was started.
            ValueError: the name is taken, or an option makes no sense.
            ActorStopped: the runtime is stopping.
        """
        factory = factory_of(actor, args, kwargs)
        return self.system.spawn(factory, name=self._name_for(actor) if name is None else name, **given(options))

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

    async def pool(
        self,
        actor: Callable[..., _A],
        *args: Any,
        size: int,
        name: str | None = None,
        routing: Routing | str = Routing.ROUND_ROBIN,
        key: Callable[[Any], str | int | bytes] | None = None,
        options: ActorOptions | None = None,
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

        Raises:
            as `spawn`.
        """
        factory = factory_of(actor, args, kwargs)
        named = self._name_for(actor) if name is None else name
        return Pool(self.system, factory, size=size, name=named, routing=routing, key=key, **given(options))

    def actor(self, name: str) -> ActorRef:
        """The ref of an actor by its name: one's own, or "supervisor", "journal", "worker-0".

        Raises:
            KeyError: no living actor has this name; the text says which there are.
        """
        return self.system.actor(name)

    def _name_for(self, actor: Callable[..., Any]) -> str:
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
