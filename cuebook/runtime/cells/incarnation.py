"""One incarnation of an actor: the object, its timers, its hooks. Knows no mailbox and no restart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from cuebook.logs import get_logger
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.context import Context
from cuebook.runtime.cells.driver import Work
from cuebook.runtime.cells.spec import Factory
from cuebook.runtime.cells.timers import Timers
from cuebook.runtime.tasks.exits import called, is_exit

__all__ = ["Incarnation"]

_log = get_logger("runtime")


class IncarnationOwner(Protocol):
    """The actor whose incarnation it is."""

    name: str

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
        self.receive = actor.receive
        self.receive_many = getattr(actor, "receive_many", None)
        yield from self._run("on_start")

    @property
    def kind(self) -> type | None:
        """The actor's class; None before the factory has made it."""
        return None if self._actor is None else type(self._actor)

    def become(self, handler: Callable[[Any], Any] | None) -> None:
        """Receive by another handler; None: by the actor's own."""
        assert self._actor is not None
        if self.receive_many is not None:
            raise TypeError(f"{self._owner.name} receives many messages at once, so it cannot become another handler")
        self.receive = self._actor.receive if handler is None else handler

    def stop(self) -> Work:
        """Run `on_stop`, unless a last hook has begun; what it raises is logged."""
        return self._run_safely("on_stop")

    def fail(self, error: BaseException) -> Work:
        """Run `on_failure`, unless a last hook has begun; what it raises is logged."""
        return self._run_safely("on_failure", error)

    def _run(self, hook: str, *arguments: Any) -> Work:
        # A hook that is not overridden costs no task.
        if self._actor is None or getattr(type(self._actor), hook) is getattr(Actor, hook):
            return
        pending = called(getattr(self._actor, hook), *arguments)
        if hasattr(pending, "__await__"):
            self._owner.activate()
            yield pending

    def _run_safely(self, hook: str, *arguments: Any) -> Work:
        if self._is_over:
            return  # its last hook was cut off by cancellation
        self._is_over = True
        try:
            yield from self._run(hook, *arguments)
        except BaseException as error:
            if is_exit(error):
                raise
            _log.error("hook failed", actor=self._owner.name, hook=hook, exc_info=error)


def _not_started(_message: Any) -> Any:
    raise AssertionError("an incarnation that has not started receives nothing")
