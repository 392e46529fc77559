"""What the command prints: tables, sentences, JSON; readable for people on a terminal and for programs in a pipe.

Knows no journal. Nothing that was read from one reaches a terminal with its control characters.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click import UsageError

from cuebook.wording import duration, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "SCHEMA",
    "count_of",
    "csv_cell",
    "duration",
    "emit_json",
    "iso_time",
    "local_time",
    "printable",
    "rate",
    "stretches",
    "table",
    "write_file",
]

_STRETCHES_SHOWN = 20

_LIKE_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_SCALARS = (bool, int, float)

SCHEMA = 1
"""Version of the shape of what `--json` prints; keys are only added within one."""

_CELL_MAX = 120
_NUMERIC = frozenset(
    {"run", "failed", "reused", "calls/s", "done", "call", "number", "bytes", "attempts", "events", "snapshots", "owes"}
)


def write_file(name: str, texts: Iterable[str]) -> None:
    """Write what a user wants in a file of its own; one that is there is written over.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        with Path(name).open("w", encoding="utf-8") as file:
            file.writelines(texts)
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror or error}") from error


def emit_json(value: Any, *, is_line: bool = False) -> None:
    """One JSON value on stdout: indented, or as one line that is out at once.

    What JSON lacks stands as its `repr`: a crafted record may have anything where a number or a text belongs.
    """
    if is_line:
        print(json.dumps(value, default=repr), flush=True)
    else:
        print(json.dumps(value, indent=2, default=repr))


def csv_cell(value: Any) -> Any:
    """A scalar as it is, None as nothing, all else as JSON.

    A spreadsheet takes a text that begins like a formula for one and carries it out: an apostrophe goes before it.
    """
    if value is None:
        return ""
    if type(value) is str:
        return f"'{printable(value)}" if value.startswith(_LIKE_FORMULAS) else printable(value)
    return value if type(value) in _SCALARS else json.dumps(value, default=repr)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on stdout: with rules on a terminal, aligned columns elsewhere. A very long cell is cut."""
    titles, *lines = (list(map(_cell, row)) for row in (headers, *rows))
    if sys.stdout.isatty():
        _ruled(titles, lines)
    else:
        for line in _aligned(titles, lines):
            print(line)


def _cell(text: str) -> str:
    shown = printable(text).replace("\n", " ")
    return shown if len(shown) <= _CELL_MAX else f"{shown[: _CELL_MAX - 1]}…"


def _aligned(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = []
    for row in (headers, *rows):
        cells = [
            cell.rjust(width) if header in _NUMERIC else cell.ljust(width)
            for header, cell, width in zip(headers, row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _ruled(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    ruled = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for header in headers:
        is_number = header in _NUMERIC
        ruled.add_column(header, justify="right" if is_number else "left", no_wrap=header != "function")
    for row in rows:
        ruled.add_row(*map(Text, row))
    Console().print(ruled)


def count_of(done: int, total: int | None) -> str:
    """`412/500`; the total is a question mark while nobody knows it."""
    return f"{done:,}/{'?' if total is None else f'{total:,}'}"


def rate(per_second: float | None) -> str:
    """Calls a second, three digits; a dash where that is not known."""
    if per_second is None:
        return "-"
    return f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"


def local_time(at: float) -> str:
    """A moment for people: date and time here; a question mark where it is no moment."""
    try:
        return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # no moment: a damaged or crafted record
        return "?"


def iso_time(at: float | None) -> str | None:
    """A moment for programs: ISO 8601 in UTC; None where it is no moment."""
    if at is None:
        return None
    try:
        moment = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stretches(lost: Sequence[tuple[int, int]]) -> str:
    """Numbers of records, the first stretches of them.

    >>> stretches([(3, 3), (5, 9)])
    '3, 5 to 9'
    """
    shown = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in lost[:_STRETCHES_SHOWN])
    left = sum(last - first + 1 for first, last in lost[_STRETCHES_SHOWN:])
    return f"{shown}, and {left:,} more" if left else shown
