"""What tests of journals' files have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.trust.verdicts import BLOBS
from cuebook.persistence.upkeep.backup import backup
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.salvage import recover
from cuebook.persistence.upkeep.verification import verify
from tests.support.journals import run
from tests.support.two_users import ATTACKER


def foreign(place: Path) -> None:
    place.mkdir() if place.name.endswith(BLOBS) else place.touch()
    os.chown(place, ATTACKER, ATTACKER)


COMMANDS: dict[str, Callable[[Path], object]] = {
    "open": lambda path: run(JournalWriter.open(path)),
    "read": lambda path: open_reader(path),
    "backup": lambda path: backup(path, path.with_name("new.cue")),
    "recover": lambda path: recover(path, path.with_name("new.cue")),
    "verify": lambda path: verify(path),
    "compact": lambda path: compact(path),
}
