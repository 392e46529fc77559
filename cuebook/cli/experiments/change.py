"""What `cuebook exp apply`, `branch`, `remove`, `gc`, `export` and `logs` do."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import Any

import click

from cuebook.cli.command import NotThere
from cuebook.cli.experiments.show import lines_here
from cuebook.errors import ExperimentError
from cuebook.experiments import changing
from cuebook.experiments.changing import KNOWN_FOLDERS, Keeping
from cuebook.experiments.git_branch import make_git_branch
from cuebook.experiments.lines import Lines
from cuebook.experiments.running import say_aside
from cuebook.experiments.settling import is_running
from cuebook.stages.collecting import needed_by_datasets

__all__ = ["apply_here", "collect_files", "export_to", "make_branch", "remove_all", "show_log"]

_LOOK_S = 0.1
_TIME_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def apply_here(ref: str, *, forces: bool) -> None:
    """Give the current folder the outputs of a checkpoint."""
    lines = lines_here()
    found = lines.resolve(ref)
    say_aside(changing.apply(lines, Path.cwd(), found, forces=forces))
    click.echo(f"the workspace has the outputs of {found}: `cuebook exp run` goes on from there")


def make_branch(ref: str, name: str) -> None:
    """A Git branch of a checkpoint."""
    lines = lines_here()
    commit = make_git_branch(lines, Path.cwd(), lines.resolve(ref), name)
    click.echo(f"branch {name} is at {commit[:7]}")


def remove_all(names: tuple[str, ...]) -> None:
    """Take experiments away."""
    lines = lines_here()
    if missing := [name for name in names if name not in lines.names()]:
        raise NotThere(f"there is no experiment {', '.join(missing)}")
    for name in names:
        changing.remove(lines, name)
        click.echo(f"removed {name}")


def collect_files(options: dict[str, Any]) -> None:
    """Drop what is not to be kept."""
    lines = lines_here()
    if others := sorted({path.name for path in lines.workplace.folder.iterdir()} - KNOWN_FOLDERS):
        raise ExperimentError(
            f"files in {lines.workplace.folder} may be needed by {', '.join(others)}: nothing was dropped"
        )
    keeping = Keeping(
        options["last"],
        options["best"],
        _amount(options["newer"], _TIME_UNITS, "--newer", "30d"),
        _whole(_amount(options["size"], _SIZE_UNITS, "--size", "20GB")),
    )
    done = asyncio.run(changing.collect(lines, keeping, needed_by_datasets(lines.workplace)))
    click.echo(f"dropped {done.checkpoints:,} checkpoints; {done.blobs:,} files of {done.size_bytes:,} bytes are gone")


def _amount(text: str | None, units: dict[str, Any], option: str, example: str) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    unit = found.group(2) if found else ""
    known = next((factor for name, factor in units.items() if name.lower() == unit.lower()), None)
    if found is None or known is None:
        raise click.UsageError(f"{option} {text}: a number and a unit are expected, as in {example}")
    return float(found.group(1)) * float(known)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def export_to(ref: str, folder: str) -> None:
    """The outputs of a checkpoint, in a folder."""
    lines = lines_here()
    manifest = changing.export(lines, lines.resolve(ref), Path(folder))
    click.echo(f"wrote {len(manifest.files):,} files, {manifest.size_bytes:,} bytes, to {folder}")


def show_log(ref: str, *, follows: bool) -> None:
    """What the programs of an experiment have written."""
    lines = lines_here()
    name = ref if ref in lines.names() else lines.resolve(ref).name
    position = 0
    while True:
        is_last = not follows or not is_running(lines, name)
        position = _copy_log(lines, name, position)
        if is_last:
            return
        time.sleep(_LOOK_S)


def _copy_log(lines: Lines, name: str, position: int) -> int:
    path = lines.log_of(name)
    if not path.is_file():
        return 0
    if path.stat().st_size < position:  # its first half is gone
        position = 0
    with path.open("rb") as log:
        log.seek(position)
        while data := log.read(1 << 16):
            sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return log.tell()
