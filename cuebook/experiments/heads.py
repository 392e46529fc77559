"""Where a workspace stands: the checkpoint that its outputs come from, and who is running in it. Knows no journal."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from pathlib import Path

from cuebook.errors import ExperimentError
from cuebook.experiments.lines import Ref
from cuebook.workplace.location import Workplace
from cuebook.workplace.locking import HeldLock

__all__ = ["WorkspaceHead"]


class WorkspaceHead:
    """What is known of one workspace in a `.cuebook/`.

    Args:
        workplace: the `.cuebook/`. root: the workspace.
    """

    def __init__(self, workplace: Workplace, root: Path) -> None:
        name = hashlib.sha256(os.fsencode(os.path.relpath(root, workplace.root))).hexdigest()[:16]
        folder = workplace.place("workspaces")
        self._path = folder / f"{name}.json"
        self.lock = HeldLock(folder / f"{name}.lock")

    def read(self) -> Ref | None:
        """The checkpoint that the outputs come from; None before the first one."""
        try:
            found = json.loads(self._path.read_bytes())
            return Ref(str(found["experiment"]), int(found["checkpoint"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ExperimentError(f"{self._path} is damaged; delete it, and apply a checkpoint") from error

    def write(self, ref: Ref | None) -> None:
        """Note it; whole or not at all."""
        if ref is None:
            self._path.unlink(missing_ok=True)
            return
        part = self._path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps({"experiment": ref.name, "checkpoint": ref.number}))
        part.replace(self._path)


def note_of_this_process(what: str) -> str:
    """What others are told of who has a workspace."""
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"{what} (process {os.getpid()} on {socket.gethostname()}, since {since})"
