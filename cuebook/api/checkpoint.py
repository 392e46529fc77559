"""`Checkpoint.load(path)`: a picture of the newest run in a journal, while it runs or after.

Knows no actor and writes nothing.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from cuebook.api.rebuilding import Rebuilding
from cuebook.api.selection import Func, selected
from cuebook.errors import JournalCorrupt, JournalError
from cuebook.persistence.history.summary import Picture, RunSummary, look
from cuebook.persistence.journal.reader import Reader, open_reader
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.trust.option import trust_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cuebook.errors import CallFailed
    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.history.run import RunState, RunStatus
    from cuebook.persistence.values import ValueDecoder

__all__ = ["Checkpoint"]

_T = TypeVar("_T")
_CALLS_SHOWN_MAX = 1 << 20
_Source: TypeAlias = "tuple[Reader, ValueDecoder]"


class Checkpoint:
    """A read-only picture of the newest run in a journal, as it was when it was loaded.

    `parameters`, `output` and `errors` are read from the journal and decoded when they are first asked for.
    Values and exceptions of the user's own classes are rebuilt then (their modules imported, pickles opened),
    unless others can have written to the journal who are not trusted: they stay placeholders; or, where `trust=` was
    given and does not go that far, JournalNotTrusted is raised. Nothing else executes code.
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

    def __init__(
        self,
        reader: Reader,
        picture: Picture,
        trust: str | None = None,
        *,
        run: int | None = None,
        func: Func | None = None,
    ) -> None:
        """Use `Checkpoint.load`."""
        self._trust = trust
        self._place = reader.name
        self.path: Path = reader.path
        self.runs: Sequence[RunSummary] = list(picture.summaries(time.time()))
        self._journal_id = reader.journal_id
        self._state = picture.state
        self._run = selected(picture.state, reader.path, run, func)
        self.func_name: str = self._run.opened.function if self._run else ""
        self.total: int | None = self._run.total if self._run else None
        self.status: RunStatus | None = picture.status(self._run) if self._run else None
        self.completed: list[bool] = _completed(self._run, medium_of(reader.name).size_bytes())
        self.done: int = self.completed.count(True)
        self._parameters: list[Any] | None = None
        self._output: list[Any] | None = None
        self._errors: dict[int, CallFailed] | None = None

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        run: int | None = None,
        func: Func | None = None,
        trust: str | None = None,
    ) -> Checkpoint:
        """A run in the journal at `path`, the newest unless another is asked for.

        Never blocks or disturbs whoever writes to it.

        Args:
            path: the journal.
            run: the number of the run.
            func: a function, or its name; without `run` the newest run of it.
            trust: "group" or "anyone", as for `chunk()`: who else may have written what code rebuilds here. None: as
                the variable CUEBOOK_TRUST says, else nobody.

        Raises:
            FileNotFoundError: there is no file. LookupError: there is no such run in it.
            JournalNotTrusted: a file beside it is no plain file, or somebody else's; nothing was opened.
            JournalCorrupt: it is no journal, or is damaged. UnsupportedVersion: a newer cuebook wrote it.
            JournalError: it cannot be read.
        Cost: one scan of the journal without its values, about 10 us a record.
        """
        if not medium_of(path).is_there():
            raise FileNotFoundError(f"there is no journal at {os.fspath(path)}")
        with open_reader(path, trust=trust_of(trust)) as reader:
            return cls(reader, look(reader), trust, run=run, func=func)

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
            return f"<Checkpoint {self._place}: no run yet>"
        total = "?" if self.total is None else f"{self.total:,}"
        failed = f", {len(self._run.failures):,} failed" if self._run.failures else ""
        said = f"{self.func_name}, {self.done:,} of {total} done{failed}, {self.status}"
        return f"<Checkpoint {self._place}: {said}>"

    def _read(self, read: Callable[[_Source, JournalState, int, _T], _T], into: _T) -> _T:
        if self._run is None:
            return into
        with open_reader(self._place, trust=trust_of(self._trust)) as reader:
            if reader.journal_id != self._journal_id:
                raise JournalError(f"{self._place} was compacted since this picture was taken: load it again")
            rebuilding = Rebuilding(reader, self._trust)
            found = read((reader, rebuilding.decoder), self._state, self._run.number, into)
        rebuilding.check(found)
        return found


def _completed(run: RunState | None, size_bytes: int) -> list[bool]:
    if run is None:
        return []
    length = max(len(run.done), run.known) if run.total is None else run.total
    if length > _CALLS_SHOWN_MAX and length > size_bytes:
        # Each call's arguments take a byte, in this run or in one before it.
        raise JournalCorrupt(f"run {run.number} says that it has {length:,} calls, more than its journal can hold")
    return [*map(bool, run.done.flags(length))]


def _read_parameters(source: _Source, state: JournalState, number: int, into: list[Any]) -> list[Any]:
    from cuebook.persistence.history.arguments_read import CallArguments

    reader, decoder = source
    into.extend(CallArguments(reader, state, decoder).calls(number))
    return into


def _read_output(source: _Source, state: JournalState, number: int, into: list[Any]) -> list[Any]:
    from cuebook.persistence.history.results import read_results

    reader, decoder = source
    for results in read_results(reader, state, number, decoder):
        indexes = results.indexes
        if isinstance(indexes, range):
            into[indexes.start : indexes.stop] = results.values
        else:
            for index, value in zip(indexes, results.values, strict=True):
                into[index] = value
    return into


def _read_errors(
    source: _Source, state: JournalState, number: int, into: dict[int, CallFailed]
) -> dict[int, CallFailed]:
    from cuebook.persistence.history.failures import read_failures

    reader, decoder = source
    for failed in read_failures(reader, state, number, decoder):
        into[failed.head.index] = failed.error(decoder)
    return dict(sorted(into.items()))
