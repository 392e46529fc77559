"""However a process of actors ends, all that waits is answered with the reason, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from cuebook import (
    Actor,
    ActorFailed,
    ActorOptions,
    ActorStopped,
    AskTimeout,
    ProcessDied,
    RestartIntensity,
    Runtime,
)
from cuebook.processes.process import Ladder
from cuebook.processes.protocol import VERSION, Hello, pack_order
from cuebook.wire.frame import pack_frame
from tests.processes.dying import eventually, living
from tests.support.lodgers import (
    Add,
    Echo,
    Fail,
    Hire,
    Leave,
    Lodger,
    Look,
    Pause,
    Seen,
    Stubborn,
    Total,
    Where,
    Write,
)
from tests.support.programs import is_alive


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("exit", "exited with code 3"),
        ("exit with a thread", "exited with code 1"),
        ("_exit", "exited with code 7"),
        ("kill", "killed by SIGKILL"),
        ("close", "killed by SIGKILL"),
    ],
)
def test_any_end_of_the_process_is_told_in_words_and_the_actor_begins_again_in_a_new_one(how: str, reason: str) -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 5, name="lodger", where="process")
        watcher = await runtime.spawn(Lodger)
        await watcher.ask(Look(ref, False))
        pid = await ref.ask(Where())
        with pytest.raises(ProcessDied, match=rf"lodger: process lodger \(pid {pid}\) ended: {reason}") as caught:
            await ref.ask(Leave(how))
        assert caught.value.pid == pid
        assert await ref.ask(Total()) == 5
        assert await ref.ask(Where()) != pid
        assert not is_alive(pid)
        assert [entry[:3] for entry in await watcher.ask(Seen())] == [["restarted", "lodger", 1]]

    living(test)


class Panic(BaseException):
    pass


def test_an_exception_of_any_class_is_the_failure_of_its_actor_and_its_process_goes_on() -> None:
    async def test(runtime: Runtime) -> None:
        class Local(BaseException):
            pass

        class Fails(Actor):
            async def on_echo(self, message: Echo) -> Any:
                match message.value:
                    case "own":
                        raise Panic("called unwrap() on a None value")
                    case "local":
                        raise Local("as well")
                    case "group":
                        raise BaseExceptionGroup("both", [Panic(), ValueError()])
                    case "generator":
                        raise GeneratorExit("closed")
                return os.getpid()

        options = ActorOptions(intensity=RestartIntensity(9, 5.0))
        ref = await runtime.spawn(Fails, where="process", name="fails", options=options)
        pid = await ref.ask(Echo("pid"))
        causes = {}
        for what, text in {"own": "unwrap", "local": "as well", "group": "both", "generator": "closed"}.items():
            with pytest.raises(ActorFailed, match=text) as failed:
                await ref.ask(Echo(what))
            causes[what] = type(failed.value.__cause__)
            assert await ref.ask(Echo("pid")) == pid
        assert causes["own"] is Panic
        assert causes["generator"] is RuntimeError

    living(test)


def test_a_group_with_the_end_of_the_program_in_it_ends_the_process() -> None:
    async def test(runtime: Runtime) -> None:
        class Ends(Actor):
            async def on_echo(self, message: Echo) -> None:
                raise BaseExceptionGroup("both", [SystemExit(1), ValueError()])

        ref = await runtime.spawn(Ends, where="process", name="ends")
        with pytest.raises(ProcessDied, match="exited with code 1"):
            await ref.ask(Echo("group"))
        assert ref.is_alive

    living(test)


def test_a_temporary_actor_is_down_for_good_with_the_reason() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, name="lodger", where="process", options=ActorOptions(restart="temporary"))
        watcher = await runtime.spawn(Lodger)
        await watcher.ask(Look(ref, False))
        with pytest.raises(ProcessDied):
            await ref.ask(Leave("kill"))
        await eventually(lambda: not ref.is_alive)
        ((kind, name, why, text),) = await watcher.ask(Seen())
        assert (kind, name, why) == ("down", "lodger", "failure")
        assert "killed by SIGKILL" in text
        with pytest.raises(ActorStopped, match="killed by SIGKILL"):
            await ref.ask(Total())

    living(test)


def test_messages_that_a_killed_process_had_not_begun_are_received_by_the_next_one_exactly_once(tmp_path: Path) -> None:
    diary = tmp_path / "diary"

    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 0, str(diary), where="process")
        await ref.ask(Total())
        for n in range(100):
            ref.tell_nowait(Add(n))
        ref.tell_nowait(Leave("kill"))
        for n in range(100, 400):
            ref.tell_nowait(Add(n))
        asked = asyncio.ensure_future(ref.ask(Where()))
        await asked
        assert await ref.stop()
        assert ref.statistics().restarts == 1

    living(test)
    added = [line for line in diary.read_text().splitlines() if line.startswith("add")]
    assert added == [f"add {n}" for n in range(400)]


def test_the_message_in_hand_of_a_process_that_dies_is_tried_as_often_as_it_may_be_and_is_poison_then() -> None:
    async def test(runtime: Runtime) -> None:
        letters: list[Any] = []

        async def read() -> None:
            async for letter in runtime.system.dead_letters.stream():
                letters.append(letter)

        reading = asyncio.ensure_future(read())
        await asyncio.sleep(0)
        ref = await runtime.spawn(Lodger, where="process", options=ActorOptions(attempts=2))
        ref.tell_nowait(Leave("_exit"))
        ref.tell_nowait(Add(1))
        assert await ref.ask(Total()) == 1
        assert ref.statistics().restarts == 2
        reading.cancel()
        assert [(letter.message, letter.reason.value) for letter in letters] == [(Leave("_exit"), "poison")]

    living(test)


def test_of_the_asks_to_a_killed_process_the_begun_one_fails_and_the_others_are_answered_by_the_next(
    tmp_path: Path,
) -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 0, str(tmp_path / "diary"), where="process")
        pid = await ref.ask(Where())
        begun = asyncio.ensure_future(ref.ask(Pause(1000), timeout=None))
        await eventually(lambda: "pausing" in (tmp_path / "diary").read_text())
        waiting = [asyncio.ensure_future(ref.ask(Echo(n), timeout=None)) for n in range(50)]
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ProcessDied, match="killed by SIGKILL"):
            await begun
        assert await asyncio.gather(*waiting) == list(range(50))

    living(test)


def test_a_stopped_process_keeps_deadlines_and_its_ladder_ends_it() -> None:
    async def test(runtime: Runtime) -> None:
        process = runtime.process("frozen", ladder=Ladder(ask_s=0.05, term_s=0.05))
        ref = await runtime.spawn(Lodger, where=process)
        pid = await ref.ask(Where())
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(AskTimeout, match="within 0.05 s"):
            await ref.ask(Total(), timeout=0.05)
        assert await ref.stop(0.1) is False
        await process.stop()
        assert not is_alive(pid)

    living(test)


def test_a_process_of_its_own_ends_with_its_actor_and_sigkill_is_the_last_step() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process")
        pid = await ref.ask(Where())
        assert await ref.stop()
        assert not is_alive(pid)

        process = runtime.process("stubborn", ladder=Ladder(ask_s=0.0, term_s=0.05))
        stubborn = await runtime.spawn(Stubborn, where=process)
        pid = await stubborn.ask(Where())
        await process.stop()
        assert not is_alive(pid)
        assert await stubborn.ask(Where()) != pid  # it is permanent

    living(test)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pack_frame(b"\xc1 no msgpack at all"), "no whole msgpack value"),
        (b"\xff\xff\xff\xff", "a frame of 4,294,967,295 bytes, more than the limit"),
        (pack_frame(b"\x95\x65\x01\x02\x03\x04"), "traffic of kind 101"),
        (pack_frame(pack_order(Hello(VERSION + 1, 1, b"x" * 16))), f"speaks version {VERSION + 1} of the protocol"),
    ],
)
def test_a_child_that_writes_what_is_no_message_is_ended_and_the_reason_is_told(data: bytes, why: str) -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 5, where="process")
        pid = await ref.ask(Where())
        with pytest.raises(ProcessDied, match="sent what is no message") as caught:
            await ref.ask(Write(data))
        assert why in caught.value.reason
        assert not is_alive(pid)
        assert await ref.ask(Total()) == 5

    living(test)


def test_several_actors_share_a_process_fail_alone_and_die_together() -> None:
    async def test(runtime: Runtime) -> None:
        process = runtime.process("shared")
        assert runtime.process("shared") is process
        with pytest.raises(ValueError, match="there is a process 'shared' already"):
            runtime.process("shared", ladder=Ladder(9.0, 9.0))
        refs = [await runtime.spawn(Lodger, n, where=process) for n in range(5)]
        pids = await asyncio.gather(*(ref.ask(Where()) for ref in refs))
        assert set(pids) == {process.pid}
        with pytest.raises(ActorFailed):
            await refs[0].ask(Fail("x"))
        assert await refs[1].ask(Total()) == 1
        assert [ref.statistics().restarts for ref in refs] == [1, 0, 0, 0, 0]
        assert await refs[4].stop()
        assert process.is_alive
        process.kill()
        await eventually(lambda: all(ref.statistics().restarts for ref in refs[:4]))
        again = await asyncio.gather(*(ref.ask(Where()) for ref in refs[:4]))
        assert set(again) == {process.pid}
        assert set(again) != set(pids)

    living(test)


def test_an_actors_children_end_with_its_process_and_their_refs_say_so() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process")
        child = (await ref.ask(Hire("child"))).value
        watcher = await runtime.spawn(Lodger)
        await watcher.ask(Look(child, False))
        assert await child.ask(Total()) == 0
        waiting = asyncio.ensure_future(child.ask(Pause(1000), timeout=None))
        await asyncio.sleep(0)
        with pytest.raises(ProcessDied):
            await ref.ask(Leave("kill"))
        with pytest.raises(ProcessDied):
            await waiting
        with pytest.raises(ActorStopped):
            await child.ask(Total())
        ((kind, name, why, text),) = await watcher.ask(Seen())
        assert (kind, name, why) == ("down", "child", "failure")
        assert "killed by SIGKILL" in text

    living(test)
