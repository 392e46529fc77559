"""The end of an attempt: the workspace gets the outputs of the last checkpoint, what was written after it goes aside.

Also of one whose runner is gone: by its guardian, or by whoever comes next. Knows no trigger.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from cuebook.errors import ExperimentError, JournalBusy
from cuebook.experiments.heads import WorkspaceHead
from cuebook.experiments.lines import Lines, Ref
from cuebook.experiments.process.orphans import end_all
from cuebook.experiments.writer import LineWriter
from cuebook.persistence.journal.reader import open_reader
from cuebook.workplace.manifest import Manifest
from cuebook.workplace.restore import Restored, restore

__all__ = ["SettledRun", "bring_back", "is_running", "note_runner", "runner_of", "settle_lost"]


@dataclass(frozen=True, slots=True)
class SettledRun:
    """What was done for an attempt whose runner was gone.

    Attributes:
        ref: the checkpoint that the workspace has now. aside: the folder of what was written after it, or "".
    """

    ref: Ref
    aside: str


def note_runner(lines: Lines, name: str, socket: str) -> None:
    """Note how the processes of an experiment are found, should its runner be gone."""
    (lines.folder / name / "runner.json").write_text(json.dumps({"socket": socket}))


def bring_back(lines: Lines, root: Path, manifest: Manifest, name: str, *, current: Ref | None = None) -> Restored:
    """Give the workspace these outputs; what is otherwise goes into a new folder in `.cuebook/aside`.

    Args:
        current: the checkpoint that the workspace was given last: what is still as it was then is kept already.
    """
    moment = time.strftime("%Y%m%d-%H%M%S")
    above = lines.workplace.folder / "aside"
    count, aside = 1, above / f"{name}-{moment}"
    while aside.exists():
        count += 1
        aside = above / f"{name}-{moment}-{count}"
    return restore(manifest, root, lines.workplace.files, aside=aside, kept=_kept(lines, current))


def _kept(lines: Lines, current: Ref | None) -> Manifest | None:
    try:
        return None if current is None or current.name not in lines.names() else lines.manifest_of(current)
    except ExperimentError:  # its files were dropped, or it has none
        return None


def settle_lost(lines: Lines, head: WorkspaceHead, root: Path, *, patience_s: float = 0.0) -> SettledRun | None:
    """End the attempt of a workspace whose runner is gone; None where there is none. The workspace's lock is ours.

    Args:
        patience_s: how long its program may take to see that by itself.

    Raises:
        JournalError, WorkplaceError: it could not be done; the next one tries again.
    """
    ref = head.read()
    line = None if ref is None else lines.load(ref.name)
    if ref is None or line is None or line.attempt is None or line.ended is not None:
        return None
    end_all(_socket_of(lines, ref.name), patience_s=patience_s)
    return asyncio.run(_settled(lines, head, root, ref))


async def _settled(lines: Lines, head: WorkspaceHead, root: Path, ref: Ref) -> SettledRun | None:
    writer = await LineWriter.open(lines, ref.name)
    try:
        last = writer.line.last
        if last is None or writer.line.ended is not None:
            return None
        found = Ref(ref.name, last.number)
        done = bring_back(lines, root, lines.manifest_of(found), ref.name)
        aside = "" if done.folder is None else str(done.folder)
        await writer.end("lost", 0, aside)
        head.write(found)
        return SettledRun(found, aside)
    finally:
        await writer.close()


def _socket_of(lines: Lines, name: str) -> str:
    try:
        return str(json.loads((lines.folder / name / "runner.json").read_text())["socket"])
    except (OSError, ValueError, KeyError):
        return ""


def runner_of(lines: Lines, name: str) -> int | None:
    """The process that writes an experiment's journal just now, on this host; None where nobody does.

    Raises:
        ExperimentError: it is on another host.
    """
    with open_reader(lines.journal_of(name)) as reader:
        holder = reader.holder()
    if holder is None:
        return None
    if holder.host != socket.gethostname():
        raise ExperimentError(f"{name} runs on {holder.host}: end it there")
    return holder.pid


def is_running(lines: Lines, name: str) -> bool:
    """Whether somebody writes an experiment's journal just now."""
    try:
        with open_reader(lines.journal_of(name)) as reader:
            return reader.holder() is not None
    except JournalBusy:
        return True
