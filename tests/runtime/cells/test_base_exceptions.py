"""Whatever class an exception has: it is the failure of the actor that raised it, and nobody else's affair. Only the end
of the program is not, and a cancellation that somebody asked for.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cuebook.errors import ActorFailed, RestartLimitReached
from cuebook.runtime.cells.actor import Actor, Delivery
from cuebook.runtime.policy.restarts import Backoff, RestartIntensity
from cuebook.runtime.system import ActorSystem
from cuebook.runtime.tasks.hold import Hold
from tests.support.cast import Boom, Counter, Echo, Get
from tests.support.virtually import virtually


class PanicException(BaseException):
    """As an extension in Rust raises it."""


KINDS: dict[str, BaseException] = {
    "own": PanicException("called unwrap() on a None value"),
    "group": BaseExceptionGroup("several", [PanicException("one"), ValueError("two")]),
    "generator": GeneratorExit("closed"),
    "cancelled": asyncio.CancelledError("by nobody"),
}
TEXTS = {"own": "called unwrap", "group": "several", "generator": "GeneratorExit: closed", "cancelled": "by nobody"}


def fresh(kind: str) -> BaseException:
    """Another one of the same, with no traceback from elsewhere."""
    error = KINDS[kind]
    return error.derive(error.exceptions) if isinstance(error, BaseExceptionGroup) else type(error)(*error.args)


class Fails(Actor):
    """Raises at the place that is named, the first time."""

    def __init__(self, diary: list[Any], kind: str, where: str) -> None:
        self.diary, self.kind, self.where = diary, kind, where
        self._perhaps("made")

    def _perhaps(self, where: str) -> None:
        if self.where == where and where not in self.diary:
            self.diary.append(where)
            raise fresh(self.kind)

    async def on_start(self) -> None:
        self._perhaps("on_start")
        await asyncio.sleep(0.1)
        self._perhaps("on_start later")

    async def on_stop(self) -> None:
        self._perhaps("on_stop")

    def on_failure(self, error: BaseException) -> Any:
        self.diary.append(error)
        self._perhaps("on_failure")

    def receive(self, message: Any) -> Any:
        match message:
            case Get():
                return "here"
            case Boom("never waits"):
                return self._never_waits()
            case Boom("awaits"):
                return self._awaits()
        raise fresh(self.kind)

    async def _never_waits(self) -> None:
        raise fresh(self.kind)

    async def _awaits(self) -> None:
        await asyncio.sleep(0.1)
        raise fresh(self.kind)


@pytest.mark.parametrize("how", ["sync", "never waits", "awaits"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_handler_raises_is_the_failure_of_its_actor(kind: str, how: str) -> None:
    @virtually
    async def scene() -> None:
        diary: list[Any] = []
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Fails(diary, kind, ""), name="fails")
            other = system.spawn(Counter, name="other")
            with pytest.raises(ActorFailed, match=TEXTS[kind]) as failed:
                await ref.ask(Boom(how))
            assert await ref.ask(Get()) == "here"
            assert await other.ask(Echo(4)) == 4
            assert ref.statistics().restarts == 1
        cause = failed.value.__cause__
        assert diary == [cause]
        assert type(cause) is (RuntimeError if kind == "generator" else type(KINDS[kind]))

    scene()


@pytest.mark.parametrize("where", ["made", "on_start", "on_start later", "on_stop", "on_failure"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_hook_raises_is_the_failure_of_its_actor(kind: str, where: str) -> None:
    @virtually
    async def scene() -> None:
        diary: list[Any] = []
        async with ActorSystem() as system:
            ref = system.spawn(lambda: Fails(diary, kind, where), name="fails")
            if where == "on_failure":
                ref.tell_nowait(Boom("sync"))
            assert await ref.ask(Get()) == "here"
            assert ref.statistics().restarts == int(where != "on_stop")
        assert where in diary
        assert system.statistics() == {}

    scene()


@pytest.mark.parametrize("kind", KINDS)
def test_many_at_once_and_what_is_piped_fail_alike(kind: str) -> None:
    outcomes: list[Any] = []

    class Many(Actor):
        def receive_many(self, deliveries: list[Delivery]) -> None:
            raise fresh(kind)

    class Pipes(Actor):
        def receive(self, message: Any) -> Any:
            if isinstance(message, Echo):
                return outcomes.append(message.value)
            if message == Boom("wrap"):
                self.context.pipe_to_self(asyncio.sleep(0.1), self._raise)
            if message == Boom("awaits"):
                self.context.pipe_to_self(self._awaits(), lambda value, error: Echo(repr(error)))
            return "here"

        def _raise(self, *_: Any) -> object:
            raise fresh(kind)

        async def _awaits(self) -> None:
            await asyncio.sleep(0.1)
            raise fresh(kind)

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            many = system.spawn(Many, name="many")
            with pytest.raises(ActorFailed, match=TEXTS[kind]):
                await many.ask(Get())
            pipes = system.spawn(Pipes, name="pipes")
            await pipes.ask(Boom("awaits"))
            await asyncio.sleep(1)
            assert [TEXTS[kind] in text for text in outcomes] == [True]
            await pipes.ask(Boom("wrap"))
            await asyncio.sleep(1)
            assert (pipes.statistics().restarts, await pipes.ask(Get())) == (1, "here")

    scene()


def test_the_restarts_of_such_failures_are_counted_and_who_is_told_of_the_end_may_raise_too() -> None:
    ends: list[BaseException | None] = []

    def on_terminated(ref: Any, error: BaseException | None) -> None:
        ends.append(error)
        raise PanicException("here too")

    @virtually
    async def scene() -> None:
        async with ActorSystem() as system:
            ref = system.spawn(
                lambda: Fails([], "own", ""),
                name="fails",
                intensity=RestartIntensity(1, 60.0),
                backoff=Backoff(first_s=0.0),
                on_terminated=on_terminated,
            )
            for _ in range(2):
                with pytest.raises(ActorFailed):
                    await ref.ask(Boom())
            await asyncio.sleep(1)
            assert not ref.is_alive
        assert [type(end) for end in ends] == [RestartLimitReached]

    scene()


@pytest.mark.parametrize("how", ["sync", "awaits"])
def test_a_group_with_the_end_of_the_program_in_it_ends_the_block(how: str) -> None:
    class Ends(Actor):
        async def receive(self, message: Any) -> None:
            if how == "awaits":
                await asyncio.sleep(0.1)
            raise BaseExceptionGroup("both", [SystemExit(3), ValueError("two")])

    @virtually
    async def scene() -> None:
        with pytest.raises(BaseExceptionGroup, match="both"):
            async with ActorSystem() as system:
                system.spawn(Ends, name="ends").tell_nowait(Get())
                await asyncio.sleep(10)

    scene()


def test_a_coroutine_that_is_closed_with_its_task_has_not_failed() -> None:
    hold = Hold()
    inside: list[bool] = []

    async def awaits() -> None:
        with hold:
            inside.append(hold.is_end(GeneratorExit()))
            await asyncio.sleep(0.01)

    async def main() -> None:
        task = asyncio.create_task(awaits())
        await asyncio.sleep(0)
        assert hold.is_end(GeneratorExit())
        await task

    asyncio.run(main())
    assert inside == [False]
    assert hold.is_end(GeneratorExit())
