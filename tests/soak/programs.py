"""The programs of the soak: each does a bit of everything with one folder, and notes in a ledger outside of it what it was told.

    python -m tests.soak.programs NAME FOLDER EPOCH SEED

A line of the ledger is `KIND KEY`: `b` a call begins, `d` its result was handed out, `asked` and `told` of actors.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cuebook
from cuebook import Message, PersistentActor, Runtime, SnapshotPolicy, message, persist
from cuebook.durable.effects import Effect
from cuebook.testing.leftovers import child_processes

CALLS, STEPS, ORDERS, TRAINED = 60, 12, 12, 12
REMINDED = 10**6


def note(line: str) -> None:
    """One line of the ledger, whole or not at all."""
    descriptor = os.open(os.environ["SOAK_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def expected(number: int) -> Any:
    """The value of a call, small or large."""
    if number % 37 == 0:
        return bytes([number % 251]) * 400_000
    return (number, number**20, "x" * (number % 7 * 300))


def worked(number: int, prefix: str) -> Any:
    note(f"b {prefix}{number}")
    if number % 17 == 0:
        raise ValueError(f"never {number}")
    call = cuebook.current_call()
    if number % 5 == 0 and call is not None and call.attempt == 1:
        raise OSError(f"not yet {number}")
    if number % 11 == 0:
        print("a line of", number)
    time.sleep(0.01)
    return expected(number)


def work(number: int) -> Any:
    return worked(number, "w")


async def work_async(number: int) -> Any:
    await asyncio.sleep(0)
    return worked(number, "a")


def work_long(number: int) -> Any:
    return worked(number, "l")


async def work_long_async(number: int) -> Any:
    return worked(number, "m")


def train(number: int) -> Any:
    step, total = cuebook.last_checkpoint((0, 0))[:2]
    while step < STEPS:
        step, total = step + 1, total + number * step
        cuebook.make_checkpoint((step, total, bytes(number % 5 * 100_000)), metrics={"step": step})
        time.sleep(0.01)
    return total


def numbers(epoch: int) -> range:
    """The calls of an epoch, some of which the one before has made."""
    return range(max(1, epoch * CALLS - CALLS // 3), (epoch + 1) * CALLS)


async def calls(folder: Path, epoch: int, chance: random.Random) -> None:
    where = chance.choice(("process", "process", "thread", "async"))
    func, prefix = (work_async, "a") if where == "async" else (work, "w")
    options: dict[str, Any] = {"where": where, "batch": chance.choice((1, 4, None)), "errors": "collect"}
    parameters = [[number] for number in numbers(epoch)]
    async with Runtime(folder / "calls.cue", workers=2, progress_bar=False) as runtime:
        given = iter(parameters) if chance.random() < 0.3 else parameters
        async for done in runtime.stream(func, given, retries=2, backoff=0.001, **options):
            number = parameters[done.index][0]
            if done.error is None:
                assert done.value == expected(number), number
                note(f"d {prefix}{number}")
            else:
                note(f"failed {prefix}{number} {done.error.error_type}")


async def checkpoints(folder: Path, epoch: int, chance: random.Random) -> None:
    where = chance.choice(("process", "thread"))
    parameters = [[number] for number in range(epoch * 4, epoch * 4 + 4)]
    async with Runtime(folder / "trained.cue", workers=2, progress_bar=False) as runtime:
        found = await runtime.chunk(train, parameters, where=where, batch=1, retries=2, backoff=0.001)
    assert found == [number * STEPS * (STEPS - 1) // 2 for (number,) in parameters], found


@message(tag=39_700)
class Deposit(Message[int]):
    amount: int


@message(tag=39_701)
class Remind(Message[str]):
    key: str


@message(tag=39_702)
class Transfer(Message[int]):
    to: str


@message(tag=39_703)
class Balance(Message[int]):
    pass


@dataclass(frozen=True)
class Moved:
    amount: int


class Account(PersistentActor[int]):
    snapshots = SnapshotPolicy(every=20, keep=2)

    def initial_state(self) -> int:
        return 0

    def on_deposit(self, command: Deposit) -> Effect:
        return persist(Moved(command.amount)).reply(lambda balance: balance)

    def on_remind(self, command: Remind) -> Effect:
        return Effect().remind(command.key, Deposit(REMINDED), after=0.01).reply("noted")

    def on_transfer(self, command: Transfer) -> Effect:
        return persist(Moved(-1)).deliver(type(self), command.to, Deposit(1)).reply(lambda balance: balance)

    def on_balance(self, command: Balance) -> int:
        return self.state

    def apply_moved(self, state: int, event: Moved) -> int:
        return state + event.amount


async def actors(folder: Path, epoch: int, chance: random.Random) -> None:
    async with Runtime(folder / "actors.cue", progress_bar=False) as runtime:
        ada = runtime.entity(Account, "ada")
        await runtime.host(Account)

        async def ask(kind: str, key: str, command: Any) -> None:
            note(f"asked {kind} {key}")
            await ada.ask(command, timeout=60)
            note(f"told {kind} {key}")

        promise = runtime.promise(f"promised {epoch}", int)
        await promise.set(epoch)
        assert await promise == epoch
        note(f"told promise {epoch}")
        life = chance.randrange(1 << 40)
        for number in range(chance.randint(5, 40)):
            await asyncio.gather(
                ask("deposit", f"{life}.{number}", Deposit(1)),
                ask("remind", f"{life}.{number}", Remind(f"{life}.{number}")),
                ada.ask(Transfer("bob"), timeout=60),
            )


async def audit(folder: Path, epoch: int, chance: random.Random) -> None:
    """Nothing more is done: what is owed arrives, and the sums are told."""
    async with Runtime(folder / "actors.cue", progress_bar=False) as runtime:
        accounts = [runtime.entity(Account, name) for name in ("ada", "bob")]
        await runtime.host(Account)
        wanted, end = int(os.environ["SOAK_REMINDERS"]), time.monotonic() + 30
        while True:
            sums = [await account.ask(Balance(), timeout=60) for account in accounts]
            if sum(sums) // REMINDED >= wanted and not any(account.statistics().depth for account in accounts):
                break
            assert time.monotonic() < end, (sums, wanted)
            await asyncio.sleep(0.02)
        for number in range(epoch):
            promise = runtime.promise(f"promised {number}", int)
            assert not await promise.is_set() or await promise == number
        print("sum", sum(sums))


@cuebook.step
def ordered(job: str, number: int) -> int:
    note(f"b {job}.{number}")
    time.sleep(0.01)
    return number * number


@cuebook.stage
def loaded(epoch: int) -> list[int]:
    note(f"b stage{epoch}")
    return list(range(epoch, epoch + 20))


def enriched(row: int) -> int:
    return row * 3


@cuebook.stage
def summed(rows: list[int]) -> int:
    return sum(cuebook.chunk(enriched, [[row] for row in rows], workers=2, where="thread", progress_bar=False))


async def jobs(folder: Path, epoch: int, chance: random.Random) -> None:
    await asyncio.to_thread(_job, epoch)


def _job(epoch: int) -> None:
    with cuebook.job(f"order-{epoch}"):
        for number in range(ORDERS):
            assert ordered(f"j{epoch}", number) == number * number
            note(f"d j{epoch}.{number}")
    with cuebook.job("pipeline"):
        rows = loaded(epoch)
        note(f"d stage{epoch}")
        assert summed(rows) == 3 * sum(range(epoch, epoch + 20))


def trained() -> None:
    """A program of an experiment: what it is given back is what it kept."""
    step, total = cuebook.last_checkpoint((0, 0))
    while step < TRAINED:
        step, total = step + 1, total + step * step
        Path("out.json").write_text(json.dumps([step, total]))
        cuebook.make_checkpoint((step, total), metrics={"total": total})
        time.sleep(0.02)


async def resident(folder: Path, epoch: int, chance: random.Random) -> None:
    """One program that lives long, and loses a worker now and then: it comes to hold no more than it did."""
    marks = []
    async with Runtime(folder / "resident.cue", workers=2, progress_bar=False) as runtime:
        for cycle in range(int(os.environ.get("SOAK_CYCLES", "24"))):
            for where in ("process", "thread", "async"):
                func = work_long_async if where == "async" else work_long
                given = [[number] for number in range(cycle * 20 + 1, cycle * 20 + 41)]
                await runtime.chunk(func, given, where=where, errors="collect", retries=2, backoff=0.001)
            for pid in list(child_processes())[: cycle % 2]:
                os.kill(pid, signal.SIGKILL)
            account = runtime.entity(Account, f"resident {cycle % 3}", idle_s=0.01)
            await asyncio.gather(*(account.ask(Deposit(1)) for _ in range(20)))
            gc.collect()
            marks.append(_held())
    early, late = marks[len(marks) // 3], marks[-1]
    print("held", early, late)
    for name, slack in (("kB", 16_000), ("descriptors", 3), ("threads", 3), ("tasks", 2), ("objects", 20_000)):
        assert late[name] <= early[name] + slack, (name, marks)


def _held() -> dict[str, int]:
    kilobytes = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return {
        "kB": int(kilobytes.split()[1]),
        "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "objects": len(gc.get_objects()),
    }


PROGRAMS: dict[str, Callable[[Path, int, random.Random], Any]] = {
    "calls": calls,
    "checkpoints": checkpoints,
    "actors": actors,
    "jobs": jobs,
    "audit": audit,
    "resident": resident,
}


def main(name: str, folder: str = ".", epoch: str = "0", seed: str = "0") -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its jobs in the background ignore it
    if name == "trained":
        return trained()
    asyncio.run(PROGRAMS[name](Path(folder), int(epoch), random.Random(seed)))
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
