"""The class that users derive durable actors from. Handling and applying need no loop; keeping is the keeper's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from cuebook.durable.effects import Effect
from cuebook.durable.events.appliers import appliers_of
from cuebook.durable.events.event_types import EventTypes, Upcaster, name_of
from cuebook.durable.events.folding import check_returned
from cuebook.durable.events.snapshots import SnapshotPolicy
from cuebook.durable.hooks import is_preceded, preceded
from cuebook.durable.keeper import Keeper
from cuebook.durable.owed.duties import Address
from cuebook.durable.readside.envelope import EventEnvelope
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.handlers import check_taken, handlers_of, is_rebuilt, names_around
from cuebook.runtime.refs.declared import check_receiver
from cuebook.runtime.refs.typed import AcceptsDeliveries

__all__ = ["PersistentActor", "check_durable", "types_of"]

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # what checkers bring along: defaults of type variables

    S = TypeVar("S")
    C = TypeVar("C", contravariant=True, default=Any)
else:
    from typing import TypeVar

    S = TypeVar("S")
    C = TypeVar("C", contravariant=True)

_HOOKS = {"on_start": "_recover", "on_stop": "_settle", "on_failure": "_give_up"}


def types_of(actors: Any) -> dict[str, EventTypes]:
    """How the events of a class of durable actors, or of several, are read, by name of the type.

    Raises:
        TypeError: one is no such class. ValueError: there is none, or two have one name.
    """
    given = (actors,) if isinstance(actors, type) or not isinstance(actors, Iterable) else tuple(actors)
    found: dict[str, EventTypes] = {}
    for cls in given:
        if not (isinstance(cls, type) and issubclass(cls, PersistentActor)):
            raise TypeError(f"events are those of classes of durable actors (PersistentActor), not of {cls!r}")
        if cls.type_name in found:
            raise ValueError(f"two of these classes are called {cls.type_name} in the journal: give one a type_name")
        found[cls.type_name] = cls.event_types
    if not found:
        raise ValueError("no class is named whose events are to be read")
    return found


def check_durable(cls: type) -> None:
    """Raises TypeError where a class of durable actors lacks what each of them needs."""
    if getattr(cls, "initial_state", None) is PersistentActor.initial_state:
        raise TypeError(_no_state(cls))


def _no_state(cls: type) -> str:
    return f"define initial_state(self) in {cls.__qualname__}: the state before any event"


class PersistentActor(Actor[C], AcceptsDeliveries[C], Generic[S, C]):
    """An actor whose state is the fold of its events, which are kept in the runtime's journal.

    A command is handled by `handle`, or by the method called `on_...` whose parameter is annotated with its type. What
    that gives back is the Effect: `persist(event, ...)`, `Effect()`, or a plain value, which is the answer. `apply`
    makes the next state of a state and an event; it is called for each new event, and for all of them when the actor
    starts.

    `class Account(PersistentActor[State, Deposit | Balance])` says which commands others may send, as for `Actor`.

    Commands wait in the mailbox while the actor recovers. A handler sees the events of all commands before it; nothing
    leaves the actor before they are on disk. Where they cannot be written, all commands that wait for that fail, and
    the actor folds its journal again.

    Args:
        id: which one, among the actors of this type in the journal. A subclass with an `__init__` of its own passes
            it on.

    Attributes:
        id: as given.
        state: what the events so far make. Not to be changed but by `apply`.
        sequence_number: number of the last event in `state`, 0 where there is none.
        type_name: the type's name in the journal; default the name of the class. A class that is renamed says its old
            one.
        events: event classes that are found by their name alone, wherever they are now; those that `apply_...`
            methods are annotated with are among them.
        upcasters: functions from the fields of an old event, by the name of its class, to today's event (or a list);
            also from those of the state, or of an object in it, where its class is gone or has other fields now.
        snapshots: when the state itself is kept.
        follows: classes of durable actors whose events this one is given, each once, as an `EventEnvelope`.

    `on_start` is called after the recovery, before the first command; `on_stop` after the last commit.
    """

    type_name: ClassVar[str] = ""
    events: ClassVar[Sequence[type]] = ()
    upcasters: ClassVar[Mapping[str, Upcaster]] = {}
    snapshots: ClassVar[SnapshotPolicy] = SnapshotPolicy()
    follows: ClassVar[Sequence[type[PersistentActor[Any, Any]]]] = ()

    state: S
    event_types: ClassVar[EventTypes]
    _appliers: ClassVar[Mapping[type, str]] = {}
    _keeper: Keeper | None = None

    def __init__(self, id: str) -> None:
        if not isinstance(id, str) or not id:
            raise ValueError(f"the id of a {type(self).__qualname__} is a string that is not empty, not {id!r}")
        check_durable(type(self))
        self.id = id
        self.sequence_number = 0

    if not TYPE_CHECKING:

        def __class_getitem__(cls, parameters: Any) -> Any:
            # The commands may be left out, which type variables of Python before 3.13 do not know.
            given = parameters if isinstance(parameters, tuple) else (parameters,)
            is_short = cls is PersistentActor and len(given) == 1
            return super().__class_getitem__((*given, Any) if is_short else parameters)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        around = names_around(1)
        cls.type_name = vars(cls).get("type_name", "") or cls.__name__
        cls._handlers = handlers_of(cls, around, (Effect,))
        if not is_rebuilt(cls):
            check_receiver(cls, "handle", around, (Effect,))
            if cls.handle is PersistentActor.handle:
                check_taken(cls, cls._handlers, PersistentActor)
        cls._appliers = appliers_of(cls, around)
        _check_follows(cls)
        _check_said(cls)
        cls.event_types = EventTypes(cls.__qualname__, (*cls.events, *cls._appliers), cls.upcasters)
        for hook, before in _HOOKS.items():
            method = getattr(cls, hook)
            if method is not getattr(PersistentActor, hook) and not is_preceded(method):
                setattr(cls, hook, preceded(method, before))

    @classmethod
    def address_of(cls, id: str) -> Address:
        """Where deliveries to the actor of this class and id go."""
        return Address(cls.type_name, id, name_of(cls))

    @classmethod
    def followed(cls) -> dict[str, EventTypes]:
        """How the events of the classes that it follows are read, by name of the type."""
        return types_of(cls.follows) if cls.follows else {}

    @classmethod
    def handler_for(cls, kind: type) -> str:
        """The name of the method that handles commands of this type; "handle" where none is named for it."""
        return cls._handlers.get(kind, "handle")

    @classmethod
    def has_handler(cls, kind: type) -> bool:
        """Whether commands of this type may be handled; a `handle` of the class's own may take any."""
        return kind in cls._handlers or cls.handle is not PersistentActor.handle

    # What a subclass says

    def initial_state(self) -> S:
        """The state before the first event. To be defined."""
        raise TypeError(_no_state(type(self)))

    def handle(self, command: Any, /) -> Any:
        """What follows a command: an Effect, or the answer; plain or `async def`. Changes nothing.

        Raises:
            Rejected: the command is refused; the actor goes on.
            Exception: fails the incarnation; of this command nothing is kept.
            UnhandledMessage: there is no handler for it; the actor goes on.
        """
        name = self._handlers.get(type(command))
        if name is None:
            self.unhandled(command)
        return getattr(self, name)(command)

    def apply(self, state: S, event: Any, /) -> S:
        """The state with one more event in it: a pure function. It must not fail for an event that was once kept.

        Where a class does not define it, the method called `apply_...` whose second parameter is annotated with the
        event's type does it: `def apply_deposited(self, state, event: Deposited)`.
        """
        name = self._appliers.get(type(event))
        if name is None:
            kind, owner = type(event).__qualname__, type(self).__qualname__
            several = " (several events are persist(*events))" if isinstance(event, list | tuple) else ""
            raise TypeError(
                f"{owner} applies no {kind}: define apply(self, state, event), or apply_x(self, state, event: {kind})"
                f"{several}"
            )
        next_state: S = getattr(self, name)(state, event)
        if next_state is None:
            check_returned(getattr(self, name), state, event)
        return next_state

    # What the runtime calls

    def receive(self, message: Any, /) -> Any:
        """Handle one command and carry out its effect; not to be overridden: define `handle`."""
        keeper = self._keeper
        assert keeper is not None
        return keeper.receive(message)

    async def on_start(self) -> None:
        """After the recovery, before the first command."""
        await self._recover()

    async def on_stop(self) -> None:
        """After the last command and its commit."""
        await self._settle()

    async def on_failure(self, error: BaseException, /) -> None:
        """After this incarnation failed with `error`."""
        self._give_up()

    async def _recover(self) -> None:
        if self._keeper is None:
            self._keeper = Keeper(self)
            await self._keeper.recover()

    async def _settle(self) -> None:
        if self._keeper is not None:
            await self._keeper.settle()

    def _give_up(self) -> None:
        if self._keeper is not None:
            self._keeper.give_up()


def _check_said(cls: type[PersistentActor[Any, Any]]) -> None:
    """Raises TypeError where what a class says of itself is something else, or takes the place of what keeps it."""
    name = cls.__qualname__
    for method in ("receive", "receive_many"):
        if getattr(cls, method, None) is not getattr(PersistentActor, method, None):
            raise TypeError(f"{name}.{method} takes the place of what keeps the events: define handle(self, command)")
    if not isinstance(cls.snapshots, SnapshotPolicy):
        raise TypeError(f"snapshots of {name} is a SnapshotPolicy(every=...), not {cls.snapshots!r}")
    if isinstance(cls.events, type):
        raise TypeError(f"events of {name} are several classes: events = ({cls.events.__qualname__},)")
    if "/" in cls.type_name:
        raise TypeError(f"the type_name of {name} has no slash, which stands before the id: {cls.type_name!r}")


def _check_follows(cls: type[PersistentActor[Any, Any]]) -> None:
    """Raises TypeError where a class follows what has no events, itself, or has no handler for what it gets."""
    if not cls.follows or is_rebuilt(cls):
        return
    if cls.type_name in types_of(cls.follows):
        raise TypeError(f"{cls.__qualname__} follows itself: each event that it keeps would be followed by another one")
    if cls.handle is PersistentActor.handle and cls.handler_for(EventEnvelope) == "handle":
        raise TypeError(
            f"{cls.__qualname__} follows others and has no handler for their events: "
            "def on_event(self, e: EventEnvelope)"
        )
