"""SIGKILL: what was answered is there afterwards, whatever moment it came in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.chunks.runtime import Runtime
from cuebook.persistence.salvage import verify
from tests.durable.bank import Account, Balance, Deposit, Saver
from tests.durable.scenes import played

PROGRAM = """
import asyncio, sys
from cuebook.chunks.runtime import Runtime
from tests.durable.bank import *

async def main():
    async with Runtime(sys.argv[1]) as runtime:
        cls = Saver if sys.argv[2] == "saver" else Account
        account = await runtime.spawn(cls, "a-1")
        other = runtime.entity(Account, "b-1")
        print("ready", await account.ask(Remind("k", 0.001, 1000)), flush=True)

        async def deposit():
            while True:
                print(await account.ask(Deposit(1)), flush=True)
                await account.tell(Transfer("b-1", 1))

        await asyncio.gather(*(deposit() for _ in range(8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("which", ["account", "saver"])
def test_what_was_answered_before_a_sigkill_is_there_after_it(tmp_path: Path, which: str) -> None:
    path = tmp_path / "actors.cue"
    for lines in (3, 40, 150):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(path), which], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        heard = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        heard += process.stdout.read().splitlines(keepends=True)
        process.wait()
        process.stdout.close()
        assert verify(path).ok

    cls = Saver if which == "saver" else Account
    told = [int(line) for line in heard[1:] if line.endswith("\n") and line.strip().isdigit()]

    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(cls, "a-1")
        other = runtime.entity(cls if which == "saver" else Account, "b-1")
        total = await account.ask(Balance()) + await other.ask(Balance())
        assert told
        # Every deposit was of 1, and each of the three reminders of 1000 was handled at most once.
        assert total % 1000 >= 1
        assert total // 1000 <= 3
        assert await account.ask(Deposit(1)) > 0

    played(path, later)
