"""A Runtime as the home of one's own actors: options, names, supervisors, pools; what cannot work is refused at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from cuebook import (
    Actor,
    ActorFailed,
    ActorOptions,
    ActorRef,
    ActorStopped,
    Backoff,
    ChildSpec,
    MailboxFull,
    MailboxSpec,
    Message,
    RestartIntensity,
    RestartLimitReached,
    Runtime,
    ServiceKey,
    SupervisionError,
    SupervisorSpec,
    message,
)


@message(tag=60_411)
class Put(Message[int]):
    amount: int


@message(tag=60_412)
class Fail(Message[None]):
    pass


class Tally(Actor[Put | Fail]):
    def __init__(self, start: int = 0, *, step: int = 1) -> None:
        self.total = start
        self.step = step

    def on_put(self, message: Put) -> int:
        self.total += self.step * message.amount
        return self.total

    def on_fail(self, message: Fail) -> None:
        raise TimeoutError("asked to")


def within(scene: Callable[[Runtime], Awaitable[None]]) -> Callable[[], None]:
    """Run a scene in a runtime of its own."""

    def test() -> None:
        async def main() -> None:
            async with Runtime() as runtime:
                await scene(runtime)

        asyncio.run(main())

    return test


@within
async def test_arguments_go_to_the_class_and_options_to_the_actor(runtime: Runtime) -> None:
    calm = ActorOptions(directives={TimeoutError: "resume"}, mailbox=MailboxSpec(capacity=7))
    tally = await runtime.spawn(Tally, 10, step=2, name="tally", options=calm)
    with pytest.raises(ActorFailed):
        await tally.ask(Fail())
    assert await tally.ask(Put(1)) == 12  # its state is kept
    statistics = tally.statistics()
    assert (statistics.capacity, statistics.restarts) == (7, 0)
    assert runtime.actor("tally") is tally


@within
async def test_each_restart_makes_it_anew_by_the_same_arguments(runtime: Runtime) -> None:
    tally = await runtime.spawn(Tally, 10, options=ActorOptions(backoff=Backoff(first_s=0.0)))
    await tally.ask(Put(5))
    tally.tell_nowait(Fail())
    assert await tally.ask(Put(1)) == 11


@within
async def test_arguments_that_the_class_does_not_take_are_refused_at_once(runtime: Runtime) -> None:
    with pytest.raises(
        TypeError, match=r"Tally: got an unexpected keyword argument 'restart'; .*ActorOptions\(restart"
    ):
        await runtime.spawn(Tally, restart="transient")
    with pytest.raises(TypeError, match="Tally: too many positional"):
        await runtime.spawn(Tally, 1, 2)
    with pytest.raises(TypeError, match="Tally, not an object of it"):
        await runtime.spawn(Tally())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="an Actor class"):
        await runtime.spawn(dict)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="ActorOptions"):
        await runtime.spawn(Tally, options={"restart": "transient"})  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"restart of 'ActorOptions' is one of permanent, transient, temporary, not 'never'"
    ):
        await runtime.spawn(Tally, options=ActorOptions(restart="never"))
    with pytest.raises(TypeError, match="SupervisorSpec"):
        await runtime.supervise([ChildSpec("one", Tally)])  # type: ignore[arg-type]
    assert "tally" not in str(runtime.system.tree())


@within
async def test_names_are_made_where_none_is_given_and_never_taken_twice(runtime: Runtime) -> None:
    await runtime.spawn(Tally, name="tally-2")
    refs = [await runtime.spawn(kind) for kind in (Tally, partial(Tally, 3), lambda: Tally(), Tally)]
    assert [ref.name for ref in refs] == ["tally-1", "tally-3", "actor-1", "tally-4"]
    with pytest.raises(ValueError, match="lives already"):
        await runtime.spawn(Tally, name="tally-2")


@within
async def test_a_parameter_of_the_class_that_is_called_name_goes_by_partial(runtime: Runtime) -> None:
    class Named(Actor):
        def __init__(self, name: str) -> None:
            self.name = name

        def receive(self, message: Any) -> Any:
            return self.name

    ref = await runtime.spawn(partial(Named, name="inner"), name="outer")
    assert (ref.name, await ref.ask(Put(1))) == ("outer", "inner")


@within
async def test_an_actor_that_failed_for_good_says_why(runtime: Runtime) -> None:
    ended: list[tuple[ActorRef, BaseException | None]] = []
    gone = asyncio.Event()

    def on_terminated(ref: ActorRef, error: BaseException | None) -> None:
        ended.append((ref, error))
        gone.set()

    once = ActorOptions(intensity=RestartIntensity(restarts_max=0), on_terminated=on_terminated)
    tally = await runtime.spawn(Tally, options=once)
    tally.tell_nowait(Fail())
    await gone.wait()
    assert ended[0][0] is tally
    assert isinstance(ended[0][1], RestartLimitReached)
    assert isinstance(ended[0][1].__cause__, TimeoutError)


@within
async def test_a_supervisor_keeps_its_children(runtime: Runtime) -> None:
    top = await runtime.supervise(
        SupervisorSpec([ChildSpec("a", Tally), ChildSpec("b", partial(Tally, 5))]), name="top"
    )
    assert await top.child("b").ask(Put(1)) == 6
    other = await runtime.supervise(SupervisorSpec([ChildSpec("a", Tally)]))
    assert other.ref.name == "supervisor-1"
    assert runtime.actor("supervisor-1/a").is_alive
    assert await top.stop()


@within
async def test_a_supervisor_whose_child_does_not_start_says_which(runtime: Runtime) -> None:
    class Broken(Actor):
        async def on_start(self) -> None:
            raise OSError("no connection")

    with pytest.raises(SupervisionError, match="child 'b' did not start: no connection") as raised:
        await runtime.supervise(SupervisorSpec([ChildSpec("a", Tally), ChildSpec("b", Broken)]), name="top")
    assert isinstance(raised.value.__cause__, OSError)
    assert "top" not in str(runtime.system.tree())


@within
async def test_whoever_asks_an_actor_that_failed_for_good_is_told_why_each_time(runtime: Runtime) -> None:
    class Broken(Actor):
        def __init__(self) -> None:
            raise ValueError("no configuration")

    ref = await runtime.spawn(Broken)
    for _ in range(2):
        with pytest.raises(ActorStopped, match=r"3 restarts within 5 s, the last one after ValueError\('no conf"):
            await ref.ask(Put(1))


@within
async def test_a_pool_shares_its_messages_out(runtime: Runtime) -> None:
    pool = await runtime.pool(Tally, 100, size=3, routing="by_key", key=lambda put: put.amount)
    assert [ref.name for ref in pool.refs] == ["tally-1-1", "tally-1-2", "tally-1-3"]
    first = await pool.ask(Put(1))
    assert await pool.ask(Put(1)) == first + 1
    bounded = await runtime.pool(Tally, size=1, name="small", options=ActorOptions(mailbox=MailboxSpec(capacity=1)))
    bounded.tell_nowait(Put(1))
    with pytest.raises(MailboxFull):
        bounded.tell_nowait(Put(1))


@within
async def test_services_and_dead_letters_are_those_of_the_system(runtime: Runtime) -> None:
    tally = await runtime.spawn(Tally)
    key = ServiceKey("tallies")
    runtime.system.services.register(key, tally)
    assert runtime.system.services.find(key) == (tally,)
    await tally.stop()
    assert runtime.system.services.find(key) == ()
