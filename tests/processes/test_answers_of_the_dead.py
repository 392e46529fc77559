"""What a handler has answered before its process died is answered, whatever the process was at then."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from cuebook import Actor, ActorOptions, ActorRef, ProcessDied, Runtime, message
from cuebook.children.page import NOTES_BYTES, PAGE_BYTES
from cuebook.processes.notes import Notes, noted
from tests.processes.dying import living
from tests.support.lodgers import Add, Echo, Hire, Leave, Lodger

pytestmark = pytest.mark.quick

BEFORE = 40


@message
class Tell:
    """Answer, and be told to die in the next handler."""

    what: Any


@message
class Die:
    pass


class Mortal(Actor):
    async def on_tell(self, m: Tell) -> Any:
        self.context.self_ref.tell_nowait(Die())
        return m.what

    def on_die(self, m: Die) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("how", ["kill", "_exit"])
@pytest.mark.parametrize("is_child", [False, True])
def test_quick_handlers_that_ended_before_the_one_that_killed_the_process_have_answered(
    how: str, is_child: bool
) -> None:
    async def test(runtime: Runtime) -> None:
        ref: ActorRef = await runtime.spawn(Lodger, 0, name="lodger", where="process")
        if is_child:  # one that the process knows, and its owner does not
            ref = (await ref.ask(Hire("child"))).value
        await ref.ask(Add(0))
        asks: list[Any] = [ref.ask(Echo(number)) for number in range(BEFORE)]
        *answers, lost, after = await asyncio.gather(
            *asks, ref.ask(Leave(how)), ref.ask(Echo(1)), return_exceptions=True
        )
        assert answers == list(range(BEFORE))
        assert isinstance(lost, Exception)
        assert after == 1 or isinstance(after, ProcessDied)  # a child ends with its process; the actor begins again

    living(test)


@pytest.mark.parametrize("what", [2**70, b"x" * NOTES_BYTES, {"a": [1, None]}], ids=["large number", "bytes", "dict"])
def test_an_answer_of_any_kind_and_size_has_left_before_the_next_handler_begins(what: Any) -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Mortal, where="process", options=ActorOptions(restart="temporary"))
        assert await ref.ask(Tell(what)) == what

    living(test)


def test_more_answers_than_the_notes_have_room_for_are_sent_on_the_way() -> None:
    async def test(runtime: Runtime) -> None:
        ref = await runtime.spawn(Lodger, 0, where="process")
        asks: list[Any] = [ref.ask(Echo("z" * (NOTES_BYTES // 16))) for _ in range(BEFORE)]
        *answers, lost = await asyncio.gather(*asks, ref.ask(Leave("kill")), return_exceptions=True)
        assert [len(each) for each in answers] == [NOTES_BYTES // 16] * BEFORE
        assert isinstance(lost, ProcessDied)

    living(test)


def page() -> memoryview:
    return memoryview(bytearray(PAGE_BYTES + NOTES_BYTES)).cast("d")


def test_notes_are_there_until_they_are_cleared_and_none_is_half_there() -> None:
    shared = page()
    notes = Notes(shared)
    assert noted(shared) == []
    assert notes.add(7, 1, 0, 5) and notes.add(0, 2**40, 2, b"bytes")
    assert noted(shared) == [(7, 1, 0, 5), (0, 2**40, 2, b"bytes")]
    assert not notes.add(7, 2, 0, "x" * NOTES_BYTES)
    while notes.add(7, 3, 0, "x" * 1000):
        pass
    assert {each[1] for each in noted(shared)} == {1, 2**40, 3}
    notes.clear()
    assert noted(shared) == []


@pytest.mark.parametrize("length", [-1.0, 0.5, float("nan"), float("inf"), 1e9, 3.0, float(NOTES_BYTES - 8)])
def test_what_is_no_note_is_nothing(length: float) -> None:
    shared = page()
    place = PAGE_BYTES // 8
    shared[place + 1 :].cast("B")[:4] = b"\xc1\xff\x00\x93"
    shared[place] = length
    assert noted(shared) == []
