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
    from cuebook.durable.effects import Effect, persist
    from cuebook.durable.persistent_actor import PersistentActor
    from cuebook.durable.promise import DurablePromise
    from cuebook.durable.snapshots import SnapshotPolicy
    from cuebook.engines.current import CurrentCall, current_call
    from cuebook.engines.function import Worker
    from cuebook.persistence.files import File
    from cuebook.persistence.identity_registry import register_identity
    from cuebook.persistence.renamed import moved
    from cuebook.persistence.secret import Secret
    from cuebook.processes.place import ActorProcess, Ladder
    from cuebook.runtime.actor import Actor, Context, Delivery
    from cuebook.runtime.deadletters import DeadLetter, DeadReason
    from cuebook.runtime.directives import Directive
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
        ProcessDied,
        RecoveryFailed,
        Rejected,
        RestartLimitReached,
        ResultNotRebuilt,
        RunStopped,
        SupervisionError,
        UnhandledMessage,
        UnknownEvent,
        UnknownMessage,
        UnsupportedVersion,
        ValueNotKept,
        WorkerDied,
        WriterConflict,
    )
    from cuebook.runtime.group import SupervisorRef
    from cuebook.runtime.mailbox import MailboxSpec, Overflow
    from cuebook.runtime.message import message
    from cuebook.runtime.pool import Pool, Routing
    from cuebook.runtime.ref import ActorRef, current_actor
    from cuebook.runtime.services import Listing, ServiceKey, Services
    from cuebook.runtime.shutdown import ShutdownReport
    from cuebook.runtime.signals import Down, Restarted
    from cuebook.runtime.spec import ActorOptions
    from cuebook.runtime.status import ActorState, ActorStatistics, TreeNode
    from cuebook.runtime.strategy import AutoShutdown, ChildSpec, Strategy, SupervisorSpec
    from cuebook.runtime.supervision import Backoff, Exit, Restart, RestartIntensity
    from cuebook.runtime.system import ActorSystem
    from cuebook.runtime.tracing import TraceEvent, TraceKind
    from cuebook.runtime.typed import Message
    from cuebook.runtime.watchdog import Blockage

__version__ = "0.1.0"

_ERRORS = (
    "ActorFailed", "ActorStopped", "AskCycle", "AskTimeout", "CallFailed", "CallTimedOut", "CodecError",
    "CuebookError", "FunctionNotShippable", "InternalError", "JournalBusy", "JournalCorrupt", "JournalError",
    "JournalFull", "MailboxFull", "MalformedMessage", "MessageTooLarge", "MessagingError", "ProcessDied",
    "RecoveryFailed", "Rejected", "RestartLimitReached", "ResultNotRebuilt", "RunStopped", "SupervisionError",
    "UnhandledMessage", "UnknownEvent", "UnknownMessage", "UnsupportedVersion", "ValueNotKept", "WorkerDied",
    "WriterConflict",
)  # fmt: skip

_HOMES = {
    **dict.fromkeys(_ERRORS, "cuebook.runtime.errors"),
    "Actor": "cuebook.runtime.actor",
    "ActorOptions": "cuebook.runtime.spec",
    "ActorProcess": "cuebook.processes.place",
    "ActorRef": "cuebook.runtime.ref",
    "ActorState": "cuebook.runtime.status",
    "ActorStatistics": "cuebook.runtime.status",
    "ActorSystem": "cuebook.runtime.system",
    "AutoShutdown": "cuebook.runtime.strategy",
    "Backoff": "cuebook.runtime.supervision",
    "Blockage": "cuebook.runtime.watchdog",
    "Checkpoint": "cuebook.chunks.checkpoint",
    "ChildSpec": "cuebook.runtime.strategy",
    "Chunker": "cuebook.chunks.chunker",
    "Context": "cuebook.runtime.actor",
    "CurrentCall": "cuebook.engines.current",
    "DeadLetter": "cuebook.runtime.deadletters",
    "DeadReason": "cuebook.runtime.deadletters",
    "Delivery": "cuebook.runtime.actor",
    "Directive": "cuebook.runtime.directives",
    "Done": "cuebook.chunks.sinks",
    "Down": "cuebook.runtime.signals",
    "DurablePromise": "cuebook.durable.promise",
    "Effect": "cuebook.durable.effects",
    "Event": "cuebook.actors.run",
    "EventKind": "cuebook.actors.run",
    "Exit": "cuebook.runtime.supervision",
    "File": "cuebook.persistence.files",
    "Ladder": "cuebook.processes.place",
    "Listing": "cuebook.runtime.services",
    "MailboxSpec": "cuebook.runtime.mailbox",
    "Message": "cuebook.runtime.typed",
    "Overflow": "cuebook.runtime.mailbox",
    "PersistentActor": "cuebook.durable.persistent_actor",
    "Pool": "cuebook.runtime.pool",
    "Progress": "cuebook.actors.run",
    "Restart": "cuebook.runtime.supervision",
    "RestartIntensity": "cuebook.runtime.supervision",
    "Restarted": "cuebook.runtime.signals",
    "Routing": "cuebook.runtime.pool",
    "Runtime": "cuebook.chunks.runtime",
    "Secret": "cuebook.persistence.secret",
    "ServiceKey": "cuebook.runtime.services",
    "Services": "cuebook.runtime.services",
    "ShutdownReport": "cuebook.runtime.shutdown",
    "SnapshotPolicy": "cuebook.durable.snapshots",
    "Strategy": "cuebook.runtime.strategy",
    "SupervisorRef": "cuebook.runtime.group",
    "SupervisorSpec": "cuebook.runtime.strategy",
    "TraceEvent": "cuebook.runtime.tracing",
    "TraceKind": "cuebook.runtime.tracing",
    "TreeNode": "cuebook.runtime.status",
    "Worker": "cuebook.engines.function",
    "chunk": "cuebook.chunks.chunker",
    "current_actor": "cuebook.runtime.ref",
    "current_call": "cuebook.engines.current",
    "last_checkpoint": "cuebook.checkpoints.trigger",
    "make_checkpoint": "cuebook.checkpoints.trigger",
    "message": "cuebook.runtime.message",
    "moved": "cuebook.persistence.renamed",
    "persist": "cuebook.durable.effects",
    "register_identity": "cuebook.persistence.identity_registry",
}
"""Where each public name lives: it is imported when it is first used, so that `import cuebook` stays fast."""

__all__ = [
    "Actor",
    "ActorFailed",
    "ActorOptions",
    "ActorProcess",
    "ActorRef",
    "ActorState",
    "ActorStatistics",
    "ActorStopped",
    "ActorSystem",
    "AskCycle",
    "AskTimeout",
    "AutoShutdown",
    "Backoff",
    "Blockage",
    "CallFailed",
    "CallTimedOut",
    "Checkpoint",
    "ChildSpec",
    "Chunker",
    "CodecError",
    "Context",
    "CuebookError",
    "CurrentCall",
    "DeadLetter",
    "DeadReason",
    "Delivery",
    "Directive",
    "Done",
    "Down",
    "DurablePromise",
    "Effect",
    "Event",
    "EventKind",
    "Exit",
    "File",
    "FunctionNotShippable",
    "InternalError",
    "JournalBusy",
    "JournalCorrupt",
    "JournalError",
    "JournalFull",
    "Ladder",
    "Listing",
    "MailboxFull",
    "MailboxSpec",
    "MalformedMessage",
    "Message",
    "MessageTooLarge",
    "MessagingError",
    "Overflow",
    "PersistentActor",
    "Pool",
    "ProcessDied",
    "Progress",
    "RecoveryFailed",
    "Rejected",
    "Restart",
    "RestartIntensity",
    "RestartLimitReached",
    "Restarted",
    "ResultNotRebuilt",
    "Routing",
    "RunStopped",
    "Runtime",
    "Secret",
    "ServiceKey",
    "Services",
    "ShutdownReport",
    "SnapshotPolicy",
    "Strategy",
    "SupervisionError",
    "SupervisorRef",
    "SupervisorSpec",
    "TraceEvent",
    "TraceKind",
    "TreeNode",
    "UnhandledMessage",
    "UnknownEvent",
    "UnknownMessage",
    "UnsupportedVersion",
    "ValueNotKept",
    "Worker",
    "WorkerDied",
    "WriterConflict",
    "__version__",
    "chunk",
    "current_actor",
    "current_call",
    "last_checkpoint",
    "make_checkpoint",
    "message",
    "moved",
    "persist",
    "register_identity",
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
