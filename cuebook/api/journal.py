"""`Journal.open(path)`: old runs from Python, read-only: results and failures one by one, or as a table.

Knows no actor and writes nothing. Values are decoded when they are asked for.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from cuebook.api.rebuilding import Rebuilding
from cuebook.api.selection import Func, selected
from cuebook.persistence.history.summary import Picture, RunSummary, look
from cuebook.persistence.journal.reader import Reader, open_reader
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.trust.option import trust_of

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from cuebook.errors import CallFailed
    from cuebook.persistence.history.arguments_read import CallArguments
    from cuebook.persistence.history.run import RunState

__all__ = ["Journal", "Result"]

Run = int | Literal["all"] | None


class Result:
    """A finished call of a run; its arguments and its value are decoded when they are first asked for.

    Attributes:
        run, index: the run, and which call of it.
        seconds: how long the call ran.
        started: when it began, seconds since the epoch.
        reused_from: the run that made it, where that is an earlier one; else None.
    """

    __slots__ = ("_at", "_encoded", "_journal", "_value", "index", "reused_from", "run", "seconds", "started")

    def __init__(self, journal: Journal, at: tuple[int, int], encoded: bytes, **known: Any) -> None:
        """Use `Journal.results`."""
        self._journal = journal
        self._at = at
        self._encoded: bytes | None = encoded
        self._value: Any = None
        self.run: int = known["run"]
        self.index: int = known["index"]
        self.seconds: float = known["seconds"]
        self.started: float = known["started"]
        self.reused_from: int | None = known["reused_from"]

    @property
    def value(self) -> Any:
        """What the call returned; a placeholder where only code of somebody who is not trusted could rebuild it.

        Raises:
            JournalNotTrusted: that, where `trust=` was given. JournalCorrupt: a blob is damaged or gone.
        """
        if self._encoded is not None:
            self._value = self._journal.rebuilt(self._encoded)
            self._encoded = None
        return self._value

    @property
    def arguments(self) -> Any:
        """A list, or a dict of keyword arguments; `Unkept` where they were not kept."""
        return self._journal.arguments(*self._at)

    def __repr__(self) -> str:
        return f"<Result {self.index} of run {self.run}, {self.seconds:.3g} s>"


class Journal:
    """The runs in a journal, as they were when it was opened; a context manager.

    Never blocks or disturbs whoever writes to it. Values and exceptions of the user's own classes are rebuilt when
    they are asked for (their modules imported, pickles opened), unless others can have written to the journal who
    are not trusted: then they stay placeholders, or, where `trust=` was given, JournalNotTrusted is raised.

    Attributes:
        path: the journal, links resolved.
        runs: a summary of every run, oldest first.
    """

    def __init__(self, reader: Reader, picture: Picture, trust: str | None = None, *, executes: bool = True) -> None:
        """Use `Journal.open`."""
        self._reader = reader
        self._state = picture.state
        self._rebuilding = Rebuilding(reader, trust, executes=executes)
        self._arguments: CallArguments | None = None
        self.path: Path = reader.path
        self.runs: Sequence[RunSummary] = list(picture.summaries(time.time()))

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, trust: str | None = None, executes: bool = True) -> Journal:
        """The journal at `path`.

        Args:
            path: the journal.
            trust: "group" or "anyone", as for `chunk()`. None: as the variable CUEBOOK_TRUST says, else nobody.
            executes: False: nothing is rebuilt by code: what is no plain data stays a placeholder.

        Raises:
            FileNotFoundError: there is no file. JournalError: it cannot be read.
            JournalCorrupt: it is no journal, or is damaged.
        Cost: one scan of the journal without its values, about 10 us a record.
        """
        if not medium_of(path).is_there():
            raise FileNotFoundError(f"there is no journal at {os.fspath(path)}")
        reader = open_reader(path, trust=trust_of(trust))
        try:
            return cls(reader, look(reader), trust, executes=executes)
        except BaseException:
            reader.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; what was not decoded yet cannot be any more."""
        self._reader.close()

    def __repr__(self) -> str:
        count = len(self.runs)
        return f"<Journal {self.path}: {count:,} run{'' if count == 1 else 's'}>"

    def results(self, *, run: Run = None, func: Func | None = None) -> Iterator[Result]:
        """The finished calls of a run, in the order in which they were committed; reused ones too.

        Args:
            run: its number, or "all". None: the newest.
            func: a function or its name; only runs of it count.

        Raises:
            LookupError: there is no such run. JournalCorrupt: a record is damaged.
        Cost: one pass over the records of results; memory of one record.
        """
        for number in self._numbers(run, func):
            yield from self._results(number)

    def failures(self, *, run: Run = None, func: Func | None = None) -> list[CallFailed]:
        """The calls of a run that failed for good, each with its `arguments` and, as `__cause__`, what it raised.

        `chunk(func, [failed.arguments for failed in journal.failures()], path=path)` runs just those again.

        Args:
            run, func: as for `results`.

        Raises:
            LookupError: there is no such run. JournalCorrupt: a record is damaged.
        """
        return [error for number in self._numbers(run, func) for error in self._failures(number)]

    def to_pandas(self, *, run: Run = None, func: Func | None = None) -> pd.DataFrame:
        """The calls of a run as a pandas DataFrame, a row each: those that failed too.

        The columns are run, index, the parameters of the function by name, value, seconds, started, error (None, or
        the error in words) and reused_from; a parameter that has one of these names gets an underscore after it.

        Args:
            run, func: as for `results`.

        Raises:
            ImportError: pandas is not installed. Else as `results`.
        """
        import pandas as pd

        from cuebook.api.tables import columns_of

        return pd.DataFrame(columns_of(self, self._numbers(run, func)))

    def to_polars(self, *, run: Run = None, func: Func | None = None) -> pl.DataFrame:
        """The same as a polars DataFrame; a column that Arrow has no type for holds texts."""
        import polars as pl

        frame = pl.from_arrow(self.to_arrow(run=run, func=func))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def to_arrow(self, *, run: Run = None, func: Func | None = None) -> pa.Table:
        """The same as a pyarrow Table; a column that Arrow has no type for holds texts."""
        from cuebook.api.tables import arrow_table, columns_of

        return arrow_table(columns_of(self, self._numbers(run, func)))

    # -- for Result and tables ------------------------------------------------------------------------------------

    def rebuilt(self, encoded: bytes) -> Any:
        """A value, decoded."""
        value = self._rebuilding.decoder.decode(encoded)
        self._rebuilding.check(value)
        return value

    def arguments(self, run: int, index: int) -> Any:
        """The arguments of a call; None where they were not journaled."""
        if self._arguments is None:
            from cuebook.persistence.history.arguments_read import CallArguments

            self._arguments = CallArguments(self._reader, self._state, self._rebuilding.decoder)
        found = self._arguments.call(run, index)
        self._rebuilding.check(found)
        return found

    def parameter_names(self, run: int) -> list[str]:
        """The names of what calls of a run give by position, as far as the journal has them."""
        from cuebook.persistence.history.run_parts import parameter_names

        return parameter_names(self._state, self._state.runs[run])

    def _numbers(self, run: Run, func: Func | None) -> list[int]:
        if run == "all":
            if func is None:
                return list(self._state.runs)
            newest = selected(self._state, self.path, None, func)
            name = "" if newest is None else newest.opened.function
            return [number for number, each in self._state.runs.items() if each.opened.function == name]
        found: RunState | None = selected(self._state, self.path, run, func)
        return [] if found is None else [found.number]

    def _results(self, number: int) -> Iterator[Result]:
        from cuebook.persistence.history.results import read_results
        from cuebook.persistence.values.whole import Undecoded

        for part in read_results(self._reader, self._state, number, Undecoded()):
            source = part.source_run
            rows = zip(part.indexes, part.sources, part.values, part.seconds, part.started, strict=True)
            for index, made, encoded, seconds, started in rows:
                reused_from = None if source == number else source
                yield Result(
                    self,
                    (source, made),
                    encoded,
                    run=number,
                    index=index,
                    seconds=seconds,
                    started=started,
                    reused_from=reused_from,
                )

    def _failures(self, number: int) -> list[CallFailed]:
        from cuebook.persistence.history.failures import read_failures

        decoder = self._rebuilding.decoder
        found = [failed.error(decoder) for failed in read_failures(self._reader, self._state, number, decoder)]
        self._rebuilding.check([(error.arguments, error.__cause__) for error in found])
        return sorted(found, key=lambda error: error.index)
