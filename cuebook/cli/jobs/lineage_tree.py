"""`cuebook lineage`: what a data set was made from, as a tree of text or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cuebook.cli.jobs.dataset_group import chosen_dataset
from cuebook.cli.jobs.place import found_workplace, json_option
from cuebook.pages.escaping import escaped

if TYPE_CHECKING:
    from cuebook.stages.datasets import Dataset

__all__ = ["lineage"]

_WIDTH, _HEIGHT, _GAP = 220, 44, 24


@click.command(short_help="What a data set was made from.")
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), metavar="N", help="This version; without it the newest.")
@click.option("--svg", "picture", type=click.Path(path_type=Path), metavar="FILE", help="Draw it into this file.")
@json_option
def lineage(name: str, version: int | None, picture: Path | None, *, as_json: bool) -> None:
    """Show what the data set NAME was made from: stages, their data sets, and files, down to the first."""
    from cuebook.cli.output import SCHEMA, emit_json, printable

    tree = _tree(chosen_dataset(name, version), _by_hash(), frozenset())
    if picture is not None:
        picture.write_text(_drawn(tree), "utf-8")
        click.echo(f"wrote {picture}")
    elif as_json:
        emit_json({"schema": SCHEMA, **tree})
    else:
        for line in _lines(tree, ""):
            click.echo(printable(line))


def _by_hash() -> dict[str, Dataset]:
    from cuebook.stages.datasets import DatasetShelf

    shelf = DatasetShelf(found_workplace())
    return {each.lineage: each for name in shelf.names() for each in shelf.of(name)}


def _tree(found: Dataset, by_hash: dict[str, Dataset], above: frozenset[str]) -> dict[str, Any]:
    inner = [by_hash[each] for each in found.upstream if each in by_hash and each not in above]
    return {
        "name": found.name,
        "version": found.version,
        "lineage": found.lineage,
        "files": [read.name for read in found.kept.head.reads if read.form == "file"],
        "from": [_tree(each, by_hash, above | {found.lineage}) for each in inner],
    }


def _lines(tree: dict[str, Any], indent: str) -> list[str]:
    lines = [f"{indent}{tree['name']} v{tree['version']}  {tree['lineage'][:12]}"]
    lines += [f"{indent}    file {name}" for name in tree["files"]]
    for each in tree["from"]:
        lines += _lines(each, f"{indent}    ")
    return lines


def _drawn(tree: dict[str, Any]) -> str:
    """The tree as a picture: what it was made from stands to the right of each."""
    boxes: list[str] = []
    rows = _place(tree, 0, 0, boxes)
    depth = _depth(tree)
    width, height = depth * (_WIDTH + _GAP * 2), rows * (_HEIGHT + _GAP)
    style = "<style>rect{fill:#f5f5f5;stroke:#444}text{font:13px sans-serif}path{fill:none;stroke:#888}</style>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="-4 -4 {width} {height}">{style}{"".join(boxes)}</svg>\n'
    )


def _depth(tree: dict[str, Any]) -> int:
    return 1 + max((_depth(each) for each in tree["from"]), default=1 if tree["files"] else 0)


def _place(tree: dict[str, Any], column: int, row: int, boxes: list[str]) -> int:
    """Draw a tree from a row on; gives how many rows it takes."""
    boxes.append(_box(f"{tree['name']} v{tree['version']}", column, row))
    taken = 0
    for each in tree["from"]:
        boxes.append(_edge(column, row, row + taken))
        taken += _place(each, column + 1, row + taken, boxes)
    for name in tree["files"]:
        boxes.append(_edge(column, row, row + taken))
        boxes.append(_box(Path(name).name, column + 1, row + taken))
        taken += 1
    return max(1, taken)


def _box(text: str, column: int, row: int) -> str:
    x, y = column * (_WIDTH + _GAP * 2), row * (_HEIGHT + _GAP)
    shown = escaped(text if len(text) <= 28 else f"{text[:27]}…")
    return (
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="5"/>'
        f'<text x="{x + 10}" y="{y + 27}">{shown}<title>{escaped(text)}</title></text>'
    )


def _edge(column: int, row: int, to: int) -> str:
    x = column * (_WIDTH + _GAP * 2) + _WIDTH
    y, end = row * (_HEIGHT + _GAP) + _HEIGHT // 2, to * (_HEIGHT + _GAP) + _HEIGHT // 2
    return f'<path d="M{x} {y} L{x + _GAP * 2} {end}"/>'
