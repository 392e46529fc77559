"""Limits, full mailboxes and the order of messages to actors in processes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cuebook import (
    Actor,
    ActorFailed,
    ActorOptions,
    ActorRef,
    MailboxFull,
    MailboxSpec,
    MessageTooLarge,
    Runtime,
)
from tests.processes.failing import eventually, living
from tests.support.lodgers import (
    Add,
    Block,
    Echo,
    Hold,
    Lodger,
    Release,
    Set,
    Total,
)

pytestmark = pytest.mark.quick


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


class Hose(Actor):
    def __init__(self, to: ActorRef) -> None:
        self.to = to

    async def on_total(self, message: Total) -> str:
        try:
            for _ in range(2000):
                await self.to.tell(Add(1))
        except MailboxFull as full:
            return str(full)
        return "all of them"


def test_a_sender_in_a_process_is_told_how_it_waits() -> None:
    async def test(runtime: Runtime) -> None:
        hose = await runtime.spawn(Hose, await runtime.spawn(Lodger, name="here"), where="process")
        said = "256 messages are on their way to here, which lives in another process: tell(message, timeout=...) waits"
        assert await hose.ask(Total()) == said

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
