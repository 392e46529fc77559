"""The loop of the synchronous faces: what keeps it from starting is what the caller hears, and nothing hangs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from cuebook import chunk
from cuebook.api.loop_thread import LoopThread


async def five() -> int:
    return 5


def refused(*_: Any, **__: Any) -> None:
    raise OSError(24, "Too many open files")


def test_a_loop_that_cannot_be_made_says_why_and_the_next_try_works() -> None:
    thread = LoopThread()
    for _ in range(2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio, "new_event_loop", refused)
            with pytest.raises(OSError, match="Too many open files") as raised:
                thread.submit(five())
            assert any("limits of threads" in note for note in raised.value.__notes__)
    assert thread.submit(five()).result(10) == 5
    thread.close()


@pytest.mark.parametrize("number", range(12))
def test_whichever_thread_cannot_be_started_the_caller_hears_of_it(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the run goes on without it; it never waits for ever, and never ends with an assertion."""
    start = threading.Thread.start
    left = [number]

    def limited(self: threading.Thread) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise RuntimeError("can't start new thread")
        start(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", limited)
        try:
            outcome: Any = chunk(len, [["a"], ["bc"]], where="thread", chunk_size=2)
        except Exception as error:
            outcome = error
    assert outcome == [1, 2] or "can't start new thread" in str(outcome)
    assert chunk(len, [["abc"]], where="thread") == [3]


STUBBORN = """
import asyncio
from cuebook import chunk

async def resists(n):
    if n:
        asyncio.create_task(forever())
        await asyncio.sleep(0)
    return n

async def forever():
    while True:
        try:
            await asyncio.sleep(3600)
        except BaseException:
            pass

print(chunk(resists, [[1]], where="async"), flush=True)
print(chunk(resists, [[0]], where="async"), flush=True)
"""


def test_a_task_that_obeys_no_cancellation_holds_up_neither_the_loop_nor_the_interpreters_exit() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", STUBBORN], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, ["[1]", "[0]"])
    assert "Task was destroyed" not in done.stderr
