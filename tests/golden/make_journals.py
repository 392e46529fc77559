"""Makes the golden journals of this folder; run once a format version, never to make a failing test pass."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.support.journals import arguments, closed, completed, opened, write

FOLDER = Path(__file__).parent


def main() -> None:
    path = FOLDER / "format1.journal"
    path.unlink(missing_ok=True)
    records = write(path, [opened(), arguments(0, 2)], [completed(0, b"\x01"), completed(1, b"\x02"), closed()])
    (FOLDER / "format1.hash").write_text(records[-1].hash.hex() + "\n")
    future = FOLDER / "future.journal"
    future.unlink(missing_ok=True)
    write(future, [opened()])
    connection = sqlite3.connect(future, isolation_level=None)
    connection.execute("PRAGMA user_version = 2")
    connection.execute("CREATE TABLE leaves (a)")
    connection.close()
    for lock in FOLDER.glob("*.lock"):
        lock.unlink()


if __name__ == "__main__":
    main()
