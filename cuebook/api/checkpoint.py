"""`Checkpoint.load(path)`: a picture of the newest run in a journal, while it runs or after.

Knows no actor and writes nothing.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cuebook.errors import JournalError
from cuebook.persistence.history.summary import Picture, RunSummary, look
from cuebook.persistence.journal.reader import Reader, open_reader
from cuebook.persistence.values import ValueDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cuebook.errors import CallFailed
    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.history.run import RunState, RunStatus
    from cuebook.persistence.stores.sqlite.lock import Holder

__all__ = ["Checkpoint"]

_T = TypeVar("_T")


class Checkpoint:
    """A read-only picture of the newest run in a journal, as it was when it was loaded.

    `parameters`, `output` and `errors` are read from the journal and decoded when they are first asked for.
    Values and exceptions of the user's own classes are rebuilt then (their modules imported, pickles opened),
    unless others than this user can write to the journal: they stay placeholders. Nothing else executes code.
    All three raise JournalError where the journal was compacted since it was loaded.

    Attributes:
        path: the journal, links resolved.
        func_name: name of the run's function; empty where the journal has no run yet.
        completed: a bool for each call: whether it has a result (a result that is None is one).
        done: number of completed calls.
        total: number of calls; None while a source without a length has not ended.
        status: running, finished, interrupted, failed, or abandoned (nobody closed it and nobody runs it).
        runs: a summary of every run in the journal, oldest first.
    """

    def __init__(self, reader: Reader, picture: Picture) -> None:
        """Use `Checkpoint.load`."""
        self.path: Path = reader.path
        self.runs: Sequence[RunSummary] = list(picture.summaries(time.time()))
        self._journal_id = reader.journal_id
        self._state = picture.state
        self._run = picture.state.newest
        self.func_name: str = self._run.opened.function if self._run else ""
        self.total: int | None = self._run.total if self._run else None
        self.status: RunStatus | None = _status(self._run, picture.holder)
        self.completed: list[bool] = _completed(self._run)
        self.done: int = self.completed.count(True)
        self._parameters: list[Any] | None = None
        self._output: list[Any] | None = None
        self._errors: dict[int, CallFailed] | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """The newest run in the journal at `path`. Never blocks or disturbs whoever writes to it.

        Raises:
            FileNotFoundError: there is no file.
            JournalCorrupt: it is no journal, or is damaged. UnsupportedVersion: a newer cuebook wrote it.
            JournalError: it cannot be read.
        Cost: one scan of the journal without its values, about 10 us a record.
        """
        if not Path(path).exists():
            raise FileNotFoundError(f"there is no journal at {os.fspath(path)}")
        with open_reader(path) as reader:
            return cls(reader, look(reader))

    @property
    def parameters(self) -> list[Any]:
        """The arguments of each call known so far, a list or dict each; `Unkept` where they were not kept."""
        if self._parameters is None:
            self._parameters = self._read(_read_parameters, [])
        return self._parameters

    @property
    def output(self) -> list[Any]:
        """The result of each call, None where there is none (see `completed`); reused results included.

        Raises:
            JournalCorrupt: a record or a blob is damaged or missing.
        Cost: one scan of the results, and one decode of each.
        """
        if self._output is None:
            output: list[Any] = [None] * len(self.completed)
            self._output = self._read(_read_output, output)
        return self._output

    @property
    def errors(self) -> dict[int, CallFailed]:
        """The error of each call that failed for good, by its index, with the original one as `__cause__`."""
        if self._errors is None:
            errors: dict[int, CallFailed] = {}
            self._errors = self._read(_read_errors, errors)
        return self._errors

    def __repr__(self) -> str:
        if self._run is None:
            return f"<Checkpoint {self.path}: no run yet>"
        total = "?" if self.total is None else f"{self.total:,}"
        failed = f", {len(self._run.failures):,} failed" if self._run.failures else ""
        said = f"{self.func_name}, {self.done:,} of {total} done{failed}, {self.status}"
        return f"<Checkpoint {self.path}: {said}>"

    def _read(self, read: Callable[[Reader, JournalState, int, _T], _T], into: _T) -> _T:
        if self._run is None:
            return into
        with open_reader(self.path) as reader:
            if reader.journal_id != self._journal_id:
                raise JournalError(f"{self.path} was compacted since this picture was taken: load it again")
            return read(reader, self._state, self._run.number, into)


def _status(run: RunState | None, holder: Holder | None) -> RunStatus | None:
    return None if run is None else run.status(holder)


def _completed(run: RunState | None) -> list[bool]:
    if run is None:
        return []
    length = max(len(run.done), run.known) if run.total is None else run.total
    return [*map(bool, run.done), *[False] * (length - len(run.done))]


def _decoder(reader: Reader) -> ValueDecoder:
    from cuebook.persistence.blobs.folder import BlobStore

    return ValueDecoder(trusted=reader.trusted, blobs=BlobStore(reader.blobs_folder))


def _read_parameters(reader: Reader, state: JournalState, number: int, into: list[Any]) -> list[Any]:
    from cuebook.persistence.history.arguments_read import CallArguments

    into.extend(CallArguments(reader, state, _decoder(reader)).calls(number))
    return into


def _read_output(reader: Reader, state: JournalState, number: int, into: list[Any]) -> list[Any]:
    from cuebook.persistence.history.results import read_results

    for results in read_results(reader, state, number, _decoder(reader)):
        indexes = results.indexes
        if isinstance(indexes, range):
            into[indexes.start : indexes.stop] = results.values
        else:
            for index, value in zip(indexes, results.values, strict=True):
                into[index] = value
    return into


def _read_errors(
    reader: Reader, state: JournalState, number: int, into: dict[int, CallFailed]
) -> dict[int, CallFailed]:
    from cuebook.persistence.history.failures import read_failures

    decoder = _decoder(reader)
    for failed in read_failures(reader, state, number, decoder):
        into[failed.head.index] = failed.error(decoder)
    return dict(sorted(into.items()))
