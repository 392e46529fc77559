"""Durable actors of one runtime: their ledger, opened when the first of them needs it, and their entities."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any
from weakref import WeakSet

import anyio

from cuebook.actors.application import Application
from cuebook.actors.stream_messages import EventsRefused, RemoveStream
from cuebook.choices import one_of
from cuebook.durable.committer import error_of
from cuebook.durable.entities.registry import Entities, entity_name, options
from cuebook.durable.ledger import Ledger, offer_ledger
from cuebook.durable.persistent_actor import PersistentActor, types_of
from cuebook.durable.promise import DurablePromise, Promise
from cuebook.durable.readside.position import Offset
from cuebook.durable.readside.subscription import Subscription
from cuebook.errors import CuebookError
from cuebook.logs import get_logger
from cuebook.persistence.journal.new_journal import say_if_not_private
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Kind
from cuebook.persistence.trust.texts import not_trusted
from cuebook.persistence.trust.verdicts import Writers
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.spec import SpawnOptions
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.tasks.hold import Hold

__all__ = ["DurableActors", "Missing", "is_durable"]

_log = get_logger("durable")


def is_durable(factory: Any) -> bool:
    """Whether it is a class of durable actors."""
    return isinstance(factory, type) and issubclass(factory, PersistentActor)


class Missing(StrEnum):
    """What becomes of a subscription where events that it is of were dropped."""

    ERROR = "error"
    SKIP = "skip"


class DurableActors:
    """What a Runtime has of durable actors.

    Args:
        app: whose system they live in. path: of their journal; None: there is none.
        trust: how far others are trusted who can write to it.
    """

    def __init__(self, app: Application, path: str | None, trust: Writers = Writers.NOBODY) -> None:
        self._app = app
        self._path = path
        self._trust = trust
        self._ledger: Ledger | None = None
        self._door = anyio.Lock()
        self._entities = Entities(app.system)
        self._subscriptions: WeakSet[Subscription] = WeakSet()
        offer_ledger(app.system.extensions, self.ledger)

    async def ledger(self) -> Ledger:
        """The open ledger. It stays open until the runtime ends.

        Raises:
            ValueError: the runtime has no path. JournalError: the journal cannot be opened.
            JournalNotTrusted: everybody can have written what it holds of actors.
        """
        self._check_path("a durable actor")
        async with self._door:
            if self._ledger is None:
                assert self._path is not None
                file, journal = await self._app.journal(self._path)
                try:
                    self._check_trust(file)
                    while file.streams.load():  # noqa: ASYNC110 - others have their turn between two pages
                        await asyncio.sleep(0)
                    self._ledger = Ledger(file, journal, self._trust)
                except BaseException:
                    await self._app.release(file)
                    raise
            return self._ledger

    def _check_trust(self, file: JournalWriter) -> None:
        say_if_not_private(file, self._trust)
        verdict = file.verdict()
        if verdict.writers is Writers.ANYONE > self._trust and file.select(Kind.STREAM_OPENED, None, limit=1):
            raise not_trusted(verdict, file.path, f"{file.name} holds what durable actors have kept")

    async def spawn(self, make: Callable[[], Any], name: str | None, given: SpawnOptions) -> ActorRef[Any]:
        """Start a durable actor; under the name of its class and id, where none is given."""
        await self.ledger()
        if name is None:
            actor = make()
            if not hasattr(actor, "id"):
                kind = type(actor).__qualname__
                raise TypeError(f"{kind}.__init__ is to call super().__init__(id): it has no id")
            name = entity_name(type(actor), actor.id)
        chosen = options()
        chosen.update(given)
        return self._app.system.spawn(make, name=name, **chosen)

    async def host(self, cls: type[Actor], idle_s: float | None) -> None:
        """As `Runtime.host`."""
        self._entities.host(cls, idle_s)
        if is_durable(cls):
            await self._entities.recall(cls)  # type: ignore[arg-type]

    def entity(self, cls: type[Actor], id: str, idle_s: float | None) -> ActorRef[Any]:
        """As `Runtime.entity`."""
        if is_durable(cls):
            self._check_path(cls.__qualname__)
        if self._entities.host(cls, idle_s) and is_durable(cls):
            self._app.system.tasks().hold(lambda: self._recall(cls), Hold(), name=f"recall {cls.__qualname__}")
        return self._entities.entity(cls, id)

    def subscribe(self, actors: Any, after: str | None, *, follow: bool, missing: Missing | str) -> Subscription:
        """As `Runtime.subscribe`."""
        types = types_of(actors)
        self._check_path("what durable actors have kept")
        may_miss = one_of(Missing, missing, "missing") is Missing.SKIP
        offset = None if after is None else Offset.of_text(after)
        made = Subscription(self.ledger, types, offset, follows=follow, may_miss=may_miss)
        self._subscriptions.add(made)
        return made

    async def remove(self, cls: type[Actor], id: str) -> bool:
        """As `Runtime.remove`."""
        if not is_durable(cls):
            raise TypeError(f"nothing is kept of {cls!r}: only a durable actor is removed")
        if not isinstance(id, str) or not id:
            raise ValueError(f"the id of a {cls.__qualname__} is a string that is not empty, not {id!r}")
        ledger = await self.ledger()
        name = entity_name(cls, id)
        await self._stop(name)
        answer = await ledger.journal.ask(RemoveStream(cls.type_name, id), timeout=None)  # type: ignore[attr-defined]
        if type(answer) is EventsRefused:
            raise error_of(answer)
        await self._stop(name)  # a message may have woken it meanwhile, and it knows what is no more
        self._entities.owes(name, None)
        return bool(answer.was_there)

    async def _stop(self, name: str) -> None:
        with contextlib.suppress(KeyError):
            await self._app.system.actor(name).stop()

    def promise(self, id: str) -> DurablePromise[Any]:
        """As `Runtime.promise`."""
        if not isinstance(id, str) or not id:
            raise ValueError(f"the id of a promise is a string that is not empty, not {id!r}")
        return DurablePromise(id, self.entity(Promise, id, None), self.ledger)

    def close(self) -> None:
        """Wake nobody any more."""
        self._entities.close()
        for each in tuple(self._subscriptions):
            each.close()

    async def _recall(self, cls: Any) -> None:
        try:
            await self._entities.recall(cls)
        except CuebookError as error:  # whoever needs the journal is told as well
            _log.error("what entities owe cannot be read", entities=cls.__qualname__, error=str(error))

    def _check_path(self, owner: str) -> None:
        if self._path is None:
            raise ValueError(f'{owner} is kept in the journal of its runtime: write Runtime(path="actors.cue")')
