"""An actor in a process is an actor: messages, answers, refs, bounds, restarts and ends are as anywhere."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cuebook import (
    ActorFailed,
    ActorOptions,
    ActorStopped,
    AskTimeout,
    FunctionNotShippable,
    MailboxFull,
    MailboxSpec,
    MessageTooLarge,
    RestartLimitReached,
    Runtime,
    UnhandledMessage,
    message,
)
from tests.support.lodgers import (
    Add,
    Annotated,
    Block,
    Echo,
    Fail,
    Hire,
    Hold,
    Local,
    Lodger,
    Look,
    Me,
    Pass,
    Pause,
    Quit,
    Receiver,
    Release,
    Seen,
    Set,
    Shared,
    Spam,
    Total,
    Where,
)
from tests.support.programs import run_script

pytestmark = pytest.mark.quick


def living(test: Callable[[Runtime], Awaitable[None]]) -> None:
    """Run a test inside a runtime."""

    async def run() -> None:
        async with Runtime() as runtime:
            await asyncio.wait_for(test(runtime), 60)

    asyncio.run(run())


async def eventually(condition: Callable[[], Any]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("where", [None, "process"])
def test_the_same_actor_runs_unchanged_here_and_in_another_process(where: Any) -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 10, name="lodger", where=where)
        for n in range(2000):
            await ref.tell(Add(n))
        assert await ref.ask(Total()) == 10 + sum(range(2000))
        assert (await ref.ask(Where()) == os.getpid()) is (where is None)
        assert await ref.ask(Echo({"a": [1, 2.5, None, b"x"]})) == {"a": [1, 2.5, None, b"x"]}
        assert runtime.actor("lodger") is ref
        assert await ref.ask(Shared(4)) == 4
        with pytest.raises(UnhandledMessage, match="no handler for Hold2"):
            await ref.ask(Hold2())
        assert await ref.stop() is True
        with pytest.raises(ActorStopped):
            await ref.ask(Total())

    living(test)


def test_handlers_found_by_annotation_are_found_in_a_process_that_imports_the_class() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Annotated, where="process")
        assert await ref.ask(Add(3)) == 4
        assert await ref.ask(Echo("x")) == "x"

    living(test)


@message(tag=58_190)
class Hold2:
    """Nobody handles it."""


def test_a_hundred_asks_at_once_are_all_answered_each_with_its_own() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process")
        answers = await asyncio.gather(*(ref.ask(Echo(n)) for n in range(600)))
        assert answers == list(range(600))
        assert await ref.batch([Echo(n) for n in range(300)]) == list(range(300))

    living(test)


def test_an_ask_ends_by_its_deadline_while_the_actor_blocks_its_process_and_the_late_answer_is_counted(
    tmp_path: Path,
) -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process")
        await ref.ask(Total())
        with pytest.raises(AskTimeout, match="did not answer Block within 0.05 s"):
            await ref.ask(Block(0.4, str(tmp_path / "diary")), timeout=0.05)
        assert await ref.ask(Total(), timeout=30) == 0
        assert ref.statistics().late_replies == 1

    living(test)


def test_a_message_that_goes_by_reference_only_is_refused_at_the_sender_by_name() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process")
        with pytest.raises(TypeError, match="Local has no tag"):
            ref.tell_nowait(Local(object()))
        with pytest.raises(TypeError, match="Local has no tag"):
            await ref.ask(Local(object()))
        assert await ref.ask(Total()) == 0

    living(test)


def test_refs_travel_both_ways_and_are_valid_on_either_side() -> None:
    async def test(runtime: Runtime) -> None:
        lodger = await runtime.spawn(Lodger, name="lodger", where="process")
        here = await runtime.spawn(Receiver, name="here")
        assert await lodger.ask(Pass(here, 5)) == "lodger added 5"
        assert (await lodger.ask(Me())).value is lodger
        child = (await lodger.ask(Hire("child"))).value
        assert await child.ask(Where()) == await lodger.ask(Where())
        await child.tell(Add(3))
        assert await child.ask(Total()) == 3
        other = await runtime.spawn(Lodger, where="process")
        assert await other.ask(Pass(lodger, 2)) is None
        assert await lodger.ask(Total()) == 2
        assert await other.ask(Pass(child, 4)) is None
        assert await child.ask(Total()) == 7
        assert await child.stop() is True
        with pytest.raises(ActorStopped):
            await child.ask(Total())

    living(test)


def test_a_ref_may_be_an_argument_and_is_usable_from_the_first_message_on() -> None:
    async def test(runtime: Runtime) -> None:
        here = await runtime.spawn(Receiver, name="here")
        ref = await runtime.spawn(Forwarder, here, where="process")
        assert await ref.ask(Total()) == 41

    living(test)


class Forwarder(Lodger):
    """Told the actor that it works for when it is made."""

    def __init__(self, to: Any) -> None:
        super().__init__()
        self.to = to

    async def on_start(self) -> None:
        await self.to.tell(Add(41), timeout=5)

    async def receive(self, message: Any) -> Any:
        return await self.to.ask(message)


def test_a_flood_from_a_child_waits_for_room_here_and_nothing_of_it_is_lost() -> None:
    async def test(runtime: Runtime) -> None:
        small = ActorOptions(mailbox=MailboxSpec(capacity=4))
        here = await runtime.spawn(Receiver, options=small)
        ref = await runtime.spawn(Lodger, where="process")
        assert await ref.ask(Spam(here, 2000), timeout=50) == 0
        await ref.ask(Pass(here, 0))  # behind all of these
        assert await here.ask(Total()) == 2000
        assert here.statistics().high_water <= 4

    living(test)


def test_a_failure_arrives_with_its_traceback_and_its_cause_and_the_next_incarnation_begins_in_the_same_process() -> (
    None
):
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 7, where="process")
        pid = await ref.ask(Where())
        await ref.tell(Add(1))
        with pytest.raises(ActorFailed, match="KeyError: 'what'") as caught:
            await ref.ask(Fail("what"))
        assert isinstance(caught.value.__cause__, KeyError)
        assert caught.value.__cause__.args == ("what",)
        assert "raise KeyError(text)" in caught.value.traceback_text
        assert await ref.ask(Total()) == 7
        assert await ref.ask(Where()) == pid
        assert ref.statistics().restarts == 1

    living(test)


def test_what_waits_when_a_handler_fails_is_received_by_the_next_incarnation_in_order(tmp_path: Path) -> None:
    diary = tmp_path / "diary"

    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 0, str(diary), where="process")
        await ref.ask(Total())
        await ref.tell(Add(0))
        ref.tell_nowait(Fail("now"))
        for n in range(1, 200):
            ref.tell_nowait(Add(n))
        await ref.ask(Total())
        assert await ref.stop()

    living(test)
    added = [line for line in diary.read_text().splitlines() if line.startswith("add")]
    assert added == [f"add {n}" for n in range(200)]
    assert "failure KeyError" in diary.read_text()


def test_directives_and_attempts_are_kept_by_the_type_of_the_exception_in_the_child() -> None:
    async def test(runtime: Runtime) -> None:
        resumed = await runtime.spawn(Lodger, where="process", options=ActorOptions(directives={KeyError: "resume"}))
        await resumed.tell(Add(5))
        with pytest.raises(ActorFailed):
            await resumed.ask(Fail("x"))
        assert await resumed.ask(Total()) == 5
        assert resumed.statistics().restarts == 0

        stopped = await runtime.spawn(Lodger, where="process", options=ActorOptions(directives={KeyError: "stop"}))
        with pytest.raises(ActorFailed):
            await stopped.ask(Fail("x"))
        await eventually(lambda: not stopped.is_alive)

        tried = await runtime.spawn(Lodger, where="process", options=ActorOptions(attempts=3))
        with pytest.raises(ActorFailed):
            await tried.ask(Fail("x"))
        await tried.ask(Total())
        assert tried.statistics().restarts == 3

    living(test)


def test_too_many_failures_end_it_and_all_that_waits_is_answered() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process")
        watcher = await runtime.spawn(Lodger, name="watcher")
        await watcher.tell(Look(ref, False))
        asks = [asyncio.ensure_future(ref.ask(Fail("x"))) for _ in range(8)]
        results = await asyncio.gather(*asks, return_exceptions=True)
        assert {type(result) for result in results} == {ActorFailed, ActorStopped}
        await eventually(lambda: not ref.is_alive)
        seen = await watcher.ask(Seen())
        assert [entry[0] for entry in seen] == ["restarted"] * 3 + ["down"]
        assert "more than 3 restarts" in seen[-1][3]

    living(test)


def test_a_start_that_fails_is_a_failure_of_the_actor_with_its_reason() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, -1, where="process")
        with pytest.raises(ActorStopped) as caught:
            await ref.ask(Total())
        assert isinstance(caught.value.__cause__, RestartLimitReached)
        assert isinstance(caught.value.__cause__.__cause__, ValueError)

    living(test)


def test_what_cannot_be_pickled_is_refused_before_anything_starts() -> None:
    async def test(runtime: Runtime) -> None:
        with pytest.raises(FunctionNotShippable, match="Lodger cannot be sent to a process"):
            await runtime.spawn(Lodger, threading.Lock(), where="process")
        with pytest.raises(TypeError, match="missing a required"):
            await runtime.spawn(Forwarder, where="process")
        with pytest.raises(ValueError, match="an actor lives on this loop"):
            await runtime.spawn(Lodger, where="elsewhere")

    living(test)


def test_a_large_message_arrives_and_one_over_the_limit_is_refused_at_its_sender() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process")
        assert await ref.ask(Echo(b"")) == b""
        large = b"x" * (60 * 1024 * 1024)
        assert await ref.ask(Echo(large), timeout=60) == large
        with pytest.raises(MessageTooLarge, match="more than a frame's"):
            await ref.ask(Echo(b"x" * 100_000_000))
        assert await ref.ask(Total()) == 0

    living(test)


def test_an_answer_over_the_limit_is_an_error_and_the_actor_goes_on() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Maker, where="process")
        with pytest.raises(ActorFailed, match="100,000,000 bytes"):
            await ref.ask(Add(100_000_000))
        assert await ref.ask(Add(0)) == 2**100
        assert await ref.ask(Add(3)) == b"xxx"

    living(test)


class Maker(Lodger):
    """Answers with so many bytes."""

    def receive(self, message: Any) -> Any:
        return b"x" * message.n if message.n else 2**100


def test_a_full_mailbox_is_full_wherever_its_actor_lives(tmp_path: Path) -> None:
    async def test(runtime: Runtime) -> None:
        options = ActorOptions(mailbox=MailboxSpec(capacity=8))
        ref = await runtime.spawn(Lodger, where="process", options=options)
        await ref.ask(Total())
        ref.tell_nowait(Block(0.3, str(tmp_path / "diary")))
        with pytest.raises(MailboxFull, match="8 of 8 messages"):
            for _ in range(20):
                ref.tell_nowait(Add(1))
        await ref.tell(Add(100))  # from outside it waits
        assert await ref.ask(Total()) >= 108
        assert ref.statistics().depth == 0

    living(test)


def test_more_deferred_and_stashed_messages_than_the_window_do_not_stop_the_flow() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process")
        held = [asyncio.ensure_future(ref.ask(Hold())) for _ in range(400)]
        aside = [asyncio.ensure_future(ref.ask(Set())) for _ in range(400)]
        await asyncio.sleep(0)
        await ref.tell(Release())
        assert set(await asyncio.gather(*held)) == {"released"}
        assert set(await asyncio.gather(*aside)) == {"taken up"}

    living(test)


def test_an_urgent_message_overtakes_those_that_were_sent_before(tmp_path: Path) -> None:
    diary = tmp_path / "diary"

    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 0, str(diary), where="process")
        await ref.ask(Total())
        ref.tell_nowait(Block(0.3, str(diary)))
        await eventually(lambda: "blocked" in diary.read_text())
        for n in range(20):
            ref.tell_nowait(Add(n))
        await asyncio.sleep(0.01)
        ref.tell_nowait(Add(1000), urgent=True)
        await ref.ask(Total())

    living(test)
    added = [line for line in diary.read_text().splitlines() if line.startswith("add")]
    assert added == ["add 1000", *(f"add {n}" for n in range(20))]


def test_it_may_stop_itself_and_is_down_as_normal() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, where="process", options=ActorOptions(restart="transient"))
        watcher = await runtime.spawn(Lodger)
        await watcher.tell(Look(ref, False))
        await ref.tell(Quit())
        await eventually(lambda: not ref.is_alive)
        await ref.stop()
        assert await watcher.ask(Seen()) == [["down", ref.name, "normal", "None"]]

        permanent = await runtime.spawn(Lodger, 3, where="process")
        await permanent.tell(Add(4))
        await permanent.tell(Quit())
        assert await permanent.ask(Total()) == 3
        assert permanent.statistics().restarts == 1

    living(test)


def test_an_actor_in_a_process_watches_and_is_linked_to_actors_elsewhere() -> None:
    async def test(runtime: Runtime) -> None:
        target = await runtime.spawn(Lodger, name="target")
        ref = await runtime.spawn(Lodger, where="process")
        await ref.ask(Look(target, False))
        target.kill()
        await target.ask(Total())
        await target.stop()
        async with asyncio.timeout(20):
            while len(seen := await ref.ask(Seen())) < 2:
                await asyncio.sleep(0.01)
        assert [entry[:3] for entry in seen] == [["restarted", "target", 1], ["down", "target", "shutdown"]]

        linked = await runtime.spawn(Lodger, name="linked")
        await ref.ask(Look(linked, True))
        linked.kill()
        await eventually(lambda: ref.statistics().restarts == 1)
        await ref.ask(Total())
        ref.kill()
        await eventually(lambda: ref.statistics().restarts == 2)

    living(test)


def test_a_kill_ends_a_handler_that_waits_and_the_actor_begins_again(tmp_path: Path) -> None:
    diary = tmp_path / "diary"

    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 0, str(diary), where="process")
        pid = await ref.ask(Where())
        asked = asyncio.ensure_future(ref.ask(Pause(1000), timeout=None))
        await eventually(lambda: diary.exists() and "pausing" in diary.read_text())
        ref.kill()
        with pytest.raises(ActorFailed):
            await asked
        assert await ref.ask(Where()) == pid

    living(test)


def test_supervisors_keep_actors_in_processes_as_any_others() -> None:
    from cuebook import ChildSpec, SupervisorSpec

    async def test(runtime: Runtime) -> None:
        process = runtime.process("both")
        children = [ChildSpec(name, process.factory(Lodger, 5)) for name in ("left", "right")]
        top = await runtime.supervise(SupervisorSpec(children, strategy="one_for_all"))
        left, right = top.child("left"), top.child("right")
        await right.tell(Add(1))
        assert await right.ask(Total()) == 6
        with pytest.raises(ActorFailed):
            await left.ask(Fail("x"))
        await eventually(lambda: right.statistics().restarts == 1)
        assert await right.ask(Total()) == 5
        assert await left.ask(Where()) == await right.ask(Where()) == process.pid

    living(test)


def test_a_process_says_whose_it_is() -> None:
    async def test(runtime: Runtime) -> None:
        process = runtime.process("primes")
        ref = await runtime.spawn(Lodger, where=process)
        pid = await ref.ask(Where())
        assert "actors primes" in Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/comm").read_text()
        with pytest.raises(ValueError, match="cores"):
            runtime.process("primes", cores=process.cores + 1)
        await runtime.spawn(Lodger)
        own = await runtime.spawn(Lodger, where="process", name="kitchen")
        pid = await own.ask(Where())
        assert "actors kitchen" in Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/comm").read_text()

    living(test)


def test_a_pool_may_have_a_process_for_each_of_its_members() -> None:
    async def test(runtime: Runtime) -> None:
        pool = await runtime.pool(Lodger, size=2, where="process")
        pids = await asyncio.gather(*(pool.ask(Where()) for _ in range(4)))
        assert len(set(pids)) == 2
        assert os.getpid() not in pids

    living(test)


def test_dead_letters_of_a_child_are_dead_letters_here() -> None:
    async def test(runtime: Runtime) -> None:
        letters: list[Any] = []

        async def read() -> None:
            async for letter in runtime.system.dead_letters.stream():
                letters.append(letter)

        reading = asyncio.ensure_future(read())
        await asyncio.sleep(0)
        ref = await runtime.spawn(Lodger, name="lodger", where="process")
        await ref.tell(Hold2())
        await ref.tell(Fail("poison"))
        await eventually(lambda: len(letters) == 2)
        reading.cancel()
        assert [(letter.target, letter.reason.value) for letter in letters] == [
            ("lodger", "unhandled"),
            ("lodger", "poison"),
        ]
        assert "raise KeyError(text)" in letters[1].traceback_text

    living(test)


def test_a_script_with_its_own_classes_needs_no_guard_and_what_they_print_goes_where_they_print_it(
    tmp_path: Path,
) -> None:
    body = """
import asyncio, logging
logging.basicConfig(level=logging.INFO, format="logged %(name)s %(message)s", stream=sys.stdout)

@message(tag=1000)
class Say:
    text: str
    to: ActorRef

class Odd(Exception):
    pass

@message(tag=1001)
class Bad:
    pass

class Parrot(Actor):
    async def on_say(self, message: Say) -> str:
        print("the parrot says", message.text)
        logging.getLogger("parrot").info("heard %s", message.text)
        return await message.to.ask(Say(message.text.upper(), message.to))
    def on_bad(self, message: Bad) -> None:
        raise Odd("odd")

class Listener(Actor):
    def on_say(self, message: Say) -> str:
        return message.text + "!"

@message(tag=1002)
class Late:
    pass

class Other(Parrot):
    def on_late(self, message: Late) -> int:
        return os.getpid()

async def main():
    async with Runtime() as runtime:
        parrot = await runtime.spawn(Parrot, where="process")
        other = await runtime.spawn(Other, where="process")
        listener = await runtime.spawn(Listener)
        print(await parrot.ask(Say("hello", listener)))
        print(await other.ask(Late()) != os.getpid())
        try:
            await parrot.ask(Bad())
        except ActorFailed as error:
            print(repr(error.__cause__))

        @message(tag=1003)
        class Unknown:
            pass
        try:
            await parrot.ask(Unknown())
        except UnhandledMessage as error:
            print(error)

asyncio.run(main())
"""
    out = run_script(tmp_path, body)
    lines = out.splitlines()
    assert [line for line in lines if line in ("HELLO!", "True", "Odd('odd')")] == ["HELLO!", "True", "Odd('odd')"]
    assert "parrot-1 (Parrot) has no handler for main.<locals>.Unknown" in out
    assert "logged parrot heard hello" in out
    assert "the parrot says hello" in lines
