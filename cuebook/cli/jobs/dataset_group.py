"""`cuebook dataset`: what stages have kept: list, show, delete, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cuebook.cli.command import NotThere
from cuebook.cli.jobs.place import found_workplace, json_option

if TYPE_CHECKING:
    from cuebook.stages.datasets import Dataset

__all__ = ["chosen_dataset", "dataset", "dataset_object"]

_version_option = click.option("--version", type=click.IntRange(min=1), metavar="N", help="This version.")


@click.group(short_help="Data sets: list, show, delete, export.")
def dataset() -> None:
    """Look into the data sets of this folder's .cuebook/: the values that stages have kept."""


@dataset.command(name="list", short_help="All of them, a line each.")
@click.option("--all", "shows_all", is_flag=True, help="Every version; without it the newest of each.")
@json_option
def list_datasets(*, shows_all: bool, as_json: bool) -> None:
    """List the data sets: version, rows, size, when and by which job they were made."""
    from cuebook.cli.output import SCHEMA, emit_json, local_time, table
    from cuebook.stages.datasets import DatasetShelf

    shelf = DatasetShelf(found_workplace())
    found = [each for name in shelf.names() for each in (shelf.of(name) if shows_all else shelf.of(name)[-1:])]
    if as_json:
        emit_json({"schema": SCHEMA, "datasets": [dataset_object(each) for each in found]})
    elif found:
        rows = [
            [
                each.name,
                str(each.version),
                _rows(each),
                f"{each.size:,}",
                each.format,
                local_time(each.created),
                each.job,
            ]
            for each in found
        ]
        table(["data set", "version", "rows", "bytes", "format", "made", "job"], rows)
    else:
        click.echo("no data set yet")


@dataset.command(name="show", short_help="One of them, with its lineage.")
@click.argument("name")
@_version_option
@json_option
def show_dataset(name: str, version: int | None, *, as_json: bool) -> None:
    """Show a version of the data set NAME: without --version the newest."""
    from cuebook.cli.output import SCHEMA, emit_json, printable

    found = dataset_object(chosen_dataset(name, version))
    if as_json:
        emit_json({"schema": SCHEMA, **found})
        return
    for key, value in found.items():
        click.echo(printable(f"{key:<9} {', '.join(value) if isinstance(value, list) else value}"))


@dataset.command(name="delete", short_help="Delete one: all versions, or one.")
@click.argument("name")
@_version_option
def remove_dataset(name: str, version: int | None) -> None:
    """Delete the data set NAME; `cuebook gc` frees the space. Its stage is done again when it is needed."""
    from cuebook.stages.datasets import DatasetShelf

    versions = DatasetShelf(found_workplace()).versions
    found = [each.version for each in versions.of(name) if version in (None, each.version)]
    if not found:
        raise NotThere(f"there is no such data set {name}; cuebook dataset list shows those that there are")
    for each in found:
        versions.delete(name, each)
    count = len(found)
    click.echo(f"deleted {count} {'version' if count == 1 else 'versions'} of {name}")


@dataset.command(name="export", short_help="Write one to a file: Parquet, or JSON.")
@click.argument("name")
@click.argument("target", type=click.Path(path_type=Path))
@_version_option
def export_dataset(name: str, target: Path, version: int | None) -> None:
    """Write the data set NAME to the file TARGET: a frame as it is kept, as Parquet; any other value as JSON."""
    import json

    from cuebook.stages.stored_value import version_of
    from cuebook.stages.value_forms import CODEC

    found = chosen_dataset(name, version)
    if found.format != CODEC:
        target.write_bytes(found.workplace.files.read(version_of(found.kept.head)))
    else:
        try:
            text = json.dumps(found.read(), ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise click.ClickException(
                f"{name} has no form in JSON ({error}): read it with cuebook.read_dataset()"
            ) from error
        target.write_text(text, "utf-8")
    click.echo(f"wrote {target}")


def chosen_dataset(name: str, version: int | None) -> Dataset:
    """A version of a data set, or the newest.

    Raises:
        NotThere: there is none.
    """
    from cuebook.stages.datasets import DatasetShelf

    found = [each for each in DatasetShelf(found_workplace()).of(name) if version in (None, each.version)]
    if not found:
        which = f"version {version} of data set {name}" if version else f"data set {name}"
        raise NotThere(f"there is no {which}; cuebook dataset list shows those that there are")
    return found[-1]


def dataset_object(each: Dataset) -> dict[str, Any]:
    """A version of a data set, for programs."""
    from cuebook.cli.output import iso_time

    return {
        "name": each.name,
        "version": each.version,
        "rows": each.rows,
        "size": each.size,
        "format": each.format,
        "created": iso_time(each.created),
        "job": each.job,
        "lineage": each.lineage,
        "upstream": list(each.upstream),
    }


def _rows(each: Dataset) -> str:
    return "-" if each.rows is None else f"{each.rows:,}"
