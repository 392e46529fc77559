"""Every error of cuebook, split by who must act: the caller, the user's function, the world, or us.

Wrong use by the caller is a plain `TypeError` or `ValueError`. Cancellation is no error and is never swallowed.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ActorFailed",
    "ActorStopped",
    "AskCycle",
    "AskTimeout",
    "CallFailed",
    "CallTimedOut",
    "CheckpointRefused",
    "ClusterGone",
    "CodecError",
    "CuebookError",
    "ExperimentError",
    "FunctionNotShippable",
    "InternalError",
    "JobBusy",
    "JournalBusy",
    "JournalCorrupt",
    "JournalError",
    "JournalFull",
    "JournalNotTrusted",
    "MailboxFull",
    "MalformedMessage",
    "MessageTooLarge",
    "MessagingError",
    "OffsetLost",
    "ProcessDied",
    "RecoveryFailed",
    "Rejected",
    "RestartLimitReached",
    "ResultNotRebuilt",
    "RunStopped",
    "RunnerGone",
    "StageError",
    "SupervisionError",
    "UnhandledMessage",
    "UnknownEvent",
    "UnknownMessage",
    "UnsupportedVersion",
    "ValueNotKept",
    "WorkerDied",
    "WorkplaceBusy",
    "WorkplaceError",
    "WriterConflict",
]


class CuebookError(Exception):
    """The root of the tree: catch this to catch whatever cuebook itself raises."""


class CallFailed(CuebookError):
    """The user's function raised in one call. Whoever wrote the function acts; every finished call is kept.

    Attributes:
        index: place of the call in the list of parameters, from 0.
        arguments: the call's arguments as given (a list, or a dict of keyword arguments); None where not kept.
        error_type: qualified name of the original exception's class.
        error_text: its message.
        traceback_text: the worker's traceback, formatted.
        attempts: how often the call was tried.

    The original exception is the `__cause__` where it survived the way back from its process.
    """

    def __init__(
        self,
        index: int,
        arguments: Any = None,
        *,
        error_type: str = "",
        error_text: str = "",
        traceback_text: str = "",
        attempts: int = 1,
    ) -> None:
        self.index = index
        self.arguments = arguments
        self.error_type = error_type
        self.error_text = error_text
        self.traceback_text = traceback_text
        self.attempts = attempts
        super().__init__(index, arguments)

    def _reason(self) -> str:
        return f"{self.error_type}: {self.error_text}" if self.error_text else self.error_type or "failed"

    def __str__(self) -> str:
        """One line of what failed with which arguments, then the worker's own traceback."""
        shown = _readable(self.arguments)
        tried = f" after {self.attempts} attempts" if self.attempts > 1 else ""
        line = f"call {self.index} with arguments {shown} failed{tried}: {self._reason()}"
        return f"{line}\n\n{self.traceback_text.rstrip()}" if self.traceback_text else line

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.index}, {_readable(self.arguments)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_call_failed, (type(self), self.index, self.arguments, self.__dict__.copy())


def _readable(arguments: Any) -> str:
    """What arguments look like, at most 200 characters, whatever their classes do when asked."""
    try:
        shown = repr(arguments)
    except Exception as error:
        return f"(whose repr raises {type(error).__name__})"
    return shown if len(shown) <= 200 else f"{shown[:200]}..."


def _rebuild_call_failed(cls: type[CallFailed], index: int, arguments: Any, state: dict[str, Any]) -> CallFailed:
    error = cls.__new__(cls, index, arguments)
    Exception.__init__(error, index, arguments)
    error.__dict__.update(state)
    return error


class CallTimedOut(CallFailed):
    """One call ran longer than `timeout` seconds. Its worker was killed and replaced; the other calls go on."""


class WorkerDied(CallFailed):
    """The process running this call died (signal, out of memory, `os._exit`) three times. The other calls go on."""


class ResultNotRebuilt(CallFailed):
    """A call ended well and its result is kept, but some object in it cannot be rebuilt here: its class is gone, has
    changed, or raises. Bring it back (install the package, mend the class), or `cuebook forget` the result.
    """


class FunctionNotShippable(CuebookError, TypeError):
    """The function cannot be sent to a worker process. The caller acts; no call was started."""


class ValueNotKept(CuebookError, TypeError):
    """A value cannot be kept as it is; the message holds the path to the part inside it and what to do instead."""


class RunStopped(CuebookError):
    """A run was stopped before its end: by a signal, a time limit, or whoever awaited it. The same call continues it.

    Attributes:
        done, total: calls whose results are kept, of how many (None: not known).
        path: the journal, None where nothing is kept.
    """

    def __init__(self, reason: str, *, done: int = 0, total: int | None = None, path: str | None = None) -> None:
        self.reason = reason
        self.done = done
        self.total = total
        self.path = path
        super().__init__(reason)

    def __str__(self) -> str:
        """What is kept where, and how to go on."""
        count = f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"
        if self.path is None:
            return f"{self.reason}: {count} calls were done; nothing is kept without path="
        return f"{self.reason}: {count} results are kept in {self.path}; the same command continues from there"


class JournalError(CuebookError):
    """The journal cannot be read or written. What was committed stays readable; nothing else counts as done."""


class JournalBusy(JournalError):
    """Another process (or a caller of this call) has the journal open for writing. Wait for it, or use another path.

    Attributes:
        host, pid, since: who holds it (None where unknown); since is ISO 8601 in UTC.
    """

    def __init__(self, text: str, *, host: str | None = None, pid: int | None = None, since: str | None = None) -> None:
        super().__init__(text)
        self.host = host
        self.pid = pid
        self.since = since


class JournalCorrupt(JournalError):
    """The file is damaged or is no journal. `cuebook verify` says where, `cuebook recover` salvages what is whole.

    Attributes:
        seq: number of the first bad record, where the damage lies inside one; else None.
    """

    def __init__(self, text: str, *, seq: int | None = None) -> None:
        super().__init__(text)
        self.seq = seq


class JournalFull(JournalError):
    """The disk (or a quota) is full. Free some space and run the same command: every committed result is there."""


class JournalNotTrusted(JournalError):
    """Others may have written to the journal, or to a file beside it, so nothing of it is opened that could run their
    code. No call was made, and no file changed. The text names the file, the reason and the ways out: rights, `trust=`,
    another path.

    Attributes:
        path: the file or folder that it is about. reason: what was found there, in words.
    """

    def __init__(self, text: str, *, path: str = "", reason: str = "") -> None:
        super().__init__(text)
        self.path = path
        self.reason = reason


class WriterConflict(JournalError):
    """Another actor has taken over the id of this durable actor, so nothing more of this one is kept. It fails, and
    folds the journal again; whoever let two actors have one id acts. Use `runtime.entity()`, which sees to that.
    """


class OffsetLost(JournalError):
    """Events cannot be read on from this offset; the text says why. What was made of them has to be made anew."""


class UnsupportedVersion(JournalError):
    """The journal was written by a newer cuebook. Upgrade; the file was not touched."""


class MessagingError(CuebookError):
    """A message did not get through."""


class MailboxFull(MessagingError):
    """The target's mailbox is at its bound. The message was not delivered; send later or slower."""


class ActorStopped(MessagingError):
    """The target has stopped, so it will not answer. The undelivered message is `self.undelivered`, where known."""

    def __init__(self, text: str, undelivered: Any = None) -> None:
        super().__init__(text)
        self.undelivered = undelivered


class AskTimeout(MessagingError, TimeoutError):
    """No reply before the deadline. Whether the target acts on the message is unknown; a late reply is dropped."""


class AskCycle(MessagingError):
    """Actors would wait for each other for ever. Raised at the ask that closes the circle; it was not sent.

    Whoever wrote the actors acts: one of them tells, or defers its answer (`context.defer`), in place of asking.

    Attributes:
        actors: names of those in the circle, from the one that asked on.
    """

    def __init__(self, text: str, actors: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.actors = actors


class ActorFailed(MessagingError):
    """The target's handler raised while it worked on this message; the exception is the `__cause__`, also where it is
    an error of an actor that the target itself had to do with.

    Attributes:
        traceback_text: the traceback in the actor's own process, formatted, where that is another; else "". It is
            a note of the exception too, so that it is printed with it.
    """

    traceback_text: str = ""


class ProcessDied(ActorFailed):
    """The process that the actor lives in has ended: it was killed, it exited, or it wrote what is no message.

    The actor's restart policy decides what follows. Whether a message that it had in hand was acted on is unknown.

    Attributes:
        reason: how the process ended, in words. pid: its number; None where it could not be started.
    """

    def __init__(self, text: str, *, reason: str = "", pid: int | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.pid = pid


class UnhandledMessage(MessagingError):
    """The target has no handler for a message of this type. It goes on; the message is a dead letter.

    A `receive` of one's own may raise it.

    Attributes:
        target: name of the actor that has none; None where it is the one that raises.
    """

    def __init__(self, text: str, target: str | None = None) -> None:
        super().__init__(text)
        self.target = target


class Rejected(MessagingError):
    """An actor said no: nothing changed, nothing is kept, the actor goes on with the state that it had. The sender
    acts.

    A handler raises it, before it changes anything; that of a durable actor may answer `Effect().reject(reason)`.

    Attributes:
        actor: name of the actor that said no; None before it has.
    """

    actor: str | None = None


class CodecError(CuebookError):
    """Bytes that are no message of ours, or a message that cannot become bytes."""


class MessageTooLarge(CodecError):
    """A frame over the size limit; it was not sent, or not read."""


class UnknownMessage(CodecError):
    """A frame whose tag stands for no message type of this version."""


class MalformedMessage(CodecError):
    """A frame that does not decode, or whose fields do not fit its type. Nothing in it was executed."""


class SupervisionError(CuebookError):
    """A child could not be kept running."""


class RestartLimitReached(SupervisionError):
    """A child failed more often than its restart intensity allows; the last failure is the `__cause__`."""


class ClusterGone(SupervisionError):
    """The cluster or executor that was to run the calls is not there. The same program goes on, there or elsewhere."""


class RecoveryFailed(CuebookError):
    """A durable actor cannot be brought back from its journal: an event that its class cannot apply, or a gap. It is
    not started again by itself. Whoever wrote the class acts; nothing in the journal was changed.
    """


class UnknownEvent(RecoveryFailed):
    """The journal holds an event whose class is gone or has other fields now. Its name, and what to write, are in the
    text: an upcaster, in the actor's class.
    """


class WorkplaceError(CuebookError):
    """Files cannot be kept in `.cuebook/`, or not be brought back from it. The text names the file and the reason. What
    was kept before is as it was, and nothing was written outside of the folder that files were to be brought back to.
    """


class WorkplaceBusy(WorkplaceError):
    """Somebody else is using it just now; the text says who. Nothing was changed: wait for them."""


class CheckpointRefused(CuebookError):
    """The runner could not keep the outputs of this program: one is missing, cannot be read or was being written, or
    the disk is full. Earlier checkpoints are whole, and the program may go on and try again.
    """


class RunnerGone(CuebookError):
    """The runner that started this program is no longer there, so that nothing is kept any more. The program should
    end: the workspace gets the outputs of the last checkpoint, and the next `cuebook exp run` goes on from there.
    """


class ExperimentError(CuebookError):
    """What was asked of experiments cannot be done: no such experiment or checkpoint, a file of stages that is not
    understood, changes that would be lost. Nothing was changed.
    """


class StageError(CuebookError):
    """A stage, a step, a job or a data set is not used as it can be; the text says how. Nothing was done or changed."""


class JobBusy(JournalBusy):
    """Another process, or another part of this program, runs this job just now; the text says who. Nothing was done:
    wait for its end, then run it again, and all that it has finished is taken over.
    """


class InternalError(CuebookError):
    """A bug in cuebook. Please report it with the traceback; every committed result is safe."""


for _name in __all__:
    globals()[_name].__module__ = "cuebook"  # tracebacks name what users import
