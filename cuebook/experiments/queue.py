"""The queue: a folder of files, one for each run that waits, is taken, or is over. Knows no process.

Whoever renames a file from one folder to the next has taken the step; nobody else can.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from cuebook.errors import ExperimentError
from cuebook.experiments.lines import Lines, checked_experiment_name
from cuebook.workplace.locking import HeldLock
from cuebook.workplace.manifest import Manifest

__all__ = ["Place", "QueueEntry", "RunQueue"]


class Place(StrEnum):
    """Where an entry is."""

    WAITING = "waiting"
    TAKEN = "taken"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A run that was queued.

    Attributes:
        name: of its experiment. root: the workspace that it was queued in.
        command, outs, metrics, deps, overrides, message: as on the command line.
        files: digest (hex) and length of the blob that lists the workspace's files.
        start: the checkpoint that it begins from; "" for none.
        created: seconds since the epoch. goes_on: whether it was begun before. outcome: once it is over.
    """

    name: str
    root: str
    command: tuple[str, ...]
    files: tuple[str, int]
    outs: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    deps: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    message: str = ""
    start: str = ""
    created: float = field(default_factory=time.time)
    goes_on: bool = False
    outcome: str = ""

    @property
    def options(self) -> dict[str, Any]:
        """As the command line gives them."""
        return {"outs": self.outs, "metrics": self.metrics, "deps": self.deps}

    def manifest(self, lines: Lines) -> Manifest:
        """The files of its workspace."""
        digest, length = self.files
        return Manifest.decode(lines.workplace.files.blobs.read(bytes.fromhex(digest), length))


class RunQueue:
    """The queue of a `.cuebook/`."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._folder = lines.workplace.folder / "queue"

    def add(self, entry: QueueEntry, name: str | None = None) -> QueueEntry:
        """Queue a run; gives it with its name, which nobody else has.

        Raises:
            ExperimentError: the name is taken.
        """
        (self._folder / Place.WAITING).mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            chosen = checked_experiment_name(name or f"exp-{secrets.token_hex(3)}")
            named = replace(entry, name=chosen)
            is_free = chosen not in self._lines.names() and self.find(chosen) is None
            if is_free and self._write_new(named):
                return named
            if name is not None:
                raise ExperimentError(f"there is an experiment {name} already: give another name")

    def entries(self, place: Place) -> Iterator[QueueEntry]:
        """Those in one place, oldest first."""
        found = []
        try:
            paths = list((self._folder / place).glob("*.json"))
        except FileNotFoundError:
            paths = []
        for path in paths:
            entry = _read(path)
            if entry is not None:
                found.append(entry)
        yield from sorted(found, key=lambda entry: (entry.created, entry.name))

    def find(self, name: str) -> tuple[Place, QueueEntry] | None:
        """Where an entry is; None where there is none of this name."""
        for place in Place:
            entry = _read(self._path(place, name))
            if entry is not None:
                return place, entry
        return None

    def take(self) -> QueueEntry | None:
        """The oldest that waits, which is nobody else's then; None where none waits."""
        for entry in self.entries(Place.WAITING):
            if self._move(entry, Place.WAITING, Place.TAKEN):
                return entry
        return None

    def end(self, entry: QueueEntry, outcome: str) -> None:
        """One that was taken is over."""
        self._move(replace(entry, outcome=outcome), Place.TAKEN, Place.OVER)

    def retry(self, entry: QueueEntry, place: Place) -> None:
        """One that is over, or that was taken by somebody who is gone, waits again; it goes on where it was."""
        self._move(replace(entry, outcome="", goes_on=True), place, Place.WAITING)

    def remove(self, name: str) -> bool:
        """Take one away that waits or is over; gives whether there was one."""
        found = [place for place in (Place.WAITING, Place.OVER) if self._path(place, name).exists()]
        for place in found:
            self._path(place, name).unlink(missing_ok=True)
        return bool(found)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """While this lasts, others see that a run that was taken is in somebody's hands."""
        lock = HeldLock(self._folder / f"{name}.lock")
        lock.take(name, waits=True)
        try:
            yield
        finally:
            lock.release()

    def is_held(self, name: str) -> bool:
        """Whether it is in somebody's hands."""
        lock = HeldLock(self._folder / f"{name}.lock")
        if lock.take(name) is not None:
            return True
        lock.release()
        return False

    def _path(self, place: Place, name: str) -> Path:
        return self._folder / place / f"{name}.json"

    def _write_new(self, entry: QueueEntry) -> bool:
        part = self._folder / f".{entry.name}.{os.getpid()}.part"
        part.write_text(json.dumps(asdict(entry)))
        try:
            os.link(part, self._path(Place.WAITING, entry.name))  # whole, and only where there is none
        except FileExistsError:
            return False
        finally:
            part.unlink()
        return True

    def _move(self, entry: QueueEntry, old: Place, new: Place) -> bool:
        (self._folder / new).mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._path(new, entry.name)
        try:
            self._path(old, entry.name).rename(target)
        except FileNotFoundError:
            return False
        part = self._folder / f".{entry.name}.{os.getpid()}.part"
        part.write_text(json.dumps(asdict(entry)))
        part.replace(target)
        return True


def _read(path: Path) -> QueueEntry | None:
    try:
        values: dict[str, Any] = json.loads(path.read_text())
        known: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return QueueEntry(**known)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ExperimentError(f"{path} is damaged: delete it ({error})") from error
