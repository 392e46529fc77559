"""What is asked of a supervisor while it runs, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import SupervisionError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.groups.strategy import ChildSpec, SupervisorSpec
from cuebook.runtime.policy.restarts import Backoff
from cuebook.runtime.system import ActorSystem
from tests.runtime.groups.keeping import OFTEN, Kid, kids, rest, seen
from tests.support.cast import Boom, Get
from tests.support.virtually import virtually


@pytest.fixture(autouse=True)
def _whole() -> Any:
    Kid.broken = set()
    yield
    Kid.broken = set()


@virtually
async def test_children_come_and_go_on_request() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(kids(diary, "a")), name="top")
        ref = await group.start_child(*kids(diary, "b"))
        assert ref.name == "top/b"
        await group.stop_child("b")
        assert await group.children() == {"a": True, "b": False}
        again = await group.restart_child("b")
        assert not ref.is_alive and again.is_alive
        assert await group.restart_child("a") is group.child("a")
        await group.delete_child("b")
        assert await group.children() == {"a": True}
        assert seen(diary) == "+a +b -b +b -a +a -b"


@virtually
async def test_requests_that_cannot_be_met_are_refused_and_the_supervisor_goes_on() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(kids(diary, "a")), name="top")
        Kid.broken = {"b"}
        for request, text in [
            (group.stop_child("z"), "top: there is no child 'z'; there are: a"),
            (group.delete_child("z"), "no child 'z'"),
            (group.restart_child("z"), "no child 'z'"),
            (group.start_child(*kids(diary, "a")), "a child 'a' is there already"),
            (group.start_child(ChildSpec("c", 3)), "factory of child 'c'"),
            (group.start_child(*kids(diary, "b")), "child 'b' did not start: b is broken"),
        ]:
            with pytest.raises(SupervisionError, match=text):
                await request
        assert await group.children() == {"a": True}
        assert system.actor("top").statistics().restarts == 0
        assert await group.child("a").ask(Get()) == 0


@virtually
async def test_a_killed_supervisor_takes_its_children_along_and_begins_anew_where_it_may() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        group = system.supervise(
            SupervisorSpec(kids(diary, "ab")), name="top", restart="permanent", backoff=Backoff(first_s=0.0)
        )
        await group.children()
        group.ref.kill()
        await rest()
        assert await group.children() == {"a": True, "b": True}
    assert seen(diary) == "+a +b -b -a +a +b -b -a"


@virtually
async def test_stop_in_the_middle_of_a_restart_leaves_nothing_behind() -> None:
    for moment in range(12):
        diary: list[str] = []
        async with ActorSystem() as system:
            group = system.supervise(SupervisorSpec(kids(diary, "abc"), "one_for_all", OFTEN), name="top")
            await group.children()
            group.child("b").tell_nowait(Boom())
            await asyncio.sleep(moment * 0.004)
            await group.stop()
            assert system.statistics() == {}
        starts = sum(entry.startswith("+") for entry in diary)
        ends = sum(entry[0] in "-x" for entry in diary)
        assert starts == ends, (moment, diary)


@virtually
async def test_a_supervisor_that_stopped_with_its_children_left_nothing_behind() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(kids(diary, "abc")), name="top")
        await group.children()
        assert await group.stop() is True
        assert not system.dead_letters.counts


@virtually
async def test_the_ref_of_a_child_that_ended_as_soon_as_it_began_says_so() -> None:
    class Brief(Actor):
        async def on_start(self) -> None:
            self.context.after(0, Get())

        def receive(self, message: Any) -> None:
            self.context.stop_self()

    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(intensity=OFTEN), name="top")
        spec = ChildSpec("brief", Brief, restart="transient")
        requests = [group.start_child(spec), group.restart_child("brief"), group.restart_child("brief")]
        for request in requests:
            ref = await request
            await rest()
            assert not ref.is_alive
            assert ref.name == "top/brief"
