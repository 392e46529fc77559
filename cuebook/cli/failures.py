"""`cuebook show --failures`: the failed calls of a run by the kind of their error, each kind with its inputs.

Knows no other command.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cuebook.persistence.history.failures import FailedCall
    from cuebook.persistence.history.run import RunState
    from cuebook.persistence.history.summary import Picture
    from cuebook.persistence.journal.reader import Reader

__all__ = ["show_failures"]

CALLS_SHOWN = 20
"""Calls of one kind of error that are shown to people; `--json` has all."""
_ARGUMENTS_SHOWN = 200


@dataclass(slots=True)
class _FailureKind:
    """The failures of one kind: the first few of them."""

    name: str
    count: int = 0
    first: list[FailedCall] = field(default_factory=list)


def show_failures(reader: Reader, picture: Picture, run: RunState, *, as_json: bool) -> None:
    """Print the failed calls of a run."""
    from cuebook.cli.journals import untrusting
    from cuebook.cli.output import SCHEMA, emit_json, printable
    from cuebook.persistence.history.failures import read_failures

    found = read_failures(reader, picture.state, run.number, untrusting(reader))
    if as_json:
        failures = [_failure_object(failed) for failed in found]
        emit_json({"schema": SCHEMA, "run": run.number, "function": run.opened.function, "failures": failures})
        return
    if not run.failures:
        reason = f"; it ended so: {run.closed.reason}" if run.closed is not None and run.closed.reason else ""
        click.echo(printable(f"no call of run {run.number} failed{reason}"))
        return
    kinds = _kinds_of(found)
    for kind in kinds:
        if len(kinds) > 1 or kind.count > 1:
            click.echo(printable(f"{kind.name}: {kind.count:,} call{'' if kind.count == 1 else 's'}"))
        for place, failed in enumerate(kind.first):
            _print_failure(failed, is_whole=place == 0)
        if kind.count > len(kind.first):
            click.echo(f"... and {kind.count - len(kind.first):,} more: --json has them all")
        if kind.count > 1:
            click.echo()


def _kinds_of(failures: Iterable[FailedCall]) -> list[_FailureKind]:
    """The kinds, the most frequent first."""
    kinds: dict[str, _FailureKind] = {}
    for failed in failures:
        kind = kinds.setdefault(failed.head.error_type, _FailureKind(failed.head.error_type))
        kind.count += 1
        if len(kind.first) < CALLS_SHOWN:
            kind.first.append(failed)
    return sorted(kinds.values(), key=lambda kind: -kind.count)


def _failure_object(failed: FailedCall) -> dict[str, Any]:
    from cuebook.cli.json_values import json_value
    from cuebook.cli.output import iso_time

    head = failed.head
    return {
        "index": head.index,
        "arguments": json_value(failed.arguments),
        "reason": str(head.reason),
        "error": head.error_type,
        "text": head.error_text,
        "attempts": head.attempts,
        "started": iso_time(head.started),
        "seconds": head.seconds,
        "traceback": failed.traceback_text,
    }


def _print_failure(failed: FailedCall, *, is_whole: bool) -> None:
    """One failure; of a kind the first one in full, the others in a line."""
    from cuebook.cli.output import duration, local_time, printable

    head = failed.head
    shown = repr(failed.arguments)
    shown = f"{shown[:_ARGUMENTS_SHOWN]}..." if len(shown) > _ARGUMENTS_SHOWN else shown
    text = head.error_text if is_whole else head.error_text.partition("\n")[0]
    click.echo(printable(f"call {head.index} with arguments {shown}: {head.error_type}: {text}"))
    if not is_whole:
        return
    tried = f", attempt {head.attempts}" if head.attempts > 1 else ""
    click.echo(f"  {head.reason}{tried}, {local_time(head.started)}, after {duration(head.seconds)}")
    for line in failed.traceback_text.rstrip().splitlines():
        click.echo(printable(f"  {line}"))
    click.echo()
