"""A program ends, whatever its actors resist."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.quick

PROGRAM = """
import asyncio, sys, time
from cuebook import Actor, ActorOptions, Runtime, message
@message
class Go:
    pass
@message
class Pause:
    pass
class Poller(Actor):
    async def on_go(self, m: Go):
        while True:
            try:
                await asyncio.sleep(60)
            except BaseException:
                pass
    async def on_pause(self, m: Pause):
        await asyncio.sleep(60)
class Entity(Poller):
    def __init__(self, id):
        self.id = id
async def main(how):
    runtime = Runtime()
    try:
        async with runtime:
            ref = await runtime.spawn(Poller, options=ActorOptions(shutdown_s=0.1))
            ref.tell_nowait(Go())
            runtime.entity(Entity, "e").tell_nowait(Go())
            await asyncio.sleep(0.1)
            if how == "error":
                raise ZeroDivisionError
            if how == "cancel":
                asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
                await asyncio.sleep(60)
    except (ZeroDivisionError, asyncio.CancelledError):
        pass
    print("ended", sorted(runtime.report.killed), flush=True)
began = time.monotonic()
asyncio.run(main(sys.argv[1]))
print("loop over", time.monotonic() - began < 20, flush=True)
"""


@pytest.mark.parametrize("how", ["end", "error", "cancel"])
def test_a_program_with_a_handler_that_resists_ends(how: str) -> None:
    """The block, the loop, and the interpreter; without a word on standard error."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM, how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["ended ['Entity/e', 'poller-1']", "loop over True"]
