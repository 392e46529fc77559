"""The entities of one actor system: woken by messages and by what they owe, put to sleep when nobody needs them.

Knows no command. How a class's entities fall asleep is `hosted`'s, when sleeping ones are woken `waking`'s.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator
from typing import Any

from cuebook.durable.entities.alarm import Alarm
from cuebook.durable.entities.entity import Entity
from cuebook.durable.entities.hosted import Hosted
from cuebook.durable.events.event_types import name_of
from cuebook.durable.ledger import Ledger, ledger_of
from cuebook.durable.owed.duties import Address
from cuebook.durable.owed.kept_duties import KeptDuties
from cuebook.durable.owed.obligations import offer_directory
from cuebook.durable.persistent_actor import PersistentActor, check_durable
from cuebook.errors import (
    ActorStopped,
    JournalBusy,
    JournalCorrupt,
    JournalNotTrusted,
    OffsetLost,
    RecoveryFailed,
    UnsupportedVersion,
)
from cuebook.logs import get_logger
from cuebook.persistence.journal.streams import removed_streams
from cuebook.persistence.records.record import Kind, Picked
from cuebook.persistence.records.stream_heads import Duties, StreamOpened
from cuebook.persistence.values.pickling.names import resolve
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.spec import OnTerminated, SpawnOptions
from cuebook.runtime.policy.directives import Directives
from cuebook.runtime.policy.restarts import Backoff, Restart, RestartIntensity
from cuebook.runtime.refs.ref import ActorRef, homes
from cuebook.runtime.refs.status import ActorState
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.system import ActorSystem

__all__ = ["IDLE_S", "Entities", "entity_name", "options"]

IDLE_S = 120.0
"""Seconds without a message after which an entity is put to sleep."""
GIVEN_UP_S = 60.0
"""Seconds after which an entity that owes something, and failed too often, is tried again."""
PAGE = 512
"""Records that are read at once."""

_INTENSITY = RestartIntensity(restarts_max=10, within_s=10.0)
_BACKOFF = Backoff(max_s=1.0)
_HOPELESS = (RecoveryFailed, JournalBusy, JournalCorrupt, JournalNotTrusted, OffsetLost, UnsupportedVersion)
_DIRECTIVES: Directives = dict.fromkeys(_HOPELESS, "stop")
"""What trying again at once does not mend."""
_log = get_logger("durable")


def options(on_terminated: OnTerminated | None = None) -> SpawnOptions:
    """How an actor is started that has an id: it ends when it wants to, and does not try for ever to read
    what cannot be read.
    """
    return SpawnOptions(
        restart=Restart.TRANSIENT,
        intensity=_INTENSITY,
        backoff=_BACKOFF,
        directives=_DIRECTIVES,
        on_terminated=on_terminated,
    )


def entity_name(cls: type, id: str) -> str:
    """The name of the actor of this class and id."""
    return f"{_kind_of(cls)}/{id}"


def _check_made(cls: type[Actor]) -> None:
    """Raises TypeError where the class does not take an id alone."""
    try:
        signature = inspect.signature(cls)
    except (TypeError, ValueError):  # it does not say
        return
    try:
        signature.bind("id")
    except TypeError as error:
        raise TypeError(f"an entity is made as {cls.__qualname__}(id): {error}") from None


class Entities:
    """The entities of a system, by class and id.

    Args:
        system: where their actors live.

    Attributes:
        id: names this registry in addresses, as a system's id does.
    """

    def __init__(self, system: ActorSystem) -> None:
        self.id = os.urandom(16)
        self.loop = system.loop
        self.deadlines = system.deadlines
        self.ready = system.ready
        self.now = system.now
        self._system = system
        self._hosted: dict[str, Hosted] = {}
        self._due: dict[str, float] = {}
        self._alarm = Alarm(system.clock, self._ring)
        homes[self.id] = self
        offer_directory(system.extensions, self)

    def host(self, cls: type[Actor], idle_s: float | None = None) -> bool:
        """Make a class of entities known; whether it was not known.

        Raises:
            TypeError: it is no actor class, or not a whole one. ValueError: another class has that name, or `idle_s` is
                not over 0.
        """
        if not (isinstance(cls, type) and issubclass(cls, Actor)):
            raise TypeError(f"an entity is of a class of actors, not {cls!r}")
        check_durable(cls)
        _check_made(cls)
        if idle_s is not None and not idle_s > 0:
            raise ValueError(f"idle_s is more than 0 seconds, not {idle_s!r}")
        kind = _kind_of(cls)
        known = self._hosted.get(kind)
        if known is None:
            idle_s = IDLE_S if idle_s is None else idle_s
            self._hosted[kind] = Hosted(cls, idle_s, self._system.clock, on_sleep=self._may_sleep)
            return True
        if known.cls is not cls and name_of(known.cls) != name_of(cls):
            raise ValueError(f"entities named {kind} are of {name_of(known.cls)}: give {name_of(cls)} a type_name")
        known.cls = cls
        known.idle_s = known.idle_s if idle_s is None else idle_s
        return False

    def entity(self, cls: type[Actor], id: str) -> ActorRef:
        """The ref of an entity of a class that is hosted. Raises ValueError where `id` is no name."""
        if not isinstance(id, str) or not id:
            raise ValueError(f"the id of an entity is a string that is not empty, not {id!r}")
        return self._named(self._hosted[_kind_of(cls)], entity_name(cls, id)).ref

    def find(self, name: str, serial: int) -> ActorRef | None:
        """The ref of an entity by its name, for refs that come out of messages."""
        del serial
        hosted = self._hosted.get(name.partition("/")[0])
        return None if hosted is None else self._named(hosted, name).ref

    def close(self) -> None:
        """Wake nobody and put nobody to sleep any more."""
        self._alarm.close()
        for hosted in self._hosted.values():
            hosted.close()

    async def recall(self, cls: type[PersistentActor[Any]]) -> None:
        """Find out what the sleeping entities of a class owe, and wake them when it is due.

        Raises:
            JournalError: the journal cannot be read.
        Cost: reads all that any durable actor in the journal has ever owed, some 10 us a record.
        """
        ledger = await ledger_of(self._system.extensions, cls.__qualname__)()
        for name, due in (await owed_by(ledger, cls.type_name)).items():
            if name not in self._due:
                self.owes(name, due)

    def _named(self, hosted: Hosted, name: str) -> Entity:
        entity = hosted.by_name.get(name)
        if entity is None:
            entity = hosted.by_name[name] = Entity(self, name)
        return entity

    # What entities ask for

    def wake(self, entity: Entity) -> ActorRef:
        """Start its actor, or find the one that was started by hand. Raises ActorStopped while the system stops."""
        kind, _, id = entity.name.partition("/")
        hosted = self._hosted[kind]
        try:
            ref = self._system.actor(entity.name)
        except KeyError:
            cls: Any = hosted.cls
            ref = self._system.spawn(lambda: cls(id), name=entity.name, **options(self._ended))
        hosted.woke(entity)
        return ref

    def bury(self, name: str, frame: Any) -> None:
        """A message to this entity went nowhere: it is a dead letter."""
        self._system.dead_letters.add(frame, name, None, DeadReason.STOPPED)

    # What durable actors ask for

    def ref_of(self, address: Address, *, may_import: bool = True) -> ActorRef | None:
        """The actor at an address; its class is looked for by name where it is not hosted, and may be imported."""
        if address.type not in self._hosted:
            if not may_import:
                return None
            try:
                self.host(resolve(*address.where.split(":", 1)))
            except (LookupError, TypeError, ValueError):
                return None
        return self.find(address.name, 0)

    def owes(self, name: str, due: float | None) -> None:
        """An actor is to be awake at this time (seconds since 1970); None: need not."""
        if due is None:
            self._due.pop(name, None)
        else:
            self._due[name] = due
        hosted = self._hosted.get(name.partition("/")[0])
        if hosted is not None and (due is None or self._sleeps(hosted, name)):
            self._alarm.set(name, due)

    def _sleeps(self, hosted: Hosted, name: str) -> bool:
        entity = hosted.by_name.get(name)
        return entity is None or entity.state is ActorState.STOPPED

    def _may_sleep(self, name: str) -> bool:
        """Whether nothing is due too soon; then the alarm is set for what is due later. Whoever follows stays awake."""
        hosted = self._hosted[name.partition("/")[0]]
        if getattr(hosted.cls, "follows", ()):
            return False
        due = self._due.get(name)
        if due is not None:
            if due - self._system.clock.time() <= hosted.idle_s:
                return False
            self._alarm.set(name, due)
        return True

    def _ended(self, ref: ActorRef, error: BaseException | None) -> None:
        """An actor ended for good; what it owes is tried again later where it could not."""
        due = self._due.get(ref.name)
        if due is not None:
            earliest = self._system.clock.time() + (GIVEN_UP_S if error is not None else 0.0)
            self._alarm.set(ref.name, max(due, earliest))

    def _ring(self, name: str) -> None:
        hosted = self._hosted.get(name.partition("/")[0])
        if hosted is None:
            return
        try:
            self._named(hosted, name).awaken()
        except ActorStopped:
            _log.info("not woken: the system stops", actor=name)


def _kind_of(cls: type) -> str:
    return getattr(cls, "type_name", "") or cls.__name__


async def owed_by(ledger: Ledger, type_name: str) -> dict[str, float]:
    """When each durable actor of a type that owes something is to do it next, by name."""
    names = {
        record.run: f"{head.type}/{head.id}"
        async for record in _pages(ledger, Kind.STREAM_OPENED)
        if (head := StreamOpened.decode(record.head)).type == type_name
    }
    for stream in removed_streams(ledger.file.select)[0]:
        names.pop(stream, None)
    owed: dict[int, KeptDuties] = {}
    async for record in _pages(ledger, Kind.DUTIES):
        if record.run in names:
            owed.setdefault(record.run, KeptDuties()).take(Duties.decode(record.head).rows)
    return {names[stream]: due for stream, kept in owed.items() if (due := kept.next_due()) is not None}


async def _pages(ledger: Ledger, kind: Kind) -> AsyncIterator[Picked]:
    after = 0
    while page := ledger.file.select(kind, None, after=after, limit=PAGE):
        for record in page:
            yield record
        after = page[-1].seq
        await asyncio.sleep(0)
