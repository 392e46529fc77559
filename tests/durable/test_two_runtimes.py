"""Two runtimes of one process on one path: no actor is at work in both."""

from __future__ import annotations

from pathlib import Path

import pytest

from cuebook.api.runtime import Runtime
from cuebook.errors import ActorStopped
from cuebook.runtime.cells.spec import ActorOptions
from tests.durable.bank import Account, Balance, Deposit
from tests.durable.scenes import played


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actors.cue"


def test_an_actor_at_work_is_not_taken_by_another_runtime_of_the_process(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        async with Runtime(path) as other:
            mine = await runtime.spawn(Account, "a-1")
            await mine.ask(Deposit(1))
            with pytest.raises(ActorStopped, match="at work in another Runtime of this process"):
                await other.entity(Account, "a-1").ask(Deposit(10))
            assert await mine.ask(Deposit(100)) == 101
            await mine.stop()
            assert await other.entity(Account, "a-1").ask(Deposit(10)) == 111
        assert await runtime.entity(Account, "a-1").ask(Balance()) == 111

    played(path, scene)


def test_what_another_runtime_left_without_a_word_is_free_once_it_is_closed(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        async with Runtime(path) as other:
            theirs = await other.spawn(Account, "a-1", options=ActorOptions(restart="temporary"))
            await theirs.ask(Deposit(1))
            theirs.kill()
        assert await runtime.entity(Account, "a-1").ask(Balance()) == 1

    played(path, scene)
