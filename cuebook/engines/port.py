"""The ports of an engine: a kind of place where calls run, and the one of a single worker. Knows no scheduling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from cuebook.children.port import Listener, Output

__all__ = ["AwayEngine", "Engine", "Host", "LocalWork", "check_refused"]


@dataclass(frozen=True, slots=True)
class LocalWork:
    """What a host that shares the parent's memory needs of a run: nothing of it is copied.

    Attributes:
        func: the function itself.
        worker_class: the user's Worker class, or None.
        fetch: the arguments of a call, by index.
        initializer: called once a worker, before its first call; None: nothing is.
        context: the context variables of whoever asked for the run.
        program: its settings, of which a thread needs some (`program.set_in_thread`); None: none.
        shared: holds the one Worker that all of the run's workers share (`SharedWorker`); None: each has its own.
    """

    func: Callable[..., Any]
    worker_class: type | None
    fetch: Callable[[int], Any]
    initializer: Callable[[], Any] | None = None
    shared: Any = None
    context: Context = field(default_factory=Context)
    program: bytes | None = None


class Host(Protocol):
    """One worker's place. `start` first; after `on_lost` the host is of no use any more."""

    @property
    def pid(self) -> int | None:
        """The worker's process, None where it shares ours."""

    @property
    def shares_memory(self) -> bool:
        """Whether functions and arguments go by reference."""

    async def start(self, listener: Listener) -> None:
        """Begin; returns when messages can be sent (the worker may still be starting up)."""

    def prepare(self, run: int, work: LocalWork) -> None:
        """Announce what `run` means; only where memory is shared."""

    def send(self, frames: list[bytes]) -> None:
        """Encoded messages for the worker, in order; never blocks."""

    def send_urgent(self, frame: bytes) -> None:
        """One encoded message that overtakes those."""

    def running(self) -> tuple[int, float]:
        """Index of the running call and seconds since its start; (-1, 0.0) when none runs."""

    def is_busy(self) -> bool:
        """Whether anything is to be done here, running or waiting."""

    def kill(self, reason: str) -> None:
        """End the worker at once, with whatever its calls have started; `on_lost` follows with `reason`."""

    async def close(self) -> None:
        """Ask the worker to quit, wait a moment, then kill it. No `on_lost` follows."""

    def drain_output(self) -> None:
        """Pass on what calls have printed and what has not been read yet."""


@runtime_checkable
class Engine(Protocol):
    """A kind of place where calls run; `where=` takes one. Engines that compare equal share warm workers.

    Attributes:
        name: for people and for the journal.
        shares_memory: functions and arguments go by reference; else they are pickled and sent as bytes.
        can_end_calls: a call over its time can be ended (a process killed, a coroutine cancelled), not only abandoned.
        needs_coroutines: only coroutine functions run here.
    """

    @property
    def name(self) -> str: ...
    @property
    def shares_memory(self) -> bool: ...
    @property
    def can_end_calls(self) -> bool: ...
    @property
    def needs_coroutines(self) -> bool: ...

    def default_chunk_size(self) -> int:
        """Workers where the user names no number."""

    def make_host(self, *, cores: int, output: Output) -> Host:
        """A fresh place for one worker, not started; `cores` is what its numeric libraries may use."""


@runtime_checkable
class AwayEngine(Engine, Protocol):
    """An engine whose workers are in processes that somebody else starts: a cluster, an executor.

    They may be on other machines, where a module of the user's may be missing: it is sent by value then.

    Attributes:
        refuses: options of a run that cannot be kept there, each with the reason.
    """

    @property
    def refuses(self) -> Mapping[str, str]: ...

    def connect(self) -> None:
        """Reach for it before a run begins, so that what is wrong is said before any call.

        Raises:
            ClusterGone: nothing answers, within seconds. ImportError: its package is missing; the extra is named.
        """


def check_refused(engine: Engine, **given: Any) -> None:
    """Raises ValueError where an option of a run was given that the engine cannot keep; it is named."""
    refuses = engine.refuses if isinstance(engine, AwayEngine) else {}
    for name, value in given.items():
        if value is not None and name in refuses:
            raise ValueError(f"{name}={value!r} cannot be kept with where={engine.name!r}: {refuses[name]}")
