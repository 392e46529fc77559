"""A call's progress on its way to the parent and back: one question, one answer, by ticket. Knows no journal.

Light: imported by worker processes at start.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any, Protocol

from cuebook.engines.calls.protocol import StateFound, StateKeptAck, StateSaved, StateWanted
from cuebook.errors import JournalError
from cuebook.wire.message import encode

__all__ = ["StateExchange"]


class Codec(Protocol):
    """The codec of values of the function that runs."""

    def encode(self, value: Any) -> bytes:
        """A value as bytes."""


class StateExchange:
    """Blocking questions of a call to its parent, from any thread of the call.

    Args:
        send: hands one encoded message to the parent.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._tickets = itertools.count(1)
        self._waiting: dict[int, tuple[threading.Event, list[Any]]] = {}
        self._is_closed = False
        self.run = 0
        self.encode: Callable[[Any], bytes] = bytes
        self.decode: Callable[[bytes], Any] = bytes

    def serve(self, run: int, encode_value: Callable[[Any], bytes], decode_value: Callable[[bytes], Any]) -> None:
        """From now on the questions are those of calls of `run`."""
        self.run, self.encode, self.decode = run, encode_value, decode_value

    def save_state(self, index: int, label: str | None, state: Any, metrics: dict[str, Any]) -> int:
        """Keep `state` as the progress of call `index`, with plain metrics; returns its number once it is committed.

        Raises:
            ValueNotKept: the state has no bytes; nothing was sent.
            JournalError: the journal could not take it.
        """
        data = self.encode(state)
        answer = self._ask(lambda ticket: StateSaved(self.run, index, ticket, label, data, metrics))
        error = "its worker was given up" if answer is None else answer.error
        if error is not None:
            raise JournalError(f"the checkpoint of call {index} is not kept: {error}")
        number: int = answer.number
        return number

    def find_state(self, index: int, default: Any) -> Any:
        """The newest state of an earlier attempt of call `index`, else `default`."""
        answer = self._ask(lambda ticket: StateWanted(self.run, index, ticket))
        return default if answer is None or answer.state is None else self.decode(answer.state)

    def answer(self, message: StateKeptAck | StateFound) -> None:
        """Hand the parent's answer to whoever waits for it."""
        waiting = self._waiting.pop(message.ticket, None)
        if waiting is not None:
            event, slot = waiting
            slot.append(message)
            event.set()

    def close(self) -> None:
        """Nobody answers any more: whoever waits, or asks later, goes on without an answer."""
        self._is_closed = True
        while self._waiting:
            event, slot = self._waiting.popitem()[1]
            slot.append(None)
            event.set()

    def _ask(self, question: Callable[[int], Any]) -> Any:
        ticket = next(self._tickets)
        event = threading.Event()
        slot: list[Any] = []
        self._waiting[ticket] = (event, slot)
        self._send(encode(question(ticket)))
        if self._is_closed:
            return None
        event.wait()
        return slot[0]
