"""A promise that is fulfilled with events has its value as surely as they are on disk."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook import Runtime

PROGRAM = """
import asyncio, os, sys
from dataclasses import dataclass
from cuebook import Message, PersistentActor, Runtime, message, persist
@message
class Pay(Message[int]):
    amount: int
@dataclass(frozen=True)
class Paid:
    amount: int
class Till(PersistentActor[int, Pay]):
    dies = False
    promises = None
    def initial_state(self):
        return 0
    def apply_paid(self, state, event: Paid):
        return state + event.amount
    def on_pay(self, m: Pay):
        paid = persist(Paid(m.amount)).fulfil(Till.promises("paid"), {"amount": {m.amount}}).reply(self.state)
        return paid.fulfil(Till.promises("paid"), {"amount": {0}}) if not Till.dies else paid
async def main(path, what):
    Till.dies = what == "die"
    async with Runtime(path) as runtime:
        Till.promises = runtime.promise
        if what == "die":
            from cuebook.durable.keeper import Keeper
            Keeper._stored = lambda self, batch: os._exit(9)  # on disk, and nothing has been sent
            await runtime.entity(Till, "till").ask(Pay(5))
        if what == "pay":
            await runtime.entity(Till, "till").ask(Pay(5))
        if what == "wake":
            await runtime.host(Till)
        print(await runtime.promise("paid"))
asyncio.run(main(*sys.argv[1:]))
"""


def run(path: Path, what: str) -> tuple[int, str]:
    command = [sys.executable, "-c", PROGRAM, str(path), what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 9), done.stderr
    return done.returncode, done.stdout.strip()


def test_a_promise_is_set_together_with_the_events_and_the_first_value_counts(tmp_path: Path) -> None:
    path = tmp_path / "till.cue"
    assert run(path, "pay") == (0, "{'amount': {5}}")

    async def later() -> None:
        async with Runtime(path) as runtime:
            promise = runtime.promise("paid", dict)
            assert await promise == {"amount": {5}}
            assert not await promise.set({})

    asyncio.run(later())


def test_a_program_that_is_killed_right_after_the_commit_sets_it_in_its_next_run(tmp_path: Path) -> None:
    path = tmp_path / "till.cue"
    assert run(path, "die") == (9, "")
    assert run(path, "wake") == (0, "{'amount': {5}}")


def test_a_value_that_cannot_be_kept_is_refused_when_the_effect_is_made(tmp_path: Path) -> None:
    import threading

    from cuebook import ValueNotKept, persist

    async def scene() -> None:
        async with Runtime(tmp_path / "till.cue") as runtime:
            with pytest.raises(ValueNotKept, match="lock"):
                persist().fulfil(runtime.promise("p"), threading.Lock())

    asyncio.run(scene())
