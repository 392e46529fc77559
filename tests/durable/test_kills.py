"""SIGKILL: what was answered is there afterwards, whatever moment it came in, and what was owed is done once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.api.runtime import Runtime
from cuebook.persistence.upkeep.verification import verify
from tests.durable.bank import Account, Balance, Saver
from tests.durable.scenes import played

REMINDED = 10**9
ASKERS = 8
LIVES = (3, 40, 150)
PROGRAM = f"""
import asyncio, sys
from cuebook.api.runtime import Runtime
from tests.durable.bank import *

async def main():
    async with Runtime(sys.argv[1]) as runtime:
        cls = Saver if sys.argv[2] == "saver" else Account
        account = await runtime.spawn(cls, "a-1")
        await account.ask(Remind("k", 0.001, {REMINDED}))

        async def deposit():
            while True:
                await account.ask(Deposit(1))
                print("one more", flush=True)
                await account.tell(Transfer("b-1", 1))

        await asyncio.gather(*(deposit() for _ in range({ASKERS})))

asyncio.run(main())
"""


def killed_after(lines: int, path: Path, which: str) -> int:
    """Run the program until it has said so much, kill it, and give how many deposits it was told of."""
    command = [sys.executable, "-c", PROGRAM, str(path), which]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        heard = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        heard += process.stdout.read().splitlines(keepends=True)
    assert verify(path).ok
    return heard.count("one more\n")


@pytest.mark.parametrize("which", ["account", "saver"])
def test_what_was_answered_before_a_sigkill_is_there_and_what_was_sent_arrives_once(tmp_path: Path, which: str) -> None:
    path = tmp_path / "actors.cue"
    told = sum(killed_after(lines, path, which) for lines in LIVES)
    cls = Saver if which == "saver" else Account

    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(cls, "a-1")
        other = runtime.entity(cls, "b-1")
        while True:  # until the last transfer has arrived
            balances = [await account.ask(Balance()), await other.ask(Balance())]
            owed = [ref for ref in (account, other) if ref.statistics().depth]
            if sum(balances) % REMINDED >= told and not owed:
                break
            await asyncio.sleep(0.01)
        assert told <= sum(balances) % REMINDED <= told + ASKERS * len(LIVES)
        assert sum(balances) // REMINDED <= len(LIVES)

    played(path, later)
