"""A promise that outlives its program: set once, read by whoever awaits it, then or later."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cuebook.durable.effects import Effect, persist
from cuebook.durable.ledger import LedgerSource
from cuebook.durable.owed.duties import Duty, delivery
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import ActorFailed, RecoveryFailed
from cuebook.persistence.values import ValueEncoder
from cuebook.persistence.values.placeholders import Opaque, Unresolved, UnresolvedException, placeholder_in, type_of
from cuebook.runtime.cells.answers import Delivery
from cuebook.runtime.refs.ref import ActorRef
from cuebook.wire.message import message

__all__ = ["DurablePromise", "Promise"]

T = TypeVar("T")
_encoder = ValueEncoder(label="value")
"""Of values that travel to their promise."""


@message(tag=71)
class Settle:
    """Keep a value, or an error, unless there is one. Answer: whether it was kept."""

    body: bytes
    is_error: bool


@message(tag=72)
class Await:
    """Answer with what was kept, once it is: [body, is_error]."""


@message(tag=73)
class Peek:
    """Answer with what was kept, or None."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The event: what the promise is."""

    body: bytes
    is_error: bool


class Promise(PersistentActor[Settled | None]):
    """The durable actor behind a promise. Its values are bytes: it opens none."""

    type_name = "cuebook.promise"
    events = (Settled,)

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self._awaiting: list[Delivery] = []

    def initial_state(self) -> Settled | None:
        """Nothing is kept."""
        return None

    def apply(self, state: Settled | None, event: Settled) -> Settled:
        """The first one counts."""
        return state or event

    def on_settle(self, command: Settle) -> Effect:
        """Keep the first."""
        if self.state is not None:
            return Effect().reply(False)
        return persist(Settled(command.body, command.is_error)).reply(True).then(self._tell)

    def on_await(self, command: Await) -> Any:
        """Answer now or later."""
        del command
        if self.state is None:
            self._awaiting.append(self.context.defer())
            return None
        return [self.state.body, self.state.is_error]

    def on_peek(self, command: Peek) -> Any:
        """Answer now."""
        del command
        return None if self.state is None else [self.state.body, self.state.is_error]

    def _tell(self, state: Settled) -> None:
        awaiting, self._awaiting = self._awaiting, []
        for each in awaiting:
            each.reply([state.body, state.is_error])


class DurablePromise(Generic[T]):
    """A value that is not there yet, by its id, in the journal of a runtime. `await promise` gives it, whenever it
    was set.

    Made by `runtime.promise(id)`; any number of them may stand for the same promise, in this run of the program and in
    later ones.
    """

    def __init__(self, id: str, ref: ActorRef, ledger: LedgerSource) -> None:
        """Use `runtime.promise(id)`."""
        self.id = id
        self._ref = ref
        self._ledger = ledger

    async def set(self, value: T) -> bool:
        """Keep the value, on disk when this returns; whether it is the first. A later one is dropped.

        Args:
            value: what a result of a call may be.

        Raises:
            ValueNotKept: it cannot be kept; the part is named. ActorFailed: the journal cannot be written; whether it
                is kept shows when it is awaited.
        """
        return await self._settle(value, is_error=False)

    def settlement(self, value: T) -> Duty:
        """What is owed to it so that it has this value: `persist(...).fulfil(promise, value)`."""
        return delivery(Promise, self.id, Settle(_encoder.encode(value), False))

    async def fail(self, error: BaseException) -> bool:
        """Keep an error, which is raised where the promise is awaited; whether it is the first.

        Raises:
            TypeError: it is no exception. Else as `set`.
        """
        if not isinstance(error, BaseException):
            raise TypeError(f'fail() takes an exception, such as ValueError("why"), not {error!r}')
        return await self._settle(error, is_error=True)

    async def is_set(self) -> bool:
        """Whether there is a value or an error."""
        return await self._ref.ask(Peek()) is not None

    def __await__(self) -> Generator[Any, None, T]:
        """The value, or the error raised.

        Raises:
            ActorStopped: the runtime was closed first.
            JournalNotTrusted: only code could rebuild it, and others can have written to the journal.
            RecoveryFailed: it is kept, but some object in it cannot be rebuilt here; its class is named.
        """
        return self._value().__await__()

    async def _settle(self, value: Any, *, is_error: bool) -> bool:
        ledger = await self._ledger()
        return bool(await self._ref.ask(Settle(ledger.encoder.encode(value), is_error)))

    async def _value(self) -> T:
        kept = None
        while kept is None:
            with contextlib.suppress(ActorFailed):  # what keeps it begins again
                kept = await self._ref.ask(Await(), timeout=None)
        body, is_error = kept
        ledger = await self._ledger()
        decoder = ledger.decoder
        before = decoder.placeholders
        value = decoder.decode(body)
        if decoder.placeholders != before and ledger.refusal is not None:
            raise ledger.refusal(type_of(placeholder_in(value, Unresolved, Opaque, UnresolvedException)))
        if is_error and isinstance(value, BaseException):
            raise value
        if decoder.placeholders != before:
            lost = placeholder_in(value, Unresolved, Opaque) or "a part of it"
            raise RecoveryFailed(
                f"promise {self.id!r} is kept, but cannot be rebuilt here: {lost}; bring its class back"
            )
        return value  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<DurablePromise {self.id}>"
