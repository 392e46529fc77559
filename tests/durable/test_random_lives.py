"""Durable actors in random lives: kills, sleeps, failing disks and crashes, in virtual time; nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cuebook.actors.journal import JournalActor, Unanswered
from cuebook.durable.effects import Effect, persist
from cuebook.durable.entities.registry import Entities
from cuebook.durable.events.snapshots import SnapshotPolicy
from cuebook.durable.ledger import Ledger, offer_ledger
from cuebook.durable.persistent_actor import PersistentActor
from cuebook.errors import ActorFailed, AskTimeout, JournalError, MessagingError, Rejected
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.row import Row
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.policy.restarts import Backoff, RestartIntensity
from cuebook.runtime.system import ActorSystem
from cuebook.testing.memory_medium import MemoryMedium
from cuebook.testing.memory_store import MemoryStore
from cuebook.testing.virtual_time import VirtualClock, run_virtual
from cuebook.wire.message import message

WALLETS = 4


@message(tag=30_400)
class Add:
    uid: int


@message(tag=30_401)
class Send:
    uid: int
    to: str


@message(tag=30_402)
class Got:
    uid: int
    sender: str


@message(tag=30_403)
class SetAlarm:
    uid: int
    after: float


@message(tag=30_404)
class Ring:
    uid: int


@message(tag=30_405)
class All:
    pass


@message(tag=30_406)
class Fail:
    pass


@dataclass(frozen=True)
class Noted:
    """What happened: "add", "sent", "got", "set", "rang"; and to or from whom."""

    what: str
    uid: int
    who: str = ""


class Wallet(PersistentActor[list[Noted]]):
    snapshots = SnapshotPolicy(every=7, keep=2)

    def initial_state(self) -> list[Noted]:
        return []

    def apply(self, state: list[Noted], event: Noted) -> list[Noted]:
        return [*state, event]

    def on_add(self, command: Add) -> Effect:
        if command.uid % 5 == 0:
            raise Rejected("not this one")
        return persist(Noted("add", command.uid)).reply(command.uid)

    async def on_send(self, command: Send) -> Effect:
        await asyncio.sleep(0)
        effect = persist(Noted("sent", command.uid, command.to))
        return effect.deliver(Wallet, command.to, Got(command.uid, self.id)).reply(command.uid)

    def on_got(self, command: Got) -> Effect:
        return persist(Noted("got", command.uid, command.sender))

    def on_set_alarm(self, command: SetAlarm) -> Effect:
        effect = persist(Noted("set", command.uid)).reply(command.uid)
        return effect.remind(str(command.uid), Ring(command.uid), after=command.after)

    def on_ring(self, command: Ring) -> Effect:
        return persist(Noted("rang", command.uid))

    def on_fail(self, command: Fail) -> None:
        raise ZeroDivisionError("as told")

    def on_all(self, command: All) -> list[list[Any]]:
        return [[event.what, event.uid, event.who] for event in self.state]


class Moody(MemoryStore):
    """Inserts take time, and some fail: before they are kept, or after."""

    def __init__(self, chance: random.Random, inner: MemoryStore | None = None) -> None:
        super().__init__()
        self.chance = chance
        self.is_moody = True
        if inner is not None:
            self._rows, self._states = inner._rows, inner._states

    async def insert(
        self, rows: Sequence[Row], states: Sequence[tuple[int, bytes]] = (), drop_states: Sequence[int] = ()
    ) -> None:
        await asyncio.sleep(self.chance.random() * 0.01)
        mood = self.chance.random() if self.is_moody else 1.0
        if mood < 0.04:
            self._is_open = False
            raise JournalError("failed before it was kept")
        await super().insert(rows, states, drop_states)
        await asyncio.sleep(self.chance.random() * 0.01)
        if mood < 0.08:
            self._is_open = False
            raise JournalError("failed after it was kept")


class Life:
    """One run of the program: a system with its journal and its entities."""

    def __init__(self, file: JournalWriter) -> None:
        self.file = file
        self.system = ActorSystem(clock=VirtualClock(), draw=lambda: 0.5)

    async def __aenter__(self) -> Life:
        await self.system.__aenter__()
        unanswered = Unanswered()
        journal = self.system.spawn(
            lambda: JournalActor(self.file, unanswered),
            name="journal",
            mailbox=MailboxSpec(capacity=1 << 20, bytes_max=1 << 30),
            intensity=RestartIntensity(restarts_max=10_000, within_s=1.0),
            backoff=Backoff(max_s=0.01),
        )
        self.system.outlast(journal)
        ledger = Ledger(self.file, journal)

        async def source() -> Ledger:
            return ledger

        offer_ledger(self.system.extensions, source)
        self.entities = Entities(self.system)
        self.entities.host(Wallet, 0.05)
        await self.entities.recall(Wallet)
        return self

    async def __aexit__(self, *error: Any) -> None:
        self.entities.close()
        await self.system.__aexit__(None, None, None)


async def troubled(life: Life, chance: random.Random, uids: Any, acked: set[int], asked: set[int]) -> None:
    """A while of commands and troubles."""
    asks: list[asyncio.Future[Any]] = []

    async def ask(ref: Any, command: Any) -> None:
        asked.add(command.uid)
        try:
            acked.add(await ref.ask(command, timeout=60))
        except AskTimeout:
            raise  # every ask ends with an answer or a reason
        except MessagingError:
            pass

    for _ in range(chance.randrange(30, 120)):
        ref = life.entities.entity(Wallet, f"w{chance.randrange(WALLETS)}")
        what = chance.random()
        if what < 0.4:
            asks.append(asyncio.ensure_future(ask(ref, Add(next(uids)))))
        elif what < 0.6:
            asks.append(asyncio.ensure_future(ask(ref, Send(next(uids), f"w{chance.randrange(WALLETS)}"))))
        elif what < 0.7:
            asks.append(asyncio.ensure_future(ask(ref, SetAlarm(next(uids), chance.choice([0.0, 0.02, 0.3])))))
        elif what < 0.76:
            ref.kill()
        elif what < 0.8:
            ref.tell_nowait(Fail())
        elif what < 0.84:
            ref._target.request_stop(1.0, drain=True)
        elif what < 0.86:
            life.system.actor("journal").kill()
        else:
            await asyncio.sleep(chance.choice([0.0, 0.0, 0.001, 0.02, 0.2]))
    if chance.random() < 0.6:
        await asyncio.gather(*asks)
    else:
        await asyncio.sleep(0.005)
        for asking in asks:
            asking.cancel()
        await asyncio.gather(*asks, return_exceptions=True)


async def working(life: Life, uids: Any, asked: set[int]) -> None:
    """When the disk works again, every wallet does."""
    for number in range(WALLETS):
        ref = life.entities.entity(Wallet, f"w{number}")
        uid = next(uid for uid in uids if uid % 5)
        asked.add(uid)
        with contextlib.suppress(ActorFailed):  # what was on its way when the disk failed
            await ref.ask(Fail(), timeout=100)
        assert await ref.ask(Add(uid), timeout=100) == uid


async def states_of(life: Life) -> dict[str, list[list[Any]]]:
    """What each wallet notes, once nothing is owed any more."""
    found: dict[str, list[list[Any]]] = {}
    for _ in range(200):
        await asyncio.sleep(5.0)
        for number in range(WALLETS):
            name = f"w{number}"
            found[name] = await life.entities.entity(Wallet, name).ask(All(), timeout=100)
        noted = Counter(what for events in found.values() for what, _, _ in events)
        if noted["sent"] == noted["got"] and noted["set"] == noted["rang"]:
            return found
    raise AssertionError(f"still owed after a thousand seconds: {noted}")


def check(found: dict[str, list[list[Any]]], acked: set[int], asked: set[int]) -> None:
    """Nothing that was answered is lost, nothing is there twice, nothing is there that nobody asked for."""
    events = [(what, uid, who, name) for name, noted in found.items() for what, uid, who in noted]
    commands = Counter(uid for what, uid, _, _ in events if what in ("add", "sent", "set"))
    assert set(commands) <= asked
    assert acked <= set(commands)
    assert max(commands.values(), default=1) == 1
    for cause, effect in (("sent", "got"), ("set", "rang")):
        assert Counter(e[1] for e in events if e[0] == cause) == Counter(e[1] for e in events if e[0] == effect)
    for name, noted in found.items():
        for sender in found:
            sent = [uid for what, uid, who in found[sender] if what == "sent" and who == name]
            assert [uid for what, uid, who in noted if what == "got" and who == sender] == sent


def lived(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    store = Moody(chance)
    uids = iter(range(1, 1_000_000))
    acked: set[int] = set()
    asked: set[int] = set()

    async def main() -> None:
        nonlocal store
        for _ in range(chance.randrange(1, 4)):
            store.is_moody = False
            file = await JournalWriter.open(MemoryMedium(store, tmp_path / "x.cue"))
            store.is_moody = True
            try:
                async with Life(file) as life:
                    await troubled(life, chance, uids, acked, asked)
                    store.is_moody = False
                    await working(life, uids, asked)
                    if chance.random() < 0.5:
                        image = store.crash_image()  # what is there now is what the next life finds
                        told = set(acked)
                    else:
                        image = None
                if image is not None:
                    acked.intersection_update(told)
                    store = Moody(chance, image)
            finally:
                with contextlib.suppress(JournalError):
                    await file.close()
        store.is_moody = False
        async with await JournalWriter.open(MemoryMedium(store, tmp_path / "x.cue")) as file, Life(file) as life:
            check(await states_of(life), acked, asked)

    run_virtual(main(), stall_s=5.0)


SEEDS = [*range(12), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(12, 400))]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_nothing_is_lost_and_nothing_is_there_twice(seed: int, tmp_path: Path) -> None:
    lived(seed, tmp_path)
