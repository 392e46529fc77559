"""A handler that holds up the loop of its process is named where its owner looks, also while it goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

import pytest

from cuebook import Actor, ProcessDied, Runtime, message

pytestmark = pytest.mark.quick


@message(tag=7410)
class Hold:
    """Hold up the loop until this file is there."""

    path: str


class Holder(Actor):
    def on_hold(self, m: Hold) -> int:
        while not os.path.exists(m.path):
            time.sleep(0.005)
        return os.getpid()


def test_a_handler_that_holds_up_its_process_is_named_with_its_stack(tmp_path: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(30), Runtime(blocking_s=0.05) as runtime:
            ref = await runtime.spawn(Holder, name="holder", where="process")
            answer = asyncio.ensure_future(ref.ask(Hold(str(tmp_path / "go"))))
            while not runtime.blockages():
                await asyncio.sleep(0.005)
            (blockage,) = runtime.blockages()  # while it goes on
            assert (blockage.actor, blockage.message) == ("holder", "Hold")
            assert "on_hold" in blockage.stack
            (tmp_path / "go").touch()
            await answer
            while runtime.blockages() == [blockage]:
                await asyncio.sleep(0.005)
            (over,) = runtime.blockages()
            assert over.seconds > blockage.seconds

    asyncio.run(main())


def test_a_process_that_is_killed_while_it_is_held_up_is_one_that_died(tmp_path: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(30), Runtime(blocking_s=0.05) as runtime:
            ref = await runtime.spawn(Holder, name="holder", where=runtime.process("one"))
            pid = await ref.ask(Hold("/"))
            answer = asyncio.ensure_future(ref.ask(Hold(str(tmp_path / "go"))))
            while not runtime.blockages():
                await asyncio.sleep(0.005)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(ProcessDied):
                await answer

    asyncio.run(main())


def test_nobody_watches_where_the_owner_does_not(tmp_path: Any) -> None:
    (tmp_path / "go").touch()

    async def main() -> None:
        async with asyncio.timeout(30), Runtime(blocking_s=None) as runtime:
            ref = await runtime.spawn(Holder, name="holder", where="process")
            await ref.ask(Hold(str(tmp_path / "go")))
            assert runtime.blockages() == []

    asyncio.run(main())
