"""Durable parallel Python: runs that were killed, crashed or interrupted continue where they stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.actors.run import Event, EventKind, Progress
    from cuebook.checkpoints.trigger import last_checkpoint, make_checkpoint
    from cuebook.chunks.checkpoint import Checkpoint
    from cuebook.chunks.chunker import Chunker, chunk
    from cuebook.chunks.runtime import Runtime
    from cuebook.chunks.sinks import Done
    from cuebook.engines.current import CurrentCall, current_call
    from cuebook.engines.function import Worker
    from cuebook.runtime.actor import Actor
    from cuebook.runtime.deadletters import DeadLetter, DeadReason
    from cuebook.runtime.errors import (
        ActorFailed,
        ActorStopped,
        AskCycle,
        AskTimeout,
        CallFailed,
        CallTimedOut,
        CodecError,
        CuebookError,
        FunctionNotShippable,
        InternalError,
        JournalBusy,
        JournalCorrupt,
        JournalError,
        JournalFull,
        MailboxFull,
        MalformedMessage,
        MessageTooLarge,
        MessagingError,
        RestartLimitReached,
        RunStopped,
        SupervisionError,
        UnhandledMessage,
        UnknownMessage,
        UnsupportedVersion,
        ValueNotKept,
        WorkerDied,
    )
    from cuebook.runtime.message import message
    from cuebook.runtime.ref import ActorRef
    from cuebook.runtime.shutdown import ShutdownReport
    from cuebook.runtime.status import ActorStatistics, TreeNode
    from cuebook.runtime.tracing import TraceEvent, TraceKind
    from cuebook.runtime.watchdog import Blockage

__version__ = "0.1.0"

_ERRORS = (
    "ActorFailed", "ActorStopped", "AskCycle", "AskTimeout", "CallFailed", "CallTimedOut", "CodecError", "CuebookError",
    "FunctionNotShippable", "InternalError", "JournalBusy", "JournalCorrupt", "JournalError", "JournalFull",
    "MailboxFull", "MalformedMessage", "MessageTooLarge", "MessagingError", "RestartLimitReached", "RunStopped",
    "SupervisionError", "UnhandledMessage", "UnknownMessage", "UnsupportedVersion", "ValueNotKept", "WorkerDied",
)  # fmt: skip

_HOMES = {
    **dict.fromkeys(_ERRORS, "cuebook.runtime.errors"),
    "Actor": "cuebook.runtime.actor",
    "ActorRef": "cuebook.runtime.ref",
    "ActorStatistics": "cuebook.runtime.status",
    "Blockage": "cuebook.runtime.watchdog",
    "Checkpoint": "cuebook.chunks.checkpoint",
    "Chunker": "cuebook.chunks.chunker",
    "CurrentCall": "cuebook.engines.current",
    "DeadLetter": "cuebook.runtime.deadletters",
    "DeadReason": "cuebook.runtime.deadletters",
    "Done": "cuebook.chunks.sinks",
    "Event": "cuebook.actors.run",
    "EventKind": "cuebook.actors.run",
    "Progress": "cuebook.actors.run",
    "Runtime": "cuebook.chunks.runtime",
    "ShutdownReport": "cuebook.runtime.shutdown",
    "TraceEvent": "cuebook.runtime.tracing",
    "TraceKind": "cuebook.runtime.tracing",
    "TreeNode": "cuebook.runtime.status",
    "Worker": "cuebook.engines.function",
    "chunk": "cuebook.chunks.chunker",
    "current_call": "cuebook.engines.current",
    "last_checkpoint": "cuebook.checkpoints.trigger",
    "make_checkpoint": "cuebook.checkpoints.trigger",
    "message": "cuebook.runtime.message",
}
"""Where each public name lives: it is imported when it is first used, so that `import cuebook` stays fast."""

__all__ = [
    "Actor",
    "ActorFailed",
    "ActorRef",
    "ActorStatistics",
    "ActorStopped",
    "AskCycle",
    "AskTimeout",
    "Blockage",
    "CallFailed",
    "CallTimedOut",
    "Checkpoint",
    "Chunker",
    "CodecError",
    "CuebookError",
    "CurrentCall",
    "DeadLetter",
    "DeadReason",
    "Done",
    "Event",
    "EventKind",
    "FunctionNotShippable",
    "InternalError",
    "JournalBusy",
    "JournalCorrupt",
    "JournalError",
    "JournalFull",
    "MailboxFull",
    "MalformedMessage",
    "MessageTooLarge",
    "MessagingError",
    "Progress",
    "RestartLimitReached",
    "RunStopped",
    "Runtime",
    "ShutdownReport",
    "SupervisionError",
    "TraceEvent",
    "TraceKind",
    "TreeNode",
    "UnhandledMessage",
    "UnknownMessage",
    "UnsupportedVersion",
    "ValueNotKept",
    "Worker",
    "WorkerDied",
    "__version__",
    "chunk",
    "current_call",
    "last_checkpoint",
    "make_checkpoint",
    "message",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'cuebook' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
