"""Makes the golden journals of this folder; run once a format version, never to make a failing test pass."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from cuebook.api.runtime import Runtime
from tests.durable.bank import Balance, Deposit, Remind, Saver, Transfer
from tests.durable.scenes import played
from tests.support.journals import arguments, closed, completed, opened, write

FOLDER = Path(__file__).parent


def main() -> None:
    for make in (runs, streams, future):
        make()
    for lock in FOLDER.glob("*.lock"):
        lock.unlink()


def runs() -> None:
    path = FOLDER / "format1.journal"
    path.unlink(missing_ok=True)
    records = write(path, [opened(), arguments(0, 2)], [completed(0, b"\x01"), completed(1, b"\x02"), closed()])
    (FOLDER / "format1.hash").write_text(records[-1].hash.hex() + "\n")


def streams() -> None:
    """A durable actor with a snapshot, events after it, a reminder, and a delivery that it sent and one that it had."""
    path = FOLDER / "format1-streams.journal"
    path.unlink(missing_ok=True)

    async def first(runtime: Runtime) -> None:
        account = await runtime.spawn(Saver, "golden")
        for _ in range(12):
            await account.ask(Deposit(5))
        await account.ask(Remind("later", 1e9, 7))
        await account.ask(Transfer("golden", 3))
        while await account.ask(Balance()) != 60:
            await asyncio.sleep(0.01)

    played(path, first)


def future() -> None:
    path = FOLDER / "future.journal"
    path.unlink(missing_ok=True)
    write(path, [opened()])
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA user_version = 2")
    connection.execute("CREATE TABLE leaves (a)")
    connection.close()


if __name__ == "__main__":
    main()
