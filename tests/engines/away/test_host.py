"""A worker at the end of a line: what it says arrives in order, and its end is told once, whatever the line does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.children.port import Loss
from cuebook.engines.away.host import BEAT_S, SILENCE_BEATS, AwayHost
from cuebook.engines.away.inventory import Inventory, cuebook_version
from cuebook.engines.away.line import Arrival, Cargo, LineLost, Opened, Opening
from cuebook.errors import ClusterGone
from cuebook.testing import run_virtual

pytestmark = pytest.mark.quick


class Wire:
    """A line in memory: `says` is what the other end answers next, `given` what it was given."""

    def __init__(self) -> None:
        self.where = "a place"
        self.says: asyncio.Queue[Any] = asyncio.Queue()
        self.given: list[Cargo] = []
        self.ends = 0
        self.is_placed = asyncio.Event()
        self.version = cuebook_version()
        self.is_mute = False
        self.answers = 0

    async def place(self) -> None:
        return None

    async def open(self, opening: Opening) -> Opened:
        import platform

        await self.is_placed.wait()
        return Opened("there", 1, True, platform.python_version(), self.version, {})

    async def give(self, cargo: Cargo) -> None:
        self.given.append(cargo)
        if cargo.kill:
            self.says.put_nowait(Arrival([b"last"], [], [], 4, 0.5, False, "killed by SIGKILL"))

    async def take(self, wait_s: float) -> Arrival:
        try:
            async with asyncio.timeout(None if self.is_mute else wait_s):
                said = await self.says.get()
        except TimeoutError:
            said = Arrival([], [], [], -1, 0.0, False)
        if isinstance(said, Exception):
            raise said
        self.answers += 1
        return said._replace(seq=said.seq or self.answers)

    async def end(self) -> None:
        self.ends += 1


class Ear:
    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.losses: list[Loss] = []

    def on_frames(self, frames: list[bytes]) -> None:
        self.frames += frames

    def on_lost(self, loss: Loss) -> None:
        self.losses.append(loss)


async def begun(*, is_placed: bool = True) -> tuple[AwayHost, Wire, Ear, list[tuple[str, bytes]]]:
    wire, ear, printed = Wire(), Ear(), []
    if is_placed:
        wire.is_placed.set()
    host = AwayHost(wire, lambda data, stream="stdout": printed.append((stream, data)), Inventory())
    await host.start(ear)
    return host, wire, ear, printed


def test_orders_wait_for_the_place_and_go_together_in_order() -> None:
    async def scene() -> None:
        host, wire, _, _ = await begun(is_placed=False)
        host.send([b"1"])
        host.send([b"2", b"3"])
        host.send_urgent(b"now")
        assert host.is_busy()
        wire.is_placed.set()
        await asyncio.sleep(0.1)
        assert wire.given == [Cargo([b"1", b"2", b"3"], [b"now"], seq=1)]
        await host.close()

    run_virtual(scene())


def test_prints_come_before_the_results_of_their_calls_and_what_runs_is_known() -> None:
    async def scene() -> None:
        host, wire, ear, printed = await begun()
        wire.says.put_nowait(Arrival([b"a", b"b"], [("stderr", b"x")], [], 7, 1.5, True))
        await asyncio.sleep(1)
        assert (ear.frames, printed) == ([b"a", b"b"], [("stderr", b"x")])
        index, seconds = host.running()
        assert index == 7
        assert seconds >= 1.5
        await host.close()
        assert ear.losses == []
        assert wire.ends == 1

    run_virtual(scene())


def test_what_overtakes_on_the_way_is_put_back_in_order() -> None:
    async def scene() -> None:
        host, wire, ear, _ = await begun()
        host.send([b"x"])
        for seq in (2, 1, 3):
            wire.says.put_nowait(Arrival([b"%d" % seq], [], [], -1, 0.0, True, seq=seq))
        await asyncio.sleep(1)
        assert ear.frames == [b"1", b"2", b"3"]
        wire.answers = 3
        await host.close()

    run_virtual(scene())


def test_a_line_that_breaks_is_a_loss_of_the_call_that_ran() -> None:
    async def scene() -> None:
        _, wire, ear, _ = await begun()
        wire.says.put_nowait(Arrival([], [], [], 7, 1.5, True))
        wire.says.put_nowait(LineLost("the worker is gone"))
        await asyncio.sleep(1)
        [loss] = ear.losses
        assert (loss.index, loss.reason, loss.is_final) == (7, "the worker is gone", False)
        assert wire.ends == 1

    run_virtual(scene())


def test_a_worker_that_is_killed_says_its_last_words_and_its_end_has_our_reason() -> None:
    async def scene() -> None:
        host, _, ear, _ = await begun()
        await asyncio.sleep(0.1)
        host.kill("ran longer than timeout=1 s")
        host.kill("again")
        await asyncio.sleep(1)
        assert ear.frames == [b"last"]
        assert ear.losses == [Loss(4, 0.5, "ran longer than timeout=1 s")]

    run_virtual(scene())


def test_one_that_has_no_place_yet_is_killed_too() -> None:
    async def scene() -> None:
        host, wire, ear, _ = await begun(is_placed=False)
        await asyncio.sleep(0.1)
        host.kill("nobody wants it")
        await asyncio.sleep(1)
        assert ear.losses == [Loss(-1, 0.0, "nobody wants it")]
        assert wire.ends == 1

    run_virtual(scene())


def test_silence_is_counted_in_beats_and_ends_in_a_loss() -> None:
    async def scene() -> None:
        _, wire, ear, _ = await begun()
        wire.is_mute = True
        await asyncio.sleep(2 * BEAT_S * SILENCE_BEATS - 1)
        assert ear.losses == []
        await asyncio.sleep(4 * BEAT_S)
        [loss] = ear.losses
        assert "a place has not answered for 60 s" in loss.reason

    run_virtual(scene())


def test_a_cluster_that_is_gone_or_does_not_fit_is_final() -> None:
    async def scene() -> None:
        _, wire, ear, _ = await begun()
        wire.says.put_nowait(ClusterGone("no more"))
        await asyncio.sleep(1)
        assert ear.losses == [Loss(-1, 0.0, "no more", is_final=True)]
        _, wire, ear, _ = await begun(is_placed=False)
        wire.version = "0.0.1"
        wire.is_placed.set()
        await asyncio.sleep(1)
        [loss] = ear.losses
        assert loss.is_final
        assert "have cuebook 0.0.1" in loss.reason

    run_virtual(scene())
