"""One durable actor in the hands of a plain test function: command in; events, state and reply out. No journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from cuebook.durable.persistent_actor import PersistentActor
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.refs.ref import ActorRef
from cuebook.testing.behaviour import ActorKit
from cuebook.testing.durable_bench import DurableBench
from cuebook.testing.effects import DurableRan, Effect

__all__ = ["DurableKit"]

S = TypeVar("S")


class DurableKit(ActorKit[PersistentActor[S]], Generic[S]):
    """Runs a durable actor one command at a time, as `ActorKit` does a plain one.

    Every command, event, state and reply goes through the codec, there and back. It is an AssertionError if an event or
    the state comes back as another, or if `apply` changes the state that it is given.

    Parameters:
        factory: a PersistentActor class; or a callable that gives the actor, for each incarnation.
        id: with a class: which one.
        name: of the actor; by default that of its class and id.
    """

    _bench: DurableBench

    def __init__(
        self,
        factory: type[PersistentActor[S]] | Callable[[], PersistentActor[S]],
        id: str = "test",
        *,
        name: str | None = None,
    ) -> None:
        cls: Any = factory
        is_class = isinstance(factory, type)
        if is_class and not issubclass(cls, PersistentActor):
            raise TypeError(f"a DurableKit is for a PersistentActor, not for a {cls.__qualname__}: use ActorKit")
        title = name or (f"{cls.type_name}/{id}" if is_class else "durable")
        super().__init__((lambda: cls(id)) if is_class else factory, name=title)

    def _make_bench(self, factory: Callable[[], Any], name: str, mailbox: MailboxSpec) -> DurableBench:
        return DurableBench(factory, name, mailbox)

    @property
    def state(self) -> S:
        """What the events so far make."""
        return self._durable.state

    @property
    def events(self) -> list[Any]:
        """All events so far, as they come back from a journal."""
        return self._bench.book.all_events(self._durable)

    def given(self, *events: Any) -> S:
        """Let these events have been kept before. Returns the state with them in it.

        Raises:
            TypeError, ValueNotKept: one cannot be kept.
            AssertionError: one does not come back as it was.
        """
        actor = self._durable
        for event in events:
            actor.state, _ = self._bench.book.keep(actor, actor.state, event)
        actor.sequence_number = len(self._bench.book.kept)
        return self.state

    def given_old(self, name: str, **fields: Any) -> S:
        """Let an event of an earlier version of the program have been kept: what upcasters are for.

        Parameters:
            name: of its class then, with or without its module.
            fields: of the event then.

        Raises:
            UnknownEvent: neither a class of that name nor an upcaster for it is there.
        """
        actor = self._durable
        self._bench.book.keep_old(name if ":" in name else f"{type(actor).__module__}:{name}", fields)
        try:
            actor.state, actor.sequence_number = self._bench.book.fold(actor)
        except BaseException:
            self._bench.book.kept.pop()
            raise
        return self.state

    def run(self, message: object, *, sender: ActorRef | None = None) -> DurableRan:
        """Have the actor handle a command, and commit what it wants kept.

        A rejection is no error here: it is in the result. Raises as `ActorKit.run`, and AssertionError as said above.
        """
        ran = super().run(message, sender=sender)
        assert isinstance(ran, DurableRan)
        return ran

    def restart(self, error: BaseException | None = None) -> tuple[Effect, ...]:
        """End the incarnation as a failure, and recover the next one from its events.

        Raises:
            AssertionError: the state that it recovers is another than it was.
        """
        before = self.state
        effects = super().restart(error)
        if not self._bench.book.is_same_state(before, self.state):
            raise AssertionError(f"the state was {before!r}, and its events make {self.state!r}")
        return effects

    @property
    def _durable(self) -> PersistentActor[S]:
        return self.actor
