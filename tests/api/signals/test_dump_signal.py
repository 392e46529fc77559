"""SIGUSR1 shows what goes on, also while the loop is held up; only where asked for, and nothing is left of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from cuebook import Actor, Runtime, message
from tests.support.pages import environment

PATIENCE_S = 20.0


@message(tag=60_900)
class Hold:
    pass


class Holder(Actor):
    """Holds up the loop until the text was printed."""

    def __init__(self, seen: list[str], awaits: bool) -> None:
        self.seen = seen
        self.awaits = awaits

    def receive(self, message: Any) -> Any:
        return self.until_seen_by_waiting() if self.awaits else self.until_seen()

    def until_seen(self) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        until = time.monotonic() + PATIENCE_S
        while not "".join(self.seen).endswith("\n") and time.monotonic() < until:
            time.sleep(0.001)

    async def until_seen_by_waiting(self) -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        until = time.monotonic() + PATIENCE_S
        while not "".join(self.seen).endswith("\n") and time.monotonic() < until:
            await asyncio.sleep(0.001)


class Stderr:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def write(self, text: str) -> None:
        self.seen.append(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("awaits", [False, True])
def test_the_signal_prints_actors_and_tasks(awaits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Stderr()
    monkeypatch.setattr(sys, "stderr", stderr)

    async def scene() -> None:
        async with Runtime(signals=True) as runtime:
            holder = await runtime.spawn(Holder, stderr.seen, awaits, name="holder")
            await holder.ask(Hold())

    asyncio.run(scene())
    text = "".join(stderr.seen)
    assert f"process {os.getpid()}, actors of cuebook" in text
    assert "\n  holder (Holder) running depth=0/1024 processed=1 in_hand=Hold" in text
    assert "in until_seen" in text  # of the loop's thread, or of the task that awaits
    assert "in scene\n      await holder.ask(Hold())" in text


def test_the_handler_that_was_there_is_there_again_in_whatever_order_runtimes_end() -> None:
    async def scene() -> None:
        one, two = Runtime(signals=True), Runtime(signals=True)
        async with one:
            first = signal.getsignal(signal.SIGUSR1)
            async with two:
                assert signal.getsignal(signal.SIGUSR1) not in (first, signal.SIG_DFL)
            assert signal.getsignal(signal.SIGUSR1) == first
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL

    asyncio.run(scene())


def test_crossed_ends_leave_nothing_behind() -> None:
    from cuebook.api.signals.dump import dumps_on_signal

    one, two = dumps_on_signal(lambda: ""), dumps_on_signal(lambda: "")
    one.__enter__()
    two.__enter__()
    one.__exit__(None, None, None)
    two.__exit__(None, None, None)
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert not [thread for thread in threading.enumerate() if thread.name == "cuebook-dump"]


def test_a_handler_of_the_programs_own_is_left_alone() -> None:
    mine: list[int] = []

    def handle(number: int, frame: Any) -> None:
        mine.append(number)

    async def scene() -> None:
        async with Runtime(signals=True):
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        asyncio.run(scene())
        assert signal.getsignal(signal.SIGUSR1) is handle
        assert mine == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_handler_that_the_program_gives_its_loop_meanwhile_is_left_alone() -> None:
    came: list[str] = []

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        async with Runtime(signals=True):
            loop.add_signal_handler(signal.SIGTERM, came.append, "terminated")
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            while not came:
                await asyncio.sleep(0.001)
        loop.remove_signal_handler(signal.SIGTERM)

    asyncio.run(scene())
    assert came == ["terminated"]


def test_what_goes_on_is_asked_of_a_runtime_that_is_open() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        Runtime().dump()


def test_no_signal_is_touched_unless_asked_for() -> None:
    def handlers() -> list[Any]:
        return [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGINT, signal.SIGTERM)]

    async def scene() -> None:
        before = handlers()
        async with Runtime():
            assert handlers() == before

    asyncio.run(scene())


PROGRAM = """
import asyncio, os, signal
from cuebook import Runtime
async def main():
    async with Runtime(signals=True) as runtime:
        await runtime.chunk(slow, [[1]], where="async", version="1")
async def slow(x):
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_a_real_signal_to_a_real_process_prints_and_the_program_goes_on() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(20):  # the loop waits, and nothing else would wake it
                process.send_signal(signal.SIGUSR1)
                lines = [process.stderr.readline()]
                while "the loop's thread" not in lines[-1]:
                    lines.append(process.stderr.readline())
                assert any(line.startswith(f"cuebook: process {process.pid}, actors of cuebook") for line in lines)
                assert any(line.startswith("  supervisor (Supervisor) ") for line in lines)
            assert process.poll() is None
        finally:
            process.kill()
