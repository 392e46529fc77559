"""Supervisors keep their children running: order, strategies, refs that stay valid, requests, giving up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, RestartLimitReached, SupervisionError
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.signals import Down
from cuebook.runtime.groups.strategy import ChildSpec, SupervisorSpec
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import Backoff, RestartIntensity
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Boom, Echo, Get, Pause
from tests.support.virtually import virtually

OFTEN = RestartIntensity(99, 5.0)


class Kid(Actor):
    """Writes its starts and ends into a common diary."""

    broken: set[str] = set()

    def __init__(self, diary: list[str], name: str) -> None:
        self.diary = diary
        self.name = name
        self.total = 0

    async def on_start(self) -> None:
        await asyncio.sleep(0.01)
        if self.name in Kid.broken:
            self.diary.append(f"!{self.name}")
            raise OSError(f"{self.name} is broken")
        self.diary.append(f"+{self.name}")

    async def on_stop(self) -> None:
        self.diary.append(f"-{self.name}")

    async def on_failure(self, error: BaseException) -> None:
        if self.name not in Kid.broken:
            self.diary.append(f"x{self.name}")

    def receive(self, message: Any) -> Any:
        match message:
            case Add(n):
                self.total += n
            case Get():
                return self.total
            case Boom(text):
                raise RuntimeError(text)
            case Pause(seconds):
                return asyncio.sleep(seconds)
            case Echo():
                self.context.stop_self()
        return None


@pytest.fixture(autouse=True)
def _whole() -> Any:
    Kid.broken = set()
    yield
    Kid.broken = set()


def kids(diary: list[str], names: str, **options: Any) -> list[ChildSpec]:
    return [ChildSpec(name, lambda name=name: Kid(diary, name), **options) for name in names]


def seen(diary: list[str]) -> str:
    text = " ".join(diary)
    diary.clear()
    return text


async def rest(seconds: float = 0.5) -> None:
    await asyncio.sleep(seconds)


@virtually
async def test_children_start_in_order_each_after_the_one_before_and_stop_in_reverse() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(kids(diary, "abc")), name="top")
        assert await group.children() == {"a": True, "b": True, "c": True}
        assert seen(diary) == "+a +b +c"
        assert group.child("b").name == "top/b"
    assert seen(diary) == "-c -b -a"


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_one", "xb +b"),
        ("one_for_all", "xb -d -c -a +a +b +c +d"),
        ("rest_for_one", "xb -d -c +b +c +d"),
    ],
)
def test_who_is_restarted_with_a_failed_child(strategy: str, expected: str) -> None:
    @virtually
    async def scene() -> None:
        diary: list[str] = []
        async with ActorSystem() as system:
            group = system.supervise(SupervisorSpec(kids(diary, "abcd"), strategy), name="top")
            await group.children()
            refs = {name: group.child(name) for name in "abcd"}
            seen(diary)
            refs["b"].tell_nowait(Boom())
            refs["b"].tell_nowait(Add(1))
            refs["c"].tell_nowait(Add(1))
            await rest()
            assert seen(diary) == expected
            assert {name: group.child(name) for name in "abcd"} == refs, "refs stay valid"
            assert await refs["b"].ask(Get()) == 1, "and so does what waits in a mailbox"

    scene()


@virtually
async def test_temporary_children_are_forgotten_and_transient_ones_stay_down_after_a_normal_end() -> None:
    diary: list[str] = []
    children = [*kids(diary, "a", restart="temporary"), *kids(diary, "b", restart="transient"), *kids(diary, "c")]
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(children, "one_for_all"), name="top")
        assert await group.children() == {"a": True, "b": True, "c": True}
        group.child("b").tell_nowait(Echo(0))
        await rest()
        assert await group.children() == {"a": True, "b": False, "c": True}
        group.child("c").tell_nowait(Echo(0))
        await rest()
        assert await group.children() == {"b": True, "c": True}, "a permanent child takes all with it, as in OTP"
        assert seen(diary) == "+a +b +c -b -c -a +b +c"


@virtually
async def test_the_down_of_a_child_that_is_not_restarted_has_its_reason() -> None:
    downs: list[Any] = []

    class Watcher(Actor):
        async def on_start(self) -> None:
            for name in "ab":
                self.context.watch(self.context.system.actor(f"top/{name}"))

        def receive(self, message: Any) -> Any:
            downs.append(message)

    async with ActorSystem() as system:
        group = system.supervise(
            SupervisorSpec([*kids([], "a", restart="temporary"), *kids([], "b", restart="transient")]), name="top"
        )
        await group.children()
        system.spawn(Watcher, name="watcher")
        await rest()
        group.child("a").tell_nowait(Boom("why"))
        group.child("b").tell_nowait(Echo(0))
        await rest()
        downs.sort(key=lambda down: down.ref.name)
        assert [(type(down), down.ref.name, down.reason) for down in downs] == [
            (Down, "top/a", Exit.FAILURE),
            (Down, "top/b", Exit.NORMAL),
        ]
        assert str(downs[0].error) == "why"


@virtually
async def test_too_many_restarts_end_the_supervisor_with_all_its_children() -> None:
    diary: list[str] = []
    ends: list[Any] = []
    async with ActorSystem() as system:
        spec = SupervisorSpec(kids(diary, "ab"), intensity=RestartIntensity(2, 5.0))
        group = system.supervise(spec, name="top", on_terminated=lambda _, error: ends.append(error))
        for n in range(3):
            await group.children()
            group.child("ab"[n % 2]).tell_nowait(Boom(f"no {n}"))
            await rest(0.1)
        assert not group.ref.is_alive
        assert system.statistics() == {}
    assert seen(diary) == "+a +b xa +a xb +b xa -b"
    assert isinstance(ends[0], RestartLimitReached)
    assert "children of top needed more than 2 restarts within 5 s, the last one 'a' after" in str(ends[0])


@virtually
async def test_failure_moves_up_a_tree_of_supervisors() -> None:
    diary: list[str] = []
    below = SupervisorSpec(kids(diary, "xy"), intensity=RestartIntensity(0, 5.0))
    above = SupervisorSpec([*kids(diary, "a"), ChildSpec("low", below), *kids(diary, "z")], "rest_for_one")
    async with ActorSystem() as system:
        group = system.supervise(above, name="top")
        await group.children()
        assert seen(diary) == "+a +x +y +z"
        system.actor("top/low/x").tell_nowait(Boom())
        await rest()
        assert seen(diary) == "xx -y -z +x +y +z"
        assert await group.children() == {"a": True, "low": True, "z": True}


@pytest.mark.parametrize(
    ("auto", "after_one", "after_two"), [("any_significant", False, False), ("all_significant", True, False)]
)
def test_a_supervisor_whose_significant_children_are_done_stops(auto: str, after_one: bool, after_two: bool) -> None:
    @virtually
    async def scene() -> None:
        diary: list[str] = []
        children = [*kids(diary, "ab", restart="transient", significant=True), *kids(diary, "c")]
        async with ActorSystem() as system:
            group = system.supervise(SupervisorSpec(children, auto_shutdown=auto), name="top")
            await group.children()
            a, b = group.child("a"), group.child("b")
            a.tell_nowait(Echo(0))
            await rest()
            assert group.ref.is_alive == after_one
            if after_one:
                b.tell_nowait(Echo(0))
                await rest()
            assert group.ref.is_alive == after_two
            assert system.statistics() == {}

    scene()


@virtually
async def test_a_child_that_does_not_start_fails_its_supervisor_and_what_was_started_is_stopped() -> None:
    diary: list[str] = []
    ends: list[Any] = []
    Kid.broken = {"c"}
    async with ActorSystem() as system:
        system.supervise(SupervisorSpec(kids(diary, "abc")), name="top", on_terminated=lambda _, e: ends.append(e))
        await rest()
        assert system.statistics() == {}
    assert seen(diary) == "+a +b !c -b -a"
    assert str(ends[0]) == "child 'c' did not start: c is broken"


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_one", "xb !b !b +b"),
        ("one_for_all", "xb -c -a +a !b -a +a !b -a +a +b +c"),
        ("rest_for_one", "xb -c !b !b +b +c"),
    ],
)
def test_a_child_that_does_not_restart_at_first_is_tried_again_with_those_it_takes_along(
    strategy: str, expected: str
) -> None:
    @virtually
    async def scene() -> None:
        diary: list[str] = []
        backoff = Backoff(first_s=1.0, factor=1.0, max_s=1.0, jitter=0.0)
        async with ActorSystem() as system:
            spec = SupervisorSpec(kids(diary, "abc"), strategy, OFTEN, backoff)
            group = system.supervise(spec, name="top")
            await group.children()
            seen(diary)
            Kid.broken = {"b"}
            group.child("b").tell_nowait(Add(5))
            Kid.broken = set()
            group.child("b").tell_nowait(Boom())
            await rest(0.5)
            Kid.broken = {"b"}
            await rest(2.2)
            Kid.broken = set()
            await rest(2.0)
            assert seen(diary) == expected
            assert await group.children() == {"a": True, "b": True, "c": True}

    scene()


@virtually
async def test_plans_that_wait_become_one_and_start_children_in_order() -> None:
    diary: list[str] = []
    backoff = Backoff(first_s=1.0, factor=1.0, max_s=1.0, jitter=0.0)
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(kids(diary, "abc"), "rest_for_one", OFTEN, backoff), name="top")
        await group.children()
        seen(diary)
        group.child("b").tell_nowait(Boom())
        await rest(0.5)
        group.child("a").tell_nowait(Boom())
        await rest(3.0)
        assert seen(diary) == "xb -c xa +a +b +c"


@virtually
async def test_children_that_wait_for_their_restart_do_not_forget_each_other() -> None:
    diary: list[str] = []
    backoff = Backoff(first_s=1.0, factor=1.0, max_s=1.0, jitter=0.0)
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(kids(diary, "abc"), "one_for_one", OFTEN, backoff), name="top")
        await group.children()
        seen(diary)
        for name in "ca":
            group.child(name).tell_nowait(Boom())
            await rest(0.5)
        await rest(3.0)
        assert seen(diary) == "xc xa +a +c"


@virtually
async def test_several_failures_at_once_are_dealt_with_one_after_the_other() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(kids(diary, "abcd"), "one_for_all", OFTEN), name="top")
        await group.children()
        for name in "abcd":
            group.child(name).tell_nowait(Boom())
        await rest()
        assert await group.children() == dict.fromkeys("abcd", True)
        assert all([await group.child(name).ask(Get()) == 0 for name in "abcd"])


@virtually
async def test_a_child_that_does_not_obey_is_cancelled_after_its_shutdown_time() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(kids(diary, "ab", shutdown_s=2.0), "one_for_all", OFTEN), name="top")
        await group.children()
        ask = asyncio.ensure_future(group.child("b").ask(Pause(1000.0), timeout=None))
        await rest(0.1)
        started = asyncio.get_running_loop().time()
        group.child("a").tell_nowait(Boom())
        with pytest.raises((ActorFailed, ActorStopped), match="told to retire"):
            await ask
        assert 1.9 < asyncio.get_running_loop().time() - started < 2.1
        await rest(10.0)
        assert await group.child("b").ask(Get()) == 0
        assert seen(diary) == "+a +b xa xb +a +b"


@virtually
async def test_a_child_s_directives_come_before_the_strategy() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        children = [
            *kids(diary, "a", directives={RuntimeError: "resume"}),
            *kids(diary, "b", directives={RuntimeError: "stop"}),
        ]
        group = system.supervise(SupervisorSpec(children, "one_for_all"), name="top")
        await group.children()
        for name in "ab":
            group.child(name).tell_nowait(Boom())
        await rest()
        assert await group.children() == {"a": True, "b": False}
        assert seen(diary) == "+a +b xb"


@virtually
async def test_a_child_s_message_is_tried_again_within_its_group() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        group = system.supervise(SupervisorSpec(kids(diary, "a", attempts=2), intensity=OFTEN), name="top")
        await group.children()
        with pytest.raises(ActorFailed):
            await group.child("a").ask(Boom())
        await rest()
        assert seen(diary) == "+a xa +a xa +a"


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
