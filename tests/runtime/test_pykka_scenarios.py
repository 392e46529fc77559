"""What Pykka's own suite asks of an actor, asked of this one. Each test names its cases."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cuebook.errors import ActorFailed, ActorStopped, AskTimeout, UnhandledMessage
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.policy.restarts import Restart
from cuebook.runtime.reports.deadletters import DeadReason
from cuebook.runtime.system import ActorSystem
from cuebook.testing.probe import Probe
from tests.support.cast import Add, Boom, Echo, Get, Pause
from tests.support.virtually import virtually


class Odd(BaseException):
    """Neither an Exception nor a cancellation."""


class Subject(Actor):
    """Does what Pykka's test actors do; `diary` outlives it."""

    def __init__(self, diary: list[str], *flaws: str) -> None:
        self.diary, self.flaws = diary, flaws

    async def on_start(self) -> None:
        self.diary.append("on_start")
        assert self.context.system.actor(self.context.self_ref.name) is self.context.self_ref
        if "stops early" in self.flaws:
            self.context.stop_self()
        if "fails early" in self.flaws:
            raise RuntimeError("on_start fails")

    async def on_stop(self) -> None:
        self.diary.append("on_stop")
        if "fails late" in self.flaws:
            raise RuntimeError("on_stop fails")

    async def on_failure(self, error: BaseException) -> None:
        self.diary.append(f"on_failure {error}")
        if "fails to fail" in self.flaws:
            raise RuntimeError("on_failure fails")

    def receive(self, message: Any) -> Any:
        me = self.context.self_ref
        match message:
            case Boom(text):
                raise RuntimeError(text)
            case Pause(seconds):
                return asyncio.sleep(seconds)
            case Echo("odd"):
                raise Odd("odd")
            case Echo("odd later"):
                return self.odd_later()
            case Echo("stop twice"):
                self.context.stop_self()
                self.context.stop_self()
            case Echo("message self, then stop"):
                me.tell_nowait(Echo("greetings"))
                self.context.stop_self()
            case Echo("greetings"):
                self.diary.append("greetings")
            case Get():
                return "pong"
            case _:
                self.unhandled(message)
        return None

    async def odd_later(self) -> None:
        await asyncio.sleep(0)
        raise Odd("odd")


def start(system: ActorSystem, diary: list[str], *flaws: str) -> Any:
    return system.spawn(lambda: Subject(diary, *flaws), name="subject", restart=Restart.TEMPORARY)


@virtually
async def test_messages_left_in_queue_after_actor_stops_receive_an_error() -> None:
    async with ActorSystem() as system:
        ref = start(system, [])
        ref.tell_nowait(Pause(10))
        left = asyncio.ensure_future(ref.ask(Get()))
        await asyncio.sleep(1)
        stopping = asyncio.ensure_future(ref.stop(timeout=60, drain=False))
        await asyncio.sleep(1)
        with pytest.raises(ActorStopped):
            await ref.ask(Get())  # comes too late
        with pytest.raises(ActorStopped):
            await left
        assert not await stopping


@virtually
async def test_stop_requests_left_in_queue_after_actor_stops_are_handled() -> None:
    async with ActorSystem() as system:
        ref = start(system, [])
        ref.tell_nowait(Pause(10))
        assert await asyncio.gather(*(ref.stop(timeout=60) for _ in range(3))) == [True] * 3
        assert await ref.stop()


@virtually
async def test_on_start_comes_first_and_finds_the_actor_registered() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref = start(system, diary)
        assert await ref.ask(Get()) == "pong"
        assert system.actor("subject") is ref
    assert diary == ["on_start", "on_stop"]
    with pytest.raises(KeyError):
        system.actor("subject")


@virtually
async def test_on_start_can_stop_actor_before_receive_loop_is_started() -> None:
    diary: list[str] = []
    async with ActorSystem() as system:
        ref, probe = start(system, diary, "stops early"), Probe(system)
        assert (await probe.expect_terminated(ref)).reason is Exit.NORMAL
        assert diary == ["on_start", "on_stop"]
        assert not ref.is_alive


@pytest.mark.parametrize(
    ("flaw", "message", "expected"),
    [
        ("fails early", None, ["on_start", "on_failure on_start fails"]),
        ("fails late", "stop", ["on_start", "on_stop"]),
        ("none", Boom(), ["on_start", "on_failure boom"]),
        ("fails to fail", Boom(), ["on_start", "on_failure boom"]),
    ],
)
def test_failures_of_hooks_and_handlers_cause_actor_to_stop(flaw: str, message: Any, expected: list[str]) -> None:
    """on_{start,stop,failure}_failure_causes_actor_to_stop, actor_is_stopped_when_unhandled_exceptions_are_raised."""

    @virtually
    async def scene() -> None:
        diary: list[str] = []
        async with ActorSystem() as system:
            ref, probe = start(system, diary, flaw), Probe(system)
            if message == "stop":
                await ref.ask(Get())
                await ref.stop()
            elif message is not None:
                ref.tell_nowait(message)
            await probe.expect_terminated(ref)
            assert not ref.is_alive
            assert system.statistics().keys() == {"probe"}
        assert diary == expected

    scene()


@pytest.mark.parametrize("word", ["odd", "odd later"])
def test_no_other_actor_is_stopped_on_base_exception(word: str) -> None:
    """Other than in Pykka, where all actors are: what is no Exception is a failure like any other."""

    @virtually
    async def scene() -> None:
        diary: list[str] = []
        async with ActorSystem() as system:
            ref = start(system, diary)
            bystander = system.spawn(lambda: Subject(diary), name="bystander")
            assert await ref.ask(Get()) == "pong"
            with pytest.raises(ActorFailed, match="odd") as failed:
                await ref.ask(Echo(word))
            assert type(failed.value.__cause__) is Odd
            assert await bystander.ask(Get()) == "pong"

    scene()


@pytest.mark.parametrize(("word", "also"), [("stop twice", []), ("message self, then stop", ["greetings"])])
def test_stopping_oneself(word: str, also: list[str]) -> None:
    """actor_can_call_stop_on_self_multiple_times, actor_processes_all_messages_before_stop_on_self_stops_it."""

    @virtually
    async def scene() -> None:
        diary: list[str] = []
        async with ActorSystem() as system:
            ref, probe = start(system, diary), Probe(system)
            await ref.ask(Echo(word))
            await probe.expect_terminated(ref)
        assert diary == ["on_start", *also, "on_stop"]

    scene()


@virtually
async def test_what_a_ref_says_of_its_actor() -> None:
    """is_alive_*, repr_*, tell_fails_if_actor_is_stopped, ask_fails_if_actor_is_stopped."""
    async with ActorSystem() as system:
        ref = start(system, [])
        assert ref.is_alive
        assert "<ActorRef subject" in repr(ref)
        assert await ref.stop()
        assert not ref.is_alive
        for send in (ref.tell, ref.ask):
            with pytest.raises(ActorStopped, match="subject has stopped"):
                await send(Add(1))
        with pytest.raises(ActorStopped, match="subject has stopped"):
            ref.tell_nowait(Add(1))
        assert "stopped" in repr(ref)
        assert system.dead_letters.counts[DeadReason.STOPPED] == 3


@virtually
async def test_ask_can_time_out_and_the_actor_goes_on() -> None:
    async with ActorSystem() as system:
        ref = start(system, [])
        for timeout in (0, 0.01, 5):
            with pytest.raises(AskTimeout):
                await ref.ask(Pause(10), timeout=timeout)
        assert await ref.ask(Get(), timeout=60) == "pong"
        assert ref.statistics().late_replies == 3


@virtually
async def test_unexpected_messages_are_told_and_the_actor_goes_on() -> None:
    async with ActorSystem() as system:
        ref = start(system, [])
        ref.tell_nowait(Add(1))
        with pytest.raises(UnhandledMessage, match="Add"):
            await ref.ask(Add(1))
        assert await ref.ask(Get()) == "pong"
        assert system.dead_letters.counts[DeadReason.UNHANDLED] == 2


@virtually
async def test_exception_is_returned_with_its_traceback() -> None:
    async with ActorSystem() as system:
        ref = start(system, [])
        with pytest.raises(ActorFailed) as raised:
            await ref.ask(Boom("deep down"))
        cause = raised.value.__cause__
        assert isinstance(cause, RuntimeError)
        assert cause.__traceback__ is not None


@virtually
async def test_stop_all_stops_last_started_actor_first() -> None:
    """And all of them; who stops, stops in order."""
    diary: list[str] = []

    class Named(Actor):
        async def on_stop(self) -> None:
            diary.append(self.context.self_ref.name)

        def receive(self, message: Any) -> None: ...

    async with ActorSystem() as system:
        for name in "abc":
            system.spawn(Named, name=name)
        await asyncio.sleep(0.01)
    assert diary == ["c", "b", "a"]
    assert system.statistics() == {}


EXITS = """
import asyncio, sys
from cuebook import Actor, message
from cuebook.runtime.system import ActorSystem

@message(tag=1000)
class Exit:
    is_late: bool

class Quits(Actor):
    def receive(self, message):
        if message.is_late:
            return self.late()
        sys.exit(7)

    async def late(self):
        await asyncio.sleep(0)
        sys.exit(7)

async def main():
    async with ActorSystem() as system:
        await system.spawn(Quits, name="quits").ask(Exit(sys.argv[1] == "late"))

asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["at once", "late"])
def test_an_exit_in_a_handler_ends_the_program_with_its_code_and_without_a_word(when: str) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", EXITS, when], capture_output=True, text=True, cwd=root, timeout=60)

    assert done.returncode == 7
    assert "unhandled" not in done.stderr
    assert "Traceback" not in done.stderr
