"""SIGKILL while others follow: what is made of events has each of them once, in a database and in a durable actor."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

from cuebook.api.runtime import Runtime
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.verification import verify
from tests.durable.scenes import played
from tests.durable.test_followers import Ledger, heard_by
from tests.durable.test_read_side import Till

LIVES = (2, 60, 11)
PROGRAM = """
import asyncio, sqlite3, sys
from cuebook.api.runtime import Runtime
from tests.durable.test_followers import Ledger
from tests.durable.test_read_side import Add, Till


async def project(runtime, table):
    row = table.execute("SELECT offset FROM place").fetchone()
    async for e in runtime.subscribe(of=Till, after=row and row[0]):
        with table:  # one transaction: what is made of the event, and how far it is read
            table.execute("INSERT INTO amounts VALUES (?)", (e.event.amount,))
            table.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", (e.offset,))
        print("read", flush=True)


async def main():
    table = sqlite3.connect(sys.argv[2])
    table.execute("CREATE TABLE IF NOT EXISTS amounts (amount)")
    table.execute("CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY, offset)")
    async with Runtime(sys.argv[1]) as runtime:
        runtime.entity(Ledger, "main").tell_nowait(Add([]))  # which it does not handle, and which wakes it

        async def pay(id):
            till = runtime.entity(Till, id)
            while True:
                await till.ask(Add([1, 2, 3]))

        await asyncio.gather(project(runtime, table), *(pay(id) for id in "abc"))

asyncio.run(main())
"""


def live(lines: int, path: Path, table: Path) -> None:
    """Run the program until it has read so many events, and kill it."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM, path, table], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(lines)] == ["read\n"] * lines
        process.kill()
    assert verify(path).ok


def test_what_follows_events_has_each_of_them_once_whenever_the_program_is_killed(tmp_path: Path) -> None:
    path, table = tmp_path / "tills.cue", tmp_path / "table.db"
    for place, lines in enumerate(LIVES):
        live(lines, path, table)
        if place == 0:
            compact(path)

    async def at_last(runtime: Runtime) -> None:
        events = [each.event.amount async for each in runtime.subscribe(of=Till, follow=False)]
        with contextlib.closing(sqlite3.connect(table)) as connection:
            (offset,) = connection.execute("SELECT offset FROM place").fetchone()
            projected = [amount for (amount,) in connection.execute("SELECT amount FROM amounts ORDER BY rowid")]
        rest = [each.event.amount async for each in runtime.subscribe(of=Till, after=offset, follow=False)]
        assert len(events) >= sum(LIVES)
        assert projected + rest == events
        assert await heard_by(runtime, Ledger, len(events)) == events

    played(path, at_last)
