"""What is left behind is found by name, whichever way the system lists its processes, and nothing else is blamed."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys

import pytest

from cuebook.runtime.system import ActorSystem
from cuebook.testing import leftovers
from cuebook.testing.stage import LeftBehind, Stage
from tests.support.cast import Counter

WAITS = [sys.executable, "-c", "input('a child that waits')"]


def test_a_living_child_is_listed_with_its_command_and_a_dead_one_is_not() -> None:
    with subprocess.Popen(WAITS, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            assert "a child that waits" in leftovers.child_processes()[child.pid]
            if shutil.which("ps"):
                assert "a child that waits" in leftovers._children_by_ps()[child.pid]
        finally:
            child.kill()
        child.wait()
        assert child.pid not in leftovers.child_processes()


def test_a_child_that_is_about_to_end_is_waited_for() -> None:
    before = leftovers.child_processes()
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        assert leftovers.new_processes(before, patience_s=30) == []
        child.wait()


@pytest.mark.parametrize("is_virtual", [True, False])
def test_a_stage_opens_in_order_closes_in_reverse_and_finds_nothing_where_nothing_is_left(is_virtual: bool) -> None:
    stage = Stage()
    stage.is_virtual = is_virtual
    first, second = ActorSystem("first"), ActorSystem("second")
    stage.add(first)
    stage.add(second)

    async def scene() -> None:
        for system in (first, second):
            assert await system.spawn(Counter, name="counter").stop()

    stage.run(scene)


def test_a_task_that_is_about_to_end_is_not_left_behind() -> None:
    async def brief() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def scene() -> None:
        stage.kept = asyncio.ensure_future(brief())  # type: ignore[attr-defined]

    stage = Stage()
    stage.run(scene)


def test_an_actor_of_a_system_that_was_never_closed_is_left_behind() -> None:
    async def scene() -> None:
        await forgotten.__aenter__()
        forgotten.spawn(Counter, name="lonely")

    forgotten, stage = ActorSystem("forgotten"), Stage()
    stage.is_virtual = True
    with pytest.raises(LeftBehind) as found:
        stage.run(scene)
    assert found.value.what == ("actor 'lonely' of the actor system 'forgotten'",)
