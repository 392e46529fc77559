"""One incarnation of an actor: the object, its timers, its hooks. Knows no mailbox and no restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from cuebook.logs import get_logger
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.context import Context
from cuebook.runtime.cells.driver import Work
from cuebook.runtime.cells.spec import Factory
from cuebook.runtime.tasks.exits import called, is_exit
from cuebook.runtime.tasks.timers import Timers

__all__ = ["Incarnation"]

_log = get_logger("runtime")


class HandlerObserver(Protocol):
    """Someone who looks at handlers while they work."""

    def seen(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A handler of one message that is looked at."""

    def seen_many(self, handler: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
        """A handler of many."""

    def unseen(self, handler: Any) -> Any:
        """The handler itself."""


class IncarnationOwner(Protocol):
    """The actor whose incarnation it is."""

    name: str

    @property
    def observer(self) -> HandlerObserver | None:
        """Who looks at its handlers; None: nobody."""

    def activate(self) -> None:
        """From here on its code may wait for others."""


class Incarnation:
    """From one call of the factory to the last hook.

    Attributes:
        ran_from: monotonic seconds of the end of its start; None before.
        receive, receive_many: the actor's handlers; `receive_many` is None where the class has none.
    """

    __slots__ = ("_actor", "_is_over", "_owner", "ran_from", "receive", "receive_many", "timers")

    def __init__(self, owner: IncarnationOwner, timers: Timers) -> None:
        self._owner = owner
        self._actor: Actor | None = None
        self._is_over = False
        self.timers = timers
        self.ran_from: float | None = None
        self.receive: Callable[[Any], Any] = _not_started
        self.receive_many: Callable[[list[Any]], Any] | None = None

    def start(self, factory: Factory[Any], context: Context) -> Work:
        """Make the actor and run `on_start`. Raises what either raises."""
        try:
            actor = called(factory)
        except AttributeError as error:
            if error.name == "context" and isinstance(error.obj, Actor):
                kind = type(error.obj).__qualname__
                raise AttributeError(f"{kind} has its context from on_start on: it is not there in __init__") from error
            raise
        if not isinstance(actor, Actor):
            raise TypeError(f"the factory of {self._owner.name} gave a {type(actor).__qualname__}, not an Actor")
        actor.context = context
        self._actor = actor
        self.receive_by(actor.receive, getattr(actor, "receive_many", None))
        yield from self._run("on_start")

    def receive_by(self, handler: Callable[[Any], Any], many: Callable[[list[Any]], Any] | None) -> None:
        """The handlers from now on."""
        observer = self._owner.observer
        if observer is not None:
            handler = observer.seen(handler)
            many = None if many is None else observer.seen_many(many)
        self.receive, self.receive_many = handler, many

    def observe(self, before: HandlerObserver | None) -> None:
        """Somebody else looks than before, or nobody."""
        if before is None:
            self.receive_by(self.receive, self.receive_many)
        else:
            self.receive_by(before.unseen(self.receive), before.unseen(self.receive_many))

    @property
    def kind(self) -> type | None:
        """The actor's class; None before the factory has made it."""
        return None if self._actor is None else type(self._actor)

    def become(self, handler: Callable[[Any], Any] | None) -> None:
        """Receive by another handler; None: by the actor's own."""
        assert self._actor is not None
        if self.receive_many is not None:
            raise TypeError(f"{self._owner.name} receives many messages at once, so it cannot become another handler")
        self.receive_by(self._actor.receive if handler is None else handler, None)

    def stop(self) -> Work:
        """Run `on_stop`, unless a last hook has begun; what it raises is logged."""
        return self.last("on_stop", self._run("on_stop"))

    def fail(self, error: BaseException) -> Work:
        """Run `on_failure`, unless a last hook has begun; what it raises is logged."""
        return self.last("on_failure", self._run("on_failure", error))

    def _run(self, hook: str, *arguments: Any) -> Work:
        # A hook that is not overridden costs no task.
        if self._actor is None or getattr(type(self._actor), hook) is getattr(Actor, hook):
            return
        pending = called(getattr(self._actor, hook), *arguments)
        if hasattr(pending, "__await__"):
            self._owner.activate()
            yield pending

    def last(self, hook: str, work: Work) -> Work:
        """Do the work of a last hook, unless one has begun; what it raises is logged."""
        if self._is_over:
            return  # it was cut off by cancellation
        self._is_over = True
        try:
            yield from work
        except BaseException as error:
            if is_exit(error):
                raise
            _log.error("hook failed", actor=self._owner.name, hook=hook, exc_info=error)


def _not_started(_message: Any) -> Any:
    raise AssertionError("an incarnation that has not started receives nothing")
