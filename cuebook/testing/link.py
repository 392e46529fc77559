"""A ref whose messages travel as between two processes: encoded, late, and faulty as they are told to be.

Knows no process.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cuebook.errors import ActorStopped, MailboxFull
from cuebook.runtime.refs.ref import ActorRef, target_of
from cuebook.runtime.refs.reply import FailedReply
from cuebook.testing.pipe import Pipe, TransportFaults
from cuebook.wire.message import decode, encode

__all__ = ["linked"]

_SHOWN = 80


@dataclass(slots=True)
class _Parcel:
    """Something on its way, and the context of who sent it."""

    content: Any
    reply: asyncio.Future[Any] | None
    is_urgent: bool
    context: contextvars.Context


def linked(
    ref: ActorRef,
    faults: TransportFaults | None = None,
    *,
    chance: random.Random | None = None,
    note: Callable[[str], None] = lambda _text: None,
) -> ActorRef:
    """Another ref of the same actor: what is sent by it, and what is answered, goes over a wire.

    A tell is on its way when it returns: that the actor has stopped, or that its mailbox is full, its sender does not
    hear. An ask hears it. An ask whose question or answer is lost ends by its deadline.

    Parameters:
        faults: of questions and answers, counted together.
        chance: draws how late each message is, up to 0.02 s; by default always the same.
        note: called with a line for each message that is sent.

    Raises:
        TypeError: (in `tell` and `ask`) the message goes by reference, so it cannot leave its process.
    """
    chance = random.Random(0) if chance is None else chance
    return ActorRef(_Wire(target_of(ref), TransportFaults() if faults is None else faults, chance, note))


class _Wire:
    """The far end of an actor: messages and answers by pipe, all else at once."""

    def __init__(
        self, target: Any, faults: TransportFaults, chance: random.Random, note: Callable[[str], None]
    ) -> None:
        self._target = target
        self._note = note
        self._there = Pipe(chance, self._arrive, faults=faults, garble=_garbled)
        self._back = Pipe(chance, _answer, faults=faults, garble=lambda answer: (answer[0], _GARBAGE))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def offer(self, frame: Any, reply: asyncio.Future[Any] | None = None) -> bool:
        """There is no short way."""
        return False

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Send a message on its way."""
        if type(frame) is not bytes:
            frame = encode(frame)
        if reply is not None and not self._target.is_alive:
            raise ActorStopped(f"{self._target.name} has stopped")
        self._note(f"sent to {self._target.name}: {_shown(frame)}")
        self._there.put(_Parcel(frame, reply, urgent, contextvars.copy_context()))

    def has_room(self, _size: int) -> bool:
        """On a wire there always is."""
        return True

    def _arrive(self, parcels: deque[_Parcel]) -> None:
        parcel = parcels.popleft()
        inner: asyncio.Future[Any] | None = None
        if parcel.reply is not None:
            asker = parcel.reply
            inner = self._target.loop.create_future()
            inner.add_done_callback(lambda done: self._back.put((asker, done.result())))
        try:
            parcel.context.run(self._target.post, parcel.content, inner, urgent=parcel.is_urgent)
        except (ActorStopped, MailboxFull) as error:
            if inner is not None:
                inner.set_result(FailedReply(error, is_undelivered=True))


_GARBAGE = FailedReply(ActorStopped("the answer was garbage, so the connection was closed"))


def _shown(frame: bytes) -> str:
    text = repr(decode(frame))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _garbled(parcel: _Parcel) -> _Parcel:
    content = parcel.content
    return replace(parcel, content=bytes([content[0] ^ 0xFF]) + content[1:][::-1])


def _answer(answers: deque[tuple[asyncio.Future[Any], Any]]) -> None:
    asker, outcome = answers.popleft()
    if not asker.done():
        asker.set_result(outcome)
