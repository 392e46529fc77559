"""`cuebook gc`: old versions of data sets, and files that nothing refers to, are dropped."""

from __future__ import annotations

import re

import click

from cuebook.cli.jobs.place import found_workplace, json_option

__all__ = ["gc"]

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_TIMES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def _amount(text: str, units: dict[str, int], what: str) -> float:
    found = re.fullmatch(r"([0-9.]+)\s*([a-z]?)b?", text.strip().lower())
    if found is None or found[2] not in units:
        raise click.BadParameter(f"{text!r} is no {what}")
    return float(found[1]) * units[found[2]]


@click.command(short_help="Drop old versions of data sets, and files that nothing refers to.")
@click.option("--keep-last", type=click.IntRange(min=1), metavar="N", help="Keep the newest N versions of each.")
@click.option("--older-than", metavar="AGE", help="Drop versions older than this, such as 30d or 12h.")
@click.option("--max-size", metavar="SIZE", help="Drop the oldest versions beyond this, such as 20GB.")
@click.option("--dry-run", is_flag=True, help="Say what would be dropped; drop nothing.")
@json_option
def gc(keep_last: int | None, older_than: str | None, max_size: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Drop versions of data sets as the options say, never the newest, then files that nothing refers to.

    Without an option only files are dropped. It is safe beside running jobs; a job that was killed holds nothing.
    """
    from cuebook.cli.output import SCHEMA, emit_json, printable
    from cuebook.experiments.changing import needed_by_experiments
    from cuebook.experiments.lines import Lines
    from cuebook.stages.collecting import DatasetRules, collect_datasets

    age = None if older_than is None else _amount(older_than, _TIMES, "age")
    size = None if max_size is None else int(_amount(max_size, _UNITS, "size"))
    workplace = found_workplace()
    rules = DatasetRules(keep_last, age, size)
    done = collect_datasets(workplace, rules, needed_too=needed_by_experiments(Lines(workplace)), is_rehearsal=dry_run)
    if as_json:
        dropped = [{"name": name, "version": version} for name, version in done.versions]
        emit_json({"schema": SCHEMA, "dropped": dropped, "files": done.files, "bytes": done.size})
        return
    for name, version in done.versions:
        click.echo(printable(f"{'would drop' if dry_run else 'dropped'} {name} version {version}"))
    if not dry_run:
        click.echo(f"freed {done.size:,} bytes in {done.files:,} files")
