"""The port of an engine: where calls run, and the three that come with cuebook. Knows no run.

Light: the hosts themselves are imported when the first one is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cuebook.children.limits import cpus_allowed
from cuebook.engines.port import Host, Output

__all__ = ["ENGINES", "CoroutineEngine", "Engine", "Output", "ProcessEngine", "ThreadEngine"]


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


@dataclass(frozen=True, slots=True)
class ProcessEngine:
    """`where="process"`: each worker is a fresh process of this machine."""

    name: str = "process"
    shares_memory: bool = False
    can_end_calls: bool = True
    needs_coroutines: bool = False

    def default_chunk_size(self) -> int:
        return cpus_allowed()

    def make_host(self, *, cores: int, output: Output) -> Host:
        from cuebook.engines.process.host import ProcessHost

        return ProcessHost(cores=cores, output=output)


@dataclass(frozen=True, slots=True)
class ThreadEngine:
    """`where="thread"`: each worker is a thread of this process."""

    name: str = "thread"
    shares_memory: bool = True
    can_end_calls: bool = False
    needs_coroutines: bool = False

    def default_chunk_size(self) -> int:
        return 4 * cpus_allowed()

    def make_host(self, *, cores: int, output: Output) -> Host:
        from cuebook.engines.local.thread import ThreadHost

        return ThreadHost()


@dataclass(frozen=True, slots=True)
class CoroutineEngine:
    """`where="async"`: each worker is a task on the runtime's loop."""

    name: str = "async"
    shares_memory: bool = True
    can_end_calls: bool = True
    needs_coroutines: bool = True

    def default_chunk_size(self) -> int:
        return 100

    def make_host(self, *, cores: int, output: Output) -> Host:
        from cuebook.engines.local.coroutine import CoroutineHost

        return CoroutineHost()


ENGINES: dict[str, Engine] = {"process": ProcessEngine(), "thread": ThreadEngine(), "async": CoroutineEngine()}
"""What the words of `where=` stand for."""
