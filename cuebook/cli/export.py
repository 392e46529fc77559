"""`cuebook export`: the completed calls of a run as JSON lines or CSV, streamed; or as a Parquet file."""

from __future__ import annotations

import heapq
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from cuebook.cli.journals import opened, path_argument, picked, run_option, untrusting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cuebook.persistence.history.marks import DoneCalls
    from cuebook.persistence.history.replay import JournalState
    from cuebook.persistence.journal.reader import Reader

__all__ = ["export", "in_order"]

_COLUMNS = ("run", "index", "arguments", "value", "seconds", "started", "reused_from", "forgotten")
WAITING_CHARACTERS_MAX = 64 << 20
"""Finished lines that wait for those before them, at most."""


@click.command(short_help="Results as JSON lines, CSV or Parquet.")
@path_argument
@run_option("Export this run; without it the newest.")
@click.option("--all", "is_all", is_flag=True, help="Export every run.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header in place of JSON lines.")
@click.option(
    "--parquet",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a Parquet file, with a column a parameter; failed calls too. Needs pyarrow.",
)
def export(path: str, number: int | None, *, is_all: bool, as_csv: bool, target: Path | None) -> None:
    """Write the completed calls of a run to stdout, one JSON object a line.

    Each has the run, the call's index, its arguments and value, how long it took, when it began, the run that it
    was taken from (null: made by this one), and whether it was forgotten since. A value that JSON lacks becomes
    {"$type": ..., "repr": ...} or the like; nothing is unpickled. Calls come in the order of their indexes, but a
    call that ended more than 64 MB of output too late.
    """
    if is_all and number is not None:
        raise click.UsageError("--all and --run exclude each other")
    if target is not None:
        if as_csv:
            raise click.UsageError("--csv and --parquet exclude each other")
        _write_parquet(path, target, "all" if is_all else number)
        return
    from cuebook.cli.output import printable
    from cuebook.persistence.history.replay import state_of

    with opened(path) as reader:
        state = state_of(reader)
        numbers = list(state.runs) if is_all else [picked(state, number, path).number]
        encode = _csv_line() if as_csv else _json_line
        shown = printable if sys.stdout.isatty() else str
        if as_csv:
            sys.stdout.write(encode(dict(zip(_COLUMNS, _COLUMNS, strict=True))))
        for each in numbers:
            lines = ((row["index"], encode(row)) for row in _rows(reader, state, each))
            for line in in_order(lines, state.runs[each].done):
                sys.stdout.write(shown(line))


def _write_parquet(path: str, target: Path, run: int | Literal["all"] | None) -> None:
    from cuebook.api.journal import Journal
    from cuebook.cli.command import NotThere
    from cuebook.persistence.stores.media import medium_of

    try:
        from pyarrow import parquet
    except ImportError:
        raise click.UsageError("--parquet needs pyarrow: pip install pyarrow") from None
    if not medium_of(path).is_there():
        raise NotThere(f"there is no journal at {path}")
    with Journal.open(path, executes=False) as journal:
        try:
            table = journal.to_arrow(run=run)
        except LookupError as error:
            raise NotThere(str(error)) from error
    # Whole or not at all: a file that is half written looks like one.
    partial = target.with_name(f"{target.name}.part")
    parquet.write_table(table, partial)
    partial.replace(target)


def in_order(
    lines: Iterable[tuple[int, str]], done: DoneCalls, *, waiting_max: int = WAITING_CHARACTERS_MAX
) -> Iterator[str]:
    """Lines by index, in ascending order as far as the waiting ones fit.

    Args:
        lines: index and text of each, about in order.
        done: the indexes of which there is a line.
        waiting_max: characters that may wait.
    """
    heap: list[tuple[int, str]] = []
    size, expected = 0, done.find(0)
    for each in lines:
        heapq.heappush(heap, each)
        size += len(each[1])
        while heap and (heap[0][0] <= expected or size > waiting_max):
            index, line = heapq.heappop(heap)
            size -= len(line)
            yield line
            if index >= expected >= 0:
                expected = done.find(index + 1)
    while heap:
        yield heapq.heappop(heap)[1]


def _rows(reader: Reader, state: JournalState, number: int) -> Iterator[dict[str, Any]]:
    from cuebook.cli.json_values import json_value
    from cuebook.cli.output import iso_time
    from cuebook.persistence.history.arguments_read import CallArguments
    from cuebook.persistence.history.results import read_results

    decoder = untrusting(reader)
    arguments = CallArguments(reader, state, decoder)
    for results in read_results(reader, state, number, decoder):
        source = results.source_run
        own = state.runs[source].own
        for index, made, value, seconds, started in zip(
            results.indexes, results.sources, results.values, results.seconds, results.started, strict=True
        ):
            yield {
                "run": number,
                "index": index,
                # Equal ones, and read in the order of the results.
                "arguments": json_value(arguments.call(source, made)),
                "value": json_value(value),
                "seconds": round(seconds, 6),
                "started": iso_time(started),
                "reused_from": None if source == number else source,
                "forgotten": not own[made],
            }


def _json_line(row: dict[str, Any]) -> str:
    return f"{json.dumps(row)}\n"


def _csv_line() -> Callable[[dict[str, Any]], str]:
    import csv
    import io

    from cuebook.cli.output import csv_cell

    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")

    def encode(row: dict[str, Any]) -> str:
        line.seek(0)
        line.truncate()
        writer.writerow([csv_cell(row[column]) for column in _COLUMNS])
        return line.getvalue()

    return encode
