"""`cuebook verify`, `recover`, `backup` and `compact`: what is done to a journal as a whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cuebook.cli.command import ExitCode, NotThere
from cuebook.cli.journals import path_argument

if TYPE_CHECKING:
    from cuebook.persistence.upkeep.verification import Report

__all__ = ["backup", "compact", "recover", "verify"]

_NEW_PATH = click.Path(path_type=str)


@click.command(short_help="Check that all is whole.")
@path_argument
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(path: str, as_json: bool) -> int:
    """Check every record and value in the journal at PATH; exit 0 when all are whole, else 1."""
    from cuebook.cli.output import SCHEMA, emit_json, printable
    from cuebook.persistence.upkeep.verification import verify as verified

    _check_there(path)
    report = verified(path)
    if as_json:
        emit_json({"schema": SCHEMA, **asdict(report), "path": str(report.path)})
    else:
        click.echo(printable(_report_text(report)))
    return ExitCode.OK if report.ok else ExitCode.BAD


def _report_text(report: Report) -> str:
    blobs = f", {report.blobs:,} blobs" if report.blobs else ""
    if report.ok:
        return f"{report.records:,} records{blobs}, all whole"
    lines = [f"{report.reason}; {report.records:,} records before it are whole"]
    if report.bad_record is not None and f"record {report.bad_record} " not in report.reason:
        lines = [f"record {report.bad_record} is bad: {report.reason}"]
    lines += [f"blob {digest} {reason}" for digest, reason in report.bad_blobs]
    lines += [f"page: {text}" for text in report.bad_pages]
    lines.append("`cuebook recover` saves what is whole")
    return "\n".join(dict.fromkeys(lines))


@click.command(short_help="Save what is whole in a damaged journal.")
@path_argument
@click.option("-o", "--output", "new", type=_NEW_PATH, required=True, metavar="NEW", help="The new journal.")
def recover(path: str, new: str) -> None:
    """Write all that is whole in the damaged journal at PATH to a new one; the damaged one is only read."""
    from cuebook.persistence.upkeep.salvage import recover as recovered

    _check_there(path)
    found = recovered(path, new)
    _say_if_not_private(new)
    blobs = f" and {found.blobs:,} blobs" if found.blobs else ""
    click.echo(f"kept {found.records:,} records{blobs} in {found.path}")
    if found.lost:
        from cuebook.cli.output import stretches

        click.echo(f"lost records: {stretches(found.lost)}")


@click.command(short_help="Copy a journal, also one in use.")
@path_argument
@click.argument("new", type=_NEW_PATH)
def backup(path: str, new: str) -> None:
    """Copy the journal at PATH, also while it is written to, with its blobs, to NEW."""
    from cuebook.persistence.upkeep.backup import backup as backed_up

    _check_there(path)
    count = backed_up(path, new)
    _say_if_not_private(new)
    click.echo(f"{count:,} records copied to {new}")


@click.command(short_help="Rewrite a journal without what is not needed.")
@path_argument
@click.option("--drop-events", is_flag=True, help="Drop events of actors that all their snapshots have in them, too.")
def compact(path: str, drop_events: bool) -> None:
    """Rewrite the journal at PATH without forgotten runs, old checkpoints and values nobody refers to.

    The events of durable actors stay, unless --drop-events says otherwise: then an actor comes back from its snapshots
    alone, and not at all where these cannot be read any more.
    """
    from cuebook.persistence.upkeep.compaction import compact as compacted

    _check_there(path)
    done = compacted(path, drop_events=drop_events)
    click.echo(f"{done.bytes_before:,} bytes before, {done.bytes_after:,} after")
    click.echo(f"{done.records_before:,} records before, {done.records_after:,} after")
    if done.runs_dropped:
        click.echo(f"runs dropped: {', '.join(map(str, done.runs_dropped))}")
    if done.blobs_dropped:
        click.echo(f"blobs dropped: {done.blobs_dropped:,}")


def _check_there(path: str) -> None:
    from cuebook.persistence.stores.media import medium_of

    if not medium_of(path).is_there():
        raise NotThere(f"there is no journal at {path}")


def _say_if_not_private(path: str) -> None:
    from cuebook.persistence.journal.new_journal import say_if_copy_is_not_private
    from cuebook.persistence.trust.option import trust_of

    say_if_copy_is_not_private(path, trust_of(None))
