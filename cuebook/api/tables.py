"""The calls of a run as columns: arguments by the names of parameters, what became of each call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from cuebook.errors import CallFailed

__all__ = ["arrow_table", "columns_of"]

_BEFORE = ("run", "index")
_AFTER = ("value", "seconds", "started", "error", "reused_from")
_TEXT_MAX = 10_000


class Journaled(Protocol):
    """What a journal tells of a run."""

    def results(self, *, run: int) -> Iterator[Any]:
        """Its finished calls, each a `Result`."""

    def failures(self, *, run: int) -> list[CallFailed]:
        """Its failed calls."""

    def parameter_names(self, run: int) -> list[str]:
        """The names of what its calls give by position."""


def columns_of(journal: Journaled, runs: Iterable[int]) -> dict[str, list[Any]]:
    """The calls of these runs as columns of one length each; decodes every value."""
    rows = [row for run in runs for row in _rows(journal, run)]
    given = list(dict.fromkeys(name for _, arguments in rows for name in arguments))
    columns: dict[str, list[Any]] = {name: [row[name] for row, _ in rows] for name in _BEFORE}
    columns |= {_own(name): [arguments.get(name) for _, arguments in rows] for name in given}
    return columns | {name: [row[name] for row, _ in rows] for name in _AFTER}


def _own(name: str) -> str:
    """The column of a parameter."""
    return f"{name}_" if name in (*_BEFORE, *_AFTER) else name


def _rows(journal: Journaled, run: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """What became of each call, and its arguments, by index."""
    names = journal.parameter_names(run)
    found = []
    for result in journal.results(run=run):
        row = {
            "run": run,
            "index": result.index,
            "value": result.value,
            "seconds": result.seconds,
            "started": dt.datetime.fromtimestamp(result.started, dt.UTC),
            "error": None,
            "reused_from": result.reused_from,
        }
        found.append((row, _named(result.arguments, names)))
    for failed in journal.failures(run=run):
        row = dict.fromkeys((*_BEFORE, *_AFTER))
        row |= {"run": run, "index": failed.index, "error": f"{failed.error_type}: {failed.error_text}"}
        found.append((row, _named(failed.arguments, names)))
    return iter(sorted(found, key=lambda each: each[0]["index"]))


def _named(arguments: Any, names: Sequence[str]) -> dict[str, Any]:
    if isinstance(arguments, Mapping):
        return dict(arguments)
    if not isinstance(arguments, list | tuple):
        return {}  # not kept
    return {names[at] if at < len(names) else f"arg{at}": value for at, value in enumerate(arguments)}


def arrow_table(columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """The columns as Arrow has them; one that it has no type for becomes texts."""
    import pyarrow as pa

    return pa.table({name: _arrow(values) for name, values in columns.items()})


def _arrow(values: Sequence[Any]) -> Any:
    import pyarrow as pa

    try:
        return pa.array(values, from_pandas=False)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return pa.array([None if value is None else repr(value)[:_TEXT_MAX] for value in values])
