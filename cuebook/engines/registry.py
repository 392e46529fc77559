"""The engines that come with cuebook, by the words that `where=` takes. Knows no run.

Light: the hosts themselves are imported when the first one is made.
"""

from __future__ import annotations

from dataclasses import dataclass

from cuebook.children.limits import cpus_allowed
from cuebook.children.port import Output
from cuebook.engines.port import Engine, Host

__all__ = ["ENGINES", "WORDS", "CoroutineEngine", "Engine", "Output", "ProcessEngine", "ThreadEngine", "engine_of"]


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
"""What the words of `where=` stand for, on this machine."""

_AWAY = {
    "dask": ("cuebook.engines.dask.engine", "DaskEngine"),
    "ray": ("cuebook.engines.ray.engine", "RayEngine"),
}
"""The same for clusters: module and class, loaded when they are asked for."""
WORDS = (*ENGINES, *_AWAY)
"""All that `where=` takes as a word."""


def engine_of(word: str) -> Engine:
    """The engine that a word of `where=` stands for; raises KeyError where it is none."""
    if word in _AWAY:
        from importlib import import_module

        module, name = _AWAY[word]
        made: Engine = getattr(import_module(module), name)()
        return made
    return ENGINES[word]
