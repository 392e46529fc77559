"""Durable parallel Python: runs that were killed, crashed or interrupted continue where they stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebook.actors.retrying import Retry
    from cuebook.actors.runs.progress import Event as Event
    from cuebook.actors.runs.progress import EventKind, Progress
    from cuebook.api.checkpoint import Checkpoint
    from cuebook.api.chunker import Chunker, chunk, stream
    from cuebook.api.journal import Journal
    from cuebook.api.rehearsal import Plan
    from cuebook.api.runtime import Runtime
    from cuebook.checkpoints.trigger import last_checkpoint, make_checkpoint
    from cuebook.children.interpreter import freeze_support
    from cuebook.chunks.sinks import Done as Done
    from cuebook.durable.effects import Effect, persist
    from cuebook.durable.events.snapshots import SnapshotPolicy
    from cuebook.durable.persistent_actor import PersistentActor
    from cuebook.durable.promise import DurablePromise
    from cuebook.durable.readside.envelope import EventEnvelope
    from cuebook.engines.calls.current import CurrentCall, current_call
    from cuebook.engines.calls.function import Worker
    from cuebook.errors import (
        ActorFailed,
        ActorStopped,
        AskCycle,
        AskTimeout,
        CallFailed,
        CallTimedOut,
        CheckpointRefused,
        ClusterGone,
        CuebookError,
        ExperimentError,
        FunctionNotShippable,
        InternalError,
        JobBusy,
        JournalBusy,
        JournalCorrupt,
        JournalError,
        JournalFull,
        JournalNotTrusted,
        MailboxFull,
        MessagingError,
        OffsetLost,
        ProcessDied,
        RecoveryFailed,
        Rejected,
        RestartLimitReached,
        ResultNotRebuilt,
        RunnerGone,
        RunStopped,
        StageError,
        SupervisionError,
        UnhandledMessage,
        UnknownEvent,
        UnsupportedVersion,
        ValueNotKept,
        WorkerDied,
        WorkplaceBusy,
        WorkplaceError,
        WriterConflict,
    )
    from cuebook.errors import (
        CodecError as CodecError,
    )
    from cuebook.errors import (
        MalformedMessage as MalformedMessage,
    )
    from cuebook.errors import (
        MessageTooLarge as MessageTooLarge,
    )
    from cuebook.errors import (
        UnknownMessage as UnknownMessage,
    )
    from cuebook.persistence.identity.files import File
    from cuebook.persistence.identity.registry import register_identity
    from cuebook.persistence.identity.secrets.secret import Secret
    from cuebook.persistence.values.pickling.renamed import moved
    from cuebook.processes.process import ActorProcess
    from cuebook.processes.process import Ladder as Ladder
    from cuebook.runtime.cells.actor import Actor, Context, Delivery
    from cuebook.runtime.cells.mailbox import MailboxSpec, Overflow
    from cuebook.runtime.cells.services import Listing, ServiceKey, Services
    from cuebook.runtime.cells.signals import Down, Restarted
    from cuebook.runtime.cells.spec import ActorOptions
    from cuebook.runtime.groups.group import SupervisorRef
    from cuebook.runtime.groups.pool import Pool, Routing
    from cuebook.runtime.groups.strategy import AutoShutdown, ChildSpec, Strategy, SupervisorSpec
    from cuebook.runtime.policy.directives import Directive
    from cuebook.runtime.policy.exits import Exit as Exit
    from cuebook.runtime.policy.restarts import Backoff, Restart, RestartIntensity
    from cuebook.runtime.refs.declared import handles
    from cuebook.runtime.refs.ref import ActorRef, current_actor
    from cuebook.runtime.refs.status import ActorState, ActorStatistics
    from cuebook.runtime.refs.status import TreeNode as TreeNode
    from cuebook.runtime.refs.typed import Message
    from cuebook.runtime.reports.deadletters import DeadLetter, DeadReason
    from cuebook.runtime.reports.shutdown import ShutdownReport
    from cuebook.runtime.seeing.tracing import TraceEvent as TraceEvent
    from cuebook.runtime.seeing.tracing import TraceKind as TraceKind
    from cuebook.runtime.seeing.watchdog import Blockage as Blockage
    from cuebook.runtime.system import ActorSystem
    from cuebook.stages.datasets import Dataset, datasets, delete_dataset, read_dataset
    from cuebook.stages.job import Job as Job
    from cuebook.stages.job import job
    from cuebook.stages.stage import stage
    from cuebook.stages.step import step
    from cuebook.wire.message import message

__version__ = "0.1.0"

_ERRORS = (
    "ActorFailed", "ActorStopped", "AskCycle", "AskTimeout", "CallFailed", "CallTimedOut", "CheckpointRefused",
    "ClusterGone", "CodecError", "CuebookError", "ExperimentError", "FunctionNotShippable", "InternalError", "JobBusy",
    "JournalBusy", "JournalCorrupt", "JournalError",
    "JournalFull", "JournalNotTrusted", "MailboxFull", "MalformedMessage", "MessageTooLarge", "MessagingError",
    "OffsetLost",
    "ProcessDied", "RecoveryFailed", "Rejected", "RestartLimitReached", "ResultNotRebuilt", "RunStopped", "RunnerGone",
    "StageError", "SupervisionError", "UnhandledMessage", "UnknownEvent", "UnknownMessage", "UnsupportedVersion",
    "ValueNotKept",
    "WorkerDied", "WorkplaceBusy", "WorkplaceError", "WriterConflict",
)  # fmt: skip

_HOMES = {
    **dict.fromkeys(_ERRORS, "cuebook.errors"),
    "Actor": "cuebook.runtime.cells.actor",
    "ActorOptions": "cuebook.runtime.cells.spec",
    "ActorProcess": "cuebook.processes.process",
    "ActorRef": "cuebook.runtime.refs.ref",
    "ActorState": "cuebook.runtime.refs.status",
    "ActorStatistics": "cuebook.runtime.refs.status",
    "ActorSystem": "cuebook.runtime.system",
    "AutoShutdown": "cuebook.runtime.groups.strategy",
    "Backoff": "cuebook.runtime.policy.restarts",
    "Blockage": "cuebook.runtime.seeing.watchdog",
    "Checkpoint": "cuebook.api.checkpoint",
    "ChildSpec": "cuebook.runtime.groups.strategy",
    "Chunker": "cuebook.api.chunker",
    "Context": "cuebook.runtime.cells.actor",
    "CurrentCall": "cuebook.engines.calls.current",
    "Dataset": "cuebook.stages.datasets",
    "DeadLetter": "cuebook.runtime.reports.deadletters",
    "DeadReason": "cuebook.runtime.reports.deadletters",
    "Delivery": "cuebook.runtime.cells.actor",
    "Directive": "cuebook.runtime.policy.directives",
    "Done": "cuebook.chunks.sinks",
    "Down": "cuebook.runtime.cells.signals",
    "DurablePromise": "cuebook.durable.promise",
    "Effect": "cuebook.durable.effects",
    "Event": "cuebook.actors.runs.progress",
    "EventEnvelope": "cuebook.durable.readside.envelope",
    "EventKind": "cuebook.actors.runs.progress",
    "Exit": "cuebook.runtime.policy.exits",
    "File": "cuebook.persistence.identity.files",
    "Job": "cuebook.stages.job",
    "Journal": "cuebook.api.journal",
    "Ladder": "cuebook.processes.process",
    "Listing": "cuebook.runtime.cells.services",
    "MailboxSpec": "cuebook.runtime.cells.mailbox",
    "Message": "cuebook.runtime.refs.typed",
    "Overflow": "cuebook.runtime.cells.mailbox",
    "PersistentActor": "cuebook.durable.persistent_actor",
    "Plan": "cuebook.api.rehearsal",
    "Pool": "cuebook.runtime.groups.pool",
    "Progress": "cuebook.actors.runs.progress",
    "Restart": "cuebook.runtime.policy.restarts",
    "RestartIntensity": "cuebook.runtime.policy.restarts",
    "Restarted": "cuebook.runtime.cells.signals",
    "Retry": "cuebook.actors.retrying",
    "Routing": "cuebook.runtime.groups.pool",
    "Runtime": "cuebook.api.runtime",
    "Secret": "cuebook.persistence.identity.secrets.secret",
    "ServiceKey": "cuebook.runtime.cells.services",
    "Services": "cuebook.runtime.cells.services",
    "ShutdownReport": "cuebook.runtime.reports.shutdown",
    "SnapshotPolicy": "cuebook.durable.events.snapshots",
    "Strategy": "cuebook.runtime.groups.strategy",
    "SupervisorRef": "cuebook.runtime.groups.group",
    "SupervisorSpec": "cuebook.runtime.groups.strategy",
    "TraceEvent": "cuebook.runtime.seeing.tracing",
    "TraceKind": "cuebook.runtime.seeing.tracing",
    "TreeNode": "cuebook.runtime.refs.status",
    "Tuning": "cuebook.tuning.answer",
    "Worker": "cuebook.engines.calls.function",
    "chunk": "cuebook.api.chunker",
    "current_actor": "cuebook.runtime.refs.ref",
    "current_call": "cuebook.engines.calls.current",
    "datasets": "cuebook.stages.datasets",
    "delete_dataset": "cuebook.stages.datasets",
    "freeze_support": "cuebook.children.interpreter",
    "handles": "cuebook.runtime.refs.declared",
    "job": "cuebook.stages.job",
    "last_checkpoint": "cuebook.checkpoints.trigger",
    "make_checkpoint": "cuebook.checkpoints.trigger",
    "message": "cuebook.wire.message",
    "moved": "cuebook.persistence.values.pickling.renamed",
    "persist": "cuebook.durable.effects",
    "read_dataset": "cuebook.stages.datasets",
    "register_identity": "cuebook.persistence.identity.registry",
    "stage": "cuebook.stages.stage",
    "step": "cuebook.stages.step",
    "stream": "cuebook.api.chunker",
    "tune": "cuebook.tuning.face",
}
"""Where each public name lives: it is imported when it is first used, so that `import cuebook` stays fast."""

# What is not listed here is imported by its name all the same, and by no star: names that users have of their own, and
# those that few need.
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
    "CallFailed",
    "CallTimedOut",
    "Checkpoint",
    "CheckpointRefused",
    "ChildSpec",
    "Chunker",
    "ClusterGone",
    "Context",
    "CuebookError",
    "CurrentCall",
    "Dataset",
    "DeadLetter",
    "DeadReason",
    "Delivery",
    "Directive",
    "Down",
    "DurablePromise",
    "Effect",
    "EventEnvelope",
    "EventKind",
    "ExperimentError",
    "File",
    "FunctionNotShippable",
    "InternalError",
    "JobBusy",
    "Journal",
    "JournalBusy",
    "JournalCorrupt",
    "JournalError",
    "JournalFull",
    "JournalNotTrusted",
    "Listing",
    "MailboxFull",
    "MailboxSpec",
    "Message",
    "MessagingError",
    "OffsetLost",
    "Overflow",
    "PersistentActor",
    "Plan",
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
    "Retry",
    "Routing",
    "RunStopped",
    "RunnerGone",
    "Runtime",
    "Secret",
    "ServiceKey",
    "Services",
    "ShutdownReport",
    "SnapshotPolicy",
    "StageError",
    "Strategy",
    "SupervisionError",
    "SupervisorRef",
    "SupervisorSpec",
    "Tuning",
    "UnhandledMessage",
    "UnknownEvent",
    "UnsupportedVersion",
    "ValueNotKept",
    "Worker",
    "WorkerDied",
    "WorkplaceBusy",
    "WorkplaceError",
    "WriterConflict",
    "__version__",
    "chunk",
    "current_actor",
    "current_call",
    "datasets",
    "delete_dataset",
    "freeze_support",
    "handles",
    "job",
    "last_checkpoint",
    "make_checkpoint",
    "message",
    "moved",
    "persist",
    "read_dataset",
    "register_identity",
    "stage",
    "step",
    "stream",
    "tune",
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
