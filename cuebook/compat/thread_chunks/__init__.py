"""thread-chunks 1.0.5, drop-in: a program changes `thread_chunks` to `cuebook.compat.thread_chunks` in its imports.

Knows nothing of its own: each name is imported when it is first used.

What is better than there: every result is on disk before it counts, a kill at any moment loses none of them, a function
whose body changed is run again, and what an earlier run left in the file stays in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cuebook.compat.thread_chunks import config

if TYPE_CHECKING:
    from cuebook.compat.thread_chunks.actors import LabelledActor
    from cuebook.compat.thread_chunks.checkpoint import Checkpoint, CheckpointFailedWarning
    from cuebook.compat.thread_chunks.chunker import Chunker, chunk

_HOMES = {
    "Checkpoint": "checkpoint",
    "CheckpointFailedWarning": "checkpoint",
    "Chunker": "chunker",
    "LabelledActor": "actors",
    "chunk": "chunker",
}

__all__ = ["Checkpoint", "CheckpointFailedWarning", "Chunker", "LabelledActor", "chunk", "config"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "RemoteLabelledActor":
        value = import_module(f"{__name__}.remote").remote_labelled_actor()
    elif name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
