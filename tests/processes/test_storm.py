"""Actors of one process under load, while it is killed, exits and fails at random: nothing is lost, nothing hangs."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cuebook import ActorOptions, ActorRef, Backoff, CuebookError, RestartIntensity, Runtime
from tests.support.lodgers import Add, Echo, Fail, Leave, Lodger, Pass, Pause, Receiver, Total

OPTIONS = ActorOptions(intensity=RestartIntensity(1000, 10.0), backoff=Backoff(first_s=0.001, max_s=0.01))


class Storm:
    """Askers and tellers on one side, deaths on the other."""

    def __init__(self, seed: int, asks: int) -> None:
        self.chance = random.Random(seed)
        self.asks = asks
        self.sent = 0
        self.errors: list[CuebookError] = []
        self.answered = 0

    async def blow(self, runtime: Runtime, diary: str) -> None:
        process = runtime.process("storm")
        refs = [await runtime.spawn(Lodger, 0, diary, where=process, options=OPTIONS) for _ in range(4)]
        here = await runtime.spawn(Receiver)
        await refs[0].ask(Total())
        killing = asyncio.ensure_future(self.kill(process, refs))
        await asyncio.gather(*(self.send(refs, here) for _ in range(10)))
        killing.cancel()
        for ref in refs:
            await ref.ask(Total(), timeout=60)

    async def kill(self, process: Any, refs: list[ActorRef]) -> None:
        while True:
            done = self.answered
            while self.answered < done + self.asks:
                await asyncio.sleep(0.001)
            victim = self.chance.choice(refs)
            match self.chance.randrange(5):
                case 0 | 1 if process.pid:
                    os.kill(process.pid, signal.SIGKILL)
                case 2:
                    victim.tell_nowait(Leave("_exit"))
                case 3:
                    victim.tell_nowait(Fail("storm"))
                case _:
                    victim.kill()

    async def send(self, refs: list[ActorRef], here: ActorRef) -> None:
        for n in range(self.asks):
            ref = self.chance.choice(refs)
            try:
                match self.chance.randrange(8):
                    case 0:
                        await ref.ask(Pass(here, 1), timeout=60)
                    case 1:
                        await ref.ask(Pause(0.001), timeout=60)
                    case 2 | 3:
                        self.sent += 1
                        await ref.tell(Add(self.sent))
                    case _:
                        assert await ref.ask(Echo(n), timeout=60) == n
            except CuebookError as error:
                self.errors.append(error)
            self.answered += 1


def weather(seed: int, diary: Path, asks: int) -> None:
    storm = Storm(seed, asks)

    async def run() -> None:
        async with Runtime() as runtime:
            await asyncio.wait_for(storm.blow(runtime, str(diary)), 100)

    asyncio.run(run())
    added = Counter(line for line in diary.read_text().splitlines() if line.startswith("add"))
    assert max(added.values()) == 1, f"seed {seed}: received twice"
    # A tell that was in hand when its process died is lost; nothing else is.
    assert storm.sent - len(added) <= len(storm.errors) + 20, f"seed {seed}: lost {storm.sent - len(added)}"
    assert {type(error).__name__ for error in storm.errors} <= {"ProcessDied", "ActorFailed"}, f"seed {seed}"


def test_in_a_storm_of_deaths_every_ask_ends_and_no_message_is_received_twice(tmp_path: Path) -> None:
    weather(1, tmp_path / "diary", 25)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 22))
def test_in_every_storm(seed: int, tmp_path: Path) -> None:
    weather(seed, tmp_path / "diary", 100)
