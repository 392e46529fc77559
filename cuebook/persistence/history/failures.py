"""The failures of a run's calls, read back from its journal.

Knows no results. Nothing is unpickled but by a decoder that trusts the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cuebook.errors import CallFailed, CallTimedOut, CuebookError, WorkerDied
from cuebook.persistence.history.arguments_read import CallArguments
from cuebook.persistence.records.bodies import open_failed
from cuebook.persistence.records.record import Kind
from cuebook.persistence.records.run_heads import Failed, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.journal.reader import Reader
    from cuebook.persistence.values import ValueDecoder

__all__ = ["FailedCall", "read_failures"]

_CLASSES = {Reason.TIMED_OUT: CallTimedOut, Reason.WORKER_DIED: WorkerDied}


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that failed for good.

    Attributes:
        head: which call, when, how often tried, and the error in words.
        arguments: a list, a dict of keyword arguments or a placeholder; None where they are not journaled.
        traceback_text: as the worker formatted it; empty where there was none.
        exception: the encoded exception, or None.
    """

    head: Failed
    arguments: Any
    traceback_text: str
    exception: bytes | None

    def error(self, decoder: ValueDecoder) -> CallFailed:
        """The error that the call ended with; its `__cause__` is the original exception, where readable."""
        error = _CLASSES.get(self.head.reason, CallFailed)(
            self.head.index,
            self.arguments,
            error_type=self.head.error_type,
            error_text=self.head.error_text,
            traceback_text=self.traceback_text,
            attempts=self.head.attempts,
        )
        if self.exception is not None:
            try:
                cause = decoder.decode(self.exception)
            except CuebookError:
                cause = None
            if isinstance(cause, BaseException):
                error.__cause__ = cause
        return error


def read_failures(reader: Reader, state: JournalState, number: int, decoder: ValueDecoder) -> Iterator[FailedCall]:
    """The calls of a run that failed for good, in the order of the journal.

    Args:
        reader: the journal.
        state: what it says; later records do not count.
        number: the run.
        decoder: of the arguments.

    Raises:
        JournalCorrupt: a record is damaged.
    """
    wanted = dict(state.runs[number].failures.values())
    if not wanted:
        return
    arguments = CallArguments(reader, state, decoder)
    for record in reader.records(after=min(wanted) - 1, kinds=(Kind.FAILED,), runs=(number,)):
        head = wanted.pop(record.seq, None)
        if head is None:
            continue
        text, exception = open_failed(record.body, record.seq)
        yield FailedCall(head, arguments.call(number, head.index), text, exception)
        if not wanted:
            return
