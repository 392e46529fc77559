"""What ends a program ends its actors in good order."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from typing import Any

import pytest

from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Counter, Get

pytestmark = pytest.mark.quick


def test_a_system_leaves_no_garbage_behind() -> None:
    """What is answered is freed at once: memory stays flat over a million asks."""

    class Deferring(Actor):
        def receive(self, message: Any) -> None:
            self.context.defer().reply([1])

    async def scene() -> int:
        async with ActorSystem() as system:
            refs = [system.spawn(Counter, name="counter"), system.spawn(Deferring, name="deferring")]
            for _ in range(100):
                for ref in refs:
                    await ref.ask(Get())
            gc.collect()
            before = len(gc.get_objects())
            for _ in range(500):
                for ref in refs:
                    await ref.ask(Get())
                refs[0].tell_nowait(Add(1))
            await refs[0].ask(Get())
            gc.collect()
            return len(gc.get_objects()) - before

    assert asyncio.run(scene()) < 50


def test_control_c_answers_askers_runs_on_stop_and_ends_the_program() -> None:
    script = """
import asyncio, os, signal, sys
from cuebook.runtime.system import ActorSystem
from tests.support.cast import *
class Careful(Counter):
    async def on_stop(self): print("on_stop", flush=True)
    def receive(self, message):
        if isinstance(message, Boom): os.kill(os.getpid(), signal.SIGINT)
        return super().receive(Get() if isinstance(message, Boom) else message)
async def main():
    async with ActorSystem() as system:
        ref = system.spawn(Careful, name="careful")
        ref.tell_nowait(Boom())
        try:
            await ref.ask(Pause(100))
        except BaseException as error:
            print(type(error).__name__, flush=True)
            raise
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode in (130, -2), done.stderr
    assert done.stdout.splitlines() == ["CancelledError", "on_stop"]


def test_sys_exit_in_a_handler_ends_the_program_and_hangs_nothing() -> None:
    script = """
import asyncio, sys
from cuebook.runtime.system import ActorSystem
from tests.support.cast import *
class Exits(Counter):
    async def on_stop(self): print("on_stop", flush=True)
    def receive(self, message): sys.exit(7)
async def main():
    async with ActorSystem() as system:
        await system.spawn(Exits, name="exits").ask(Get())
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines() == ["on_stop"]
