"""Services are found while they live; a pool gives each message to one member, by its rule, at any size."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, AskTimeout
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.cells.services import Listing, ServiceKey
from cuebook.runtime.groups.pool import Pool
from cuebook.runtime.policy.restarts import Backoff, RestartIntensity
from cuebook.runtime.system import ActorSystem
from tests.support.cast import Add, Boom, Counter, Echo, Get, Pause
from tests.support.virtually import virtually

PRINT, SCAN = ServiceKey("print"), ServiceKey("scan")


class Offers(Counter):
    async def on_start(self) -> None:
        self.context.register(PRINT)


class Listens(Actor):
    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    async def on_start(self) -> None:
        self.context.subscribe(PRINT)

    def on_listing(self, message: Listing) -> None:
        self.seen.append(" ".join(ref.name for ref in message.refs))


@virtually
async def test_subscribers_see_who_comes_and_goes_and_restarts_change_nothing() -> None:
    seen: list[Any] = []
    async with ActorSystem() as system:
        listens = system.spawn(lambda: Listens(seen), name="listens")
        await asyncio.sleep(0.1)
        a = system.spawn(Offers, name="a", backoff=Backoff(first_s=0.0))
        await asyncio.sleep(0.1)
        b = system.spawn(Offers, name="b", restart="temporary")
        await asyncio.sleep(0.1)
        assert system.services.find(PRINT) == (a, b)
        assert system.services.find(SCAN) == ()
        a.tell_nowait(Boom())
        await asyncio.sleep(0.1)
        b.tell_nowait(Boom())
        await asyncio.sleep(0.1)
        await a.stop()
        await asyncio.sleep(0.1)
        assert seen == ["", "a", "a b", "a", ""]
        await listens.stop()
        assert not system.services._subscribers and not system.services._offers


@virtually
async def test_entries_may_be_taken_back() -> None:
    seen: list[Any] = []
    async with ActorSystem() as system:
        services = system.services
        a = system.spawn(Counter, name="a")
        listens = system.spawn(lambda: Listens(seen), name="listens")
        await asyncio.sleep(0.1)
        services.register(PRINT, a)
        services.register(PRINT, a)
        assert services.unregister(PRINT, a)
        assert not services.unregister(PRINT, a)
        assert services.unsubscribe(PRINT, listens)
        assert not services.unsubscribe(PRINT, listens)
        services.register(PRINT, a)
        await asyncio.sleep(0.1)
        assert seen == ["", "a", ""]
        await a.stop()
        for call in (services.register, services.subscribe):
            with pytest.raises(ActorStopped, match="a has stopped, so it has no part in 'print'"):
                call(PRINT, a)
        with pytest.raises(TypeError, match="a service has a ServiceKey, not 'print'"):
            services.register("print", listens)  # type: ignore[arg-type]


# Pools


class Member(Actor):
    def __init__(self, diary: list[Any]) -> None:
        self.diary = diary

    async def receive(self, message: Any) -> Any:
        name = self.context.self_ref.name
        match message:
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Boom():
                raise RuntimeError(name)
        self.diary.append(name)
        return name


@virtually
async def test_round_robin_takes_turns() -> None:
    async with ActorSystem() as system:
        pool = Pool(system, lambda: Member([]), size=3, name="p")
        answers = [await pool.ask(Get()) for _ in range(6)]
        assert sorted(answers[:3]) == ["p-1", "p-2", "p-3"]
        assert answers[:3] == answers[3:]
        await pool.tell(Add(1))
        pool.tell_nowait(Add(1))
        assert [ref.name for ref in pool.refs] == ["p-1", "p-2", "p-3"]
        assert await pool.stop()


@virtually
async def test_the_least_loaded_member_gets_the_next_message() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        pool = Pool(system, lambda: Member(diary), size=3, name="p", routing="least_loaded")
        pool.refs[0].tell_nowait(Pause(10.0))
        await asyncio.sleep(0.1)
        for _ in range(4):
            pool.refs[0].tell_nowait(Add(1))
        for _ in range(6):
            pool.tell_nowait(Pause(1.0))
        await asyncio.sleep(5.0)
        assert Tally(diary) == {"p-2": 3, "p-3": 3}


@virtually
async def test_a_key_stays_with_its_member_and_resizing_moves_few() -> None:
    async with ActorSystem() as system:
        pool = Pool(system, lambda: Member([]), size=8, name="p", routing="by_key", key=lambda message: message.value)
        keys: list[Any] = [*range(500), *map(str, range(400)), *(bytes([n]) for n in range(100))]

        def homes() -> list[str]:
            return [pool.pick(Echo(key)).name for key in keys]

        before = homes()
        assert before == homes()
        assert min(Tally(before).values()) > 80, "every member has its share"
        await pool.resize(9)
        grown = homes()
        moved = {new for old, new in zip(before, grown, strict=True) if old != new}
        assert moved == {"p-9"}
        await pool.resize(8)
        assert homes() == before
        assert await pool.ask(Echo(7)) == before[7]


@virtually
async def test_with_pull_an_ask_waits_for_a_free_member_and_none_is_behind_a_slow_one() -> None:
    async with ActorSystem() as system:
        pool = Pool(system, lambda: Member([]), size=2, name="p", routing="pull")
        loop = asyncio.get_running_loop()
        slow = asyncio.ensure_future(pool.ask(Pause(100.0), timeout=None))
        await asyncio.sleep(0.1)
        started = loop.time()
        quick = await asyncio.gather(*(pool.ask(Pause(1.0)) for _ in range(5)))
        assert len(set(quick)) == 1
        assert 5.0 <= loop.time() - started < 5.1
        assert max(ref.statistics().high_water for ref in pool.refs) == 1
        assert await slow != quick[0]


@virtually
async def test_a_pull_that_waits_too_long_times_out_and_harms_nobody() -> None:
    async with ActorSystem() as system:
        pool = Pool(system, lambda: Member([]), size=1, name="p", routing="pull")
        busy = asyncio.ensure_future(pool.ask(Pause(5.0)))
        await asyncio.sleep(0.1)
        gone = asyncio.ensure_future(pool.ask(Get()))
        patient = asyncio.ensure_future(pool.ask(Get()))
        with pytest.raises(AskTimeout, match=r"no member of the pool p was free for Get within 1 s \(1 members, 3 me"):
            await pool.ask(Get(), timeout=1.0)
        gone.cancel()
        await busy
        assert await patient == "p-1"
        assert not pool._waiting and not pool._busy


@virtually
async def test_a_free_member_is_promised_once_and_passed_on_when_who_waited_is_cancelled() -> None:
    async with ActorSystem() as system:
        pool = Pool(system, lambda: Member([]), size=1, name="p", routing="pull")
        waits: list[asyncio.Future[Any]] = []

        async def first() -> None:
            await pool.ask(Pause(1.0))
            late = asyncio.ensure_future(pool.ask(Get()))  # finds a free member that is promised already
            waits[0].cancel()
            assert await late == "p-1"

        one = asyncio.ensure_future(first())
        await asyncio.sleep(0.1)
        waits += [asyncio.ensure_future(pool.ask(Pause(1.0))) for _ in range(2)]
        await one
        assert await waits[1] == "p-1"
        assert pool._promised == 0
        assert pool.refs[0].statistics().high_water == 1


@virtually
async def test_resizing_drains_who_goes_and_frees_who_waits() -> None:
    diary: list[Any] = []
    async with ActorSystem() as system:
        pool = Pool(system, lambda: Member(diary), size=1, name="p", routing="pull")
        asks = [asyncio.ensure_future(pool.ask(Pause(1.0))) for _ in range(4)]
        await asyncio.sleep(0.1)
        await pool.resize(3)
        assert len(pool) == 3
        await asyncio.gather(*asks)
        assert asyncio.get_running_loop().time() < 2.5
        for ref in pool.refs:
            ref.tell_nowait(Pause(1.0))
            ref.tell_nowait(Pause(1.0))
        await pool.resize(1)
        assert [ref.name for ref in pool.refs] == ["p-1"]
        await asyncio.sleep(0.1)
    assert len(diary) == 10, "nothing that was queued was lost"


@virtually
async def test_a_member_that_ends_for_good_is_one_no_more() -> None:
    async with ActorSystem() as system:
        pool = Pool(system, lambda: Member([]), size=2, name="p", intensity=RestartIntensity(0, 5.0))
        for _ in range(2):
            with pytest.raises(ActorFailed):
                await pool.ask(Boom())
            await asyncio.sleep(0.1)
        with pytest.raises(ActorStopped, match="the pool p has no members any more"):
            await pool.ask(Get())
        await pool.resize(1)
        assert await pool.ask(Get()) == "p-3"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"size": 0}, "the pool 'p' has 1 or more members, not 0"),
        ({"size": 2.0}, "1 or more members, not 2.0"),
        ({"size": 1, "routing": "by_key"}, "has a key with routing='by_key', and with no other"),
        ({"size": 1, "key": str}, "has a key with routing='by_key', and with no other"),
        ({"size": 1, "routing": "random"}, "one of round_robin, least_loaded, by_key, pull, not 'random'"),
    ],
)
def test_a_pool_that_makes_no_sense_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Pool(None, Actor, name="p", **options)  # type: ignore[arg-type]


@virtually
async def test_a_pool_may_be_the_children_of_an_actor() -> None:
    class Owner(Actor):
        async def on_start(self) -> None:
            self.pool = Pool(self.context, lambda: Member([]), size=2, name="crew")

        async def receive(self, message: Any) -> Any:
            return await self.pool.ask(message)

    async with ActorSystem() as system:
        owner = system.spawn(Owner, name="owner")
        assert await owner.ask(Get()) in ("crew-1", "crew-2")
        await owner.stop()
        assert system.statistics() == {}


# pipe_to_self and become


class Pipes(Actor):
    def __init__(self, got: list[Any]) -> None:
        self.got = got

    def receive(self, message: Any) -> Any:
        match message:
            case Pause(seconds):
                self.context.pipe_to_self(self.work(seconds), lambda value, error: Echo(value or str(error)))
            case Add():
                self.context.pipe_to_self(self.work(1.0), lambda value, error: object())
            case Boom():
                raise RuntimeError("pipes")
            case _:
                self.got.append(message)

    async def work(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        if seconds == 3.0:
            raise OSError("no luck")
        return f"after {seconds:g}"


@virtually
async def test_what_is_piped_arrives_as_a_message_and_the_actor_goes_on_meanwhile() -> None:
    got: list[Any] = []
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Pipes(got), name="pipes")
        for seconds in (2.0, 3.0, 1.0):
            ref.tell_nowait(Pause(seconds))
        ref.tell_nowait(Get())
        await asyncio.sleep(5.0)
    assert got == [Get(), Echo("after 1"), Echo("after 2"), Echo("no luck")]


@pytest.mark.parametrize("end", ["fail", "stop"])
def test_what_is_piped_ends_with_the_incarnation(end: str) -> None:
    @virtually
    async def scene() -> None:
        got: list[Any] = []
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Pipes(got), name="pipes", backoff=Backoff(first_s=0.0))
            await ref.tell(Pause(1.0))
            await asyncio.sleep(0.5)
            await (ref.stop() if end == "stop" else ref.tell(Boom()))
            await asyncio.sleep(2.0)
            assert got == []

    scene()


@virtually
async def test_a_pipe_that_gives_no_message_fails_the_incarnation() -> None:
    async with ActorSystem() as system:
        ref = system.spawn(lambda: Pipes([]), name="pipes")
        await ref.tell(Add(1))
        await asyncio.sleep(2.0)
        assert ref.statistics().restarts == 1


class Phone(Actor):
    def on_ask(self, message: Get) -> str:
        return "idle"

    def on_call(self, message: Pause) -> None:
        self.context.become(self.talking)

    async def talking(self, message: Any) -> Any:
        match message:
            case Get():
                return "talking"
            case Echo():
                self.context.unbecome()
            case Boom():
                raise RuntimeError("hung up")
            case _:
                self.unhandled(message)
        return None


@virtually
async def test_an_actor_becomes_another_and_itself_again_also_by_a_restart() -> None:
    async with ActorSystem() as system:
        phone = system.spawn(Phone, name="phone", backoff=Backoff(first_s=0.0))
        for leave in (Echo(0), Boom()):
            assert await phone.ask(Get()) == "idle"
            await phone.tell(Pause(0))
            assert await phone.ask(Get()) == "talking"
            await phone.tell(leave)
        assert await phone.ask(Get()) == "idle"
