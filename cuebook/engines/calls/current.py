"""The call that runs here: what `current_call()` and the checkpoint triggers look at. Knows no socket, no journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = [
    "OUTSIDE",
    "CurrentCall",
    "NoStates",
    "StatePort",
    "call_of_context",
    "current_call",
    "enter_context_call",
    "enter_process_call",
]


OUTSIDE = -1
"""Index of the "call" that a Worker's `setup` and `teardown` run in."""


class StatePort(Protocol):
    """How a call's progress leaves its worker; implemented by each kind of host."""

    def save_state(self, index: int, label: str | None, state: Any, metrics: dict[str, Any]) -> Any:
        """Keep `state`; blocks until it is committed and returns its number."""

    def find_state(self, index: int, default: Any) -> Any:
        """The newest state of an earlier attempt of call `index`, else `default`; blocks."""


class NoStates:
    """Where no call runs, none has any progress."""

    def save_state(self, index: int, label: str | None, state: Any, metrics: dict[str, Any]) -> Any:
        return None

    def find_state(self, index: int, default: Any) -> Any:
        return default


class CurrentCall:
    """What a call can know of itself.

    Attributes:
        index: its place in the list of parameters, from 0; -1 in a Worker's `setup` and `teardown`, and in an
            initializer, which run for a worker and no call.
        attempt: 1 for the first try, one more for each retry or replacement of a dead worker within a run.
        arguments: its arguments, a list or a dict of keyword arguments.
        worker: the number of the worker it runs in, from 0: which device is its own, which port.
    """

    __slots__ = ("_fingerprint", "_key", "_port", "arguments", "attempt", "began", "index", "marks", "worker")

    def __init__(
        self,
        index: int,
        attempt: int,
        arguments: Any,
        *,
        worker: int,
        fingerprint: bytes,
        port: StatePort,
        key: Callable[[Any], bytes] | None = None,
    ) -> None:
        self.index = index
        self.attempt = attempt
        self.arguments = arguments
        self.worker = worker
        self.began = time.monotonic()
        self.marks: dict[str | None, list[float]] = {}
        self._fingerprint = fingerprint
        self._port = port
        self._key = key

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier, unfinished attempt of this call left a checkpoint. Cost: one question to the parent."""
        if self.index == OUTSIDE:
            return False
        missing = object()
        return self._port.find_state(self.index, missing) is not missing

    @property
    def seed(self) -> int:
        """A number of 63 bits that is the same for this call (function, arguments, index) in every attempt and run.

        In a Worker's `setup` it is a number of the function and the worker.
        """
        from hashlib import blake2b

        from cuebook.persistence.history.arguments import call_key

        key = (self._key or call_key)(self.arguments) if self.index != OUTSIDE else b"worker"
        number = self.index if self.index != OUTSIDE else self.worker
        digest = blake2b(self._fingerprint + key + number.to_bytes(8, "little"), digest_size=8).digest()
        return int.from_bytes(digest, "little") >> 1

    @property
    def port(self) -> StatePort:
        """Where this call's progress goes."""
        return self._port

    def __repr__(self) -> str:
        if self.index == OUTSIDE:
            return f"<CurrentCall of no call, worker {self.worker}>"
        return f"<CurrentCall {self.index}, attempt {self.attempt}, worker {self.worker}>"


_of_context: ContextVar[CurrentCall | None] = ContextVar("cuebook_current_call", default=None)
_of_process: Callable[[], CurrentCall | None] | None = None


def current_call() -> CurrentCall | None:
    """The call that this code runs in, or None outside of one. In a Worker's `setup` and `teardown`, and in an
    initializer, it tells the worker's number; its index is -1.

    In a worker process it is the same in all threads of the call; in `where="thread"` and `"async"` it follows the
    context. Cost: under 0.2 us.
    """
    return _of_context.get() if _of_process is None else _of_process()


def enter_process_call(find: Callable[[], CurrentCall | None]) -> None:
    """This is a worker process: `find` gives the one call that runs in it, whichever thread asks."""
    global _of_process
    _of_process = find


def call_of_context() -> CurrentCall | None:
    """The call that was entered in this context; a worker process has none here."""
    return _of_context.get()


def enter_context_call(call: CurrentCall | None) -> None:
    """Set the call of this thread or task."""
    _of_context.set(call)
