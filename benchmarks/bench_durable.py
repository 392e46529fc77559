"""Durable actors beside what they cannot be faster than, in the same run: commits, and a bare scan with decoding."""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import ROUNDS, folder, in_turn, ratio, row, timed, title
from cuebook import PersistentActor, Runtime, message, persist
from cuebook.durable.effects import Effect
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.stream_heads import Events, StreamOpened
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.runtime.refs.ref import ActorRef

COMMANDS = int(os.environ.get("DURABLE_COMMANDS", "20000"))
EVENTS = int(os.environ.get("DURABLE_EVENTS", "1000000"))
IN_FLIGHT = 100
ENTITIES = 2000

_numbers = itertools.count()


@message(tag=61_100)
class Deposit:
    """A command."""

    amount: int


@message(tag=61_101)
class Balance:
    """A question."""


@dataclass(frozen=True, slots=True)
class Deposited:
    """Its event."""

    amount: int


class Account(PersistentActor[int]):
    """Counts what is put in."""

    def initial_state(self) -> int:
        return 0

    def on_deposit(self, command: Deposit) -> Effect:
        return persist(Deposited(command.amount)).reply(lambda balance: balance)

    def on_balance(self, command: Balance) -> int:
        return self.state

    def apply(self, state: int, event: Deposited) -> int:
        return state + event.amount


def bare_commits(path: Path) -> float:
    """Commands a second where each hundred is one transaction of SQLite, and nothing else is done."""
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, body BLOB)")
        start = time.perf_counter()
        for number in range(COMMANDS // IN_FLIGHT):
            database.execute("BEGIN IMMEDIATE")
            database.execute("INSERT INTO records VALUES (?, ?)", (number + 1, bytes(14 * IN_FLIGHT)))
            database.execute("COMMIT")
        return COMMANDS / (time.perf_counter() - start)


def committed(path: Path, actors: int) -> float:
    """Committed and answered commands a second, so many in flight, over so many actors."""

    async def main() -> float:
        async with Runtime(path) as runtime:
            refs = [await runtime.spawn(Account, f"a-{number}") for number in range(actors)]
            await asyncio.gather(*(ref.ask(Deposit(1)) for ref in refs))

            async def asker(ref: ActorRef[Account]) -> None:
                for _ in range(COMMANDS // IN_FLIGHT):
                    await ref.ask(Deposit(1))

            start = time.perf_counter()
            await asyncio.gather(*(asker(refs[number % actors]) for number in range(IN_FLIGHT)))
            return COMMANDS / (time.perf_counter() - start)

    return asyncio.run(main())


def woken(path: Path) -> float:
    """Entities woken a second, each with a snapshot-less history of one event."""

    async def main() -> float:
        async with Runtime(path) as runtime:
            asks = (runtime.entity(Account, f"e-{number}").ask(Deposit(1)) for number in range(ENTITIES))
            await asyncio.gather(*asks)
        async with Runtime(path) as runtime:
            start = time.perf_counter()
            await asyncio.gather(*(runtime.entity(Account, f"e-{number}").ask(Balance()) for number in range(ENTITIES)))
            return ENTITIES / (time.perf_counter() - start)

    return asyncio.run(main())


@asynccontextmanager
async def stream_of(path: Path, batch: int) -> AsyncIterator[None]:
    """A journal with one account of `EVENTS` events, `batch` of them a record."""
    body = ValueEncoder().encode({"amount": 1})
    async with await JournalWriter.open(path) as file:
        name = f"{Deposited.__module__}:{Deposited.__qualname__}"
        entries = [Entry(Kind.STREAM_OPENED, -1, StreamOpened("Account", "big", "x:Account", 0.0).encode())]
        for first in range(1, EVENTS + 1, batch):
            head = Events(first, batch, bytes(16), (name,), None, 0.0)
            entries.append(Entry(Kind.EVENTS, -1, head.encode(), body * batch))
            if len(entries) >= 20_000:
                await file.append(entries)
                entries = []
        if entries:
            await file.append(entries)
    yield


def bare_scan(path: Path) -> None:
    """Read the same rows in order by SQLite alone, and decode their events; nothing is checked and nothing applied."""
    decode = ValueDecoder().decode_many
    with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as database:
        for head, body in database.execute("SELECT head, body FROM records WHERE kind = 11 ORDER BY seq"):
            for fields in decode(body, Events.decode(head).count):
                Deposited(**fields)


def recovered(path: Path) -> None:
    """Bring the account back."""

    async def main() -> None:
        async with Runtime(path) as runtime:
            account = await runtime.spawn(Account, "big")
            assert await account.ask(Balance(), timeout=None) == EVENTS

    asyncio.run(main())


def main() -> None:
    title(f"bench_durable: {COMMANDS:,} commands, {IN_FLIGHT} in flight; recovery of {EVENTS:,} events")
    row("", "a second", "of bare commits", "wanted")
    with folder() as where:
        works = (
            lambda: bare_commits(where / f"{next(_numbers)}.db"),
            lambda: committed(where / f"{next(_numbers)}.cue", 1),
            lambda: committed(where / f"{next(_numbers)}.cue", 10),
        )
        figures = in_turn(*works)
        names = ("100 a transaction, SQLite alone", "committed commands, one actor", "committed commands, ten actors")
        for name, found, want in zip(names, figures, ("", "20,000/s", ""), strict=True):
            row(name, f"{statistics.median(found):,.0f}", f"{ratio(found, figures[0]):.2f}", want)
        row("entities woken", f"{woken(where / 'e.cue'):,.0f}")
    row("", "seconds", "of a bare scan", "wanted")
    for batch in (100, 1):
        with folder() as where:
            path = where / "big.cue"

            async def fill(path: Path = path, batch: int = batch) -> None:
                async with stream_of(path, batch):
                    pass

            asyncio.run(fill())
            scans, folds = in_turn(
                lambda path=path: timed(lambda: bare_scan(path)),
                lambda path=path: timed(lambda: recovered(path)),
                rounds=min(ROUNDS, 3),
            )
            row(f"scan and decode, {batch} a record", f"{statistics.median(scans):.2f}")
            row("recovery", f"{statistics.median(folds):.2f}", f"{ratio(folds, scans):.2f}", "2.0")


if __name__ == "__main__":
    main()
