"""The bounds of a mailbox hold, and who waits for room gets in by order of coming."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.errors import MailboxFull
from cuebook.runtime.cells.envelope import Envelope
from cuebook.runtime.cells.lanes import PriorityLane
from cuebook.runtime.cells.mailbox import Mailbox, MailboxSpec
from cuebook.wire.message import decode, encode
from tests.support.cast import Add, Boom, Echo
from tests.support.virtually import virtually


def frames(*envelopes: Envelope) -> list[bytes]:
    return [envelope.frame for envelope in envelopes]


def test_urgent_comes_first_and_each_lane_keeps_its_order() -> None:
    mailbox = Mailbox(MailboxSpec())
    for frame in (b"1", b"2"):
        mailbox.put(Envelope(frame))
    for frame in (b"u1", b"u2"):
        mailbox.put_unbounded(Envelope(frame), urgent=True)
    assert len(mailbox) == 4
    assert frames(*mailbox.take_many(3)) == [b"u1", b"u2", b"1"]
    assert frames(*mailbox.take_many(3)) == [b"2"]
    assert mailbox.take() is None


def test_size_counts_the_bytes_that_wait() -> None:
    mailbox = Mailbox(MailboxSpec(capacity=3, bytes_max=10))
    mailbox.put(Envelope(b"x" * 6))
    assert mailbox.has_room(4)
    assert not mailbox.has_room(5)
    with pytest.raises(MailboxFull):
        mailbox.put(Envelope(b"x" * 5))
    mailbox.put(Envelope(b"x" * 4))
    assert mailbox.size == 10
    mailbox.take()
    mailbox.take()
    assert mailbox.size == 0
    assert mailbox.high_water == 2


def test_drop_old_makes_as_much_room_as_it_takes() -> None:
    mailbox = Mailbox(MailboxSpec(capacity=10, bytes_max=10, overflow="drop_old"))
    for _ in range(5):
        assert mailbox.put(Envelope(b"xx")) == ()
    assert len(mailbox.put(Envelope(b"x" * 5))) == 3
    assert (mailbox.size, mailbox.dropped) == (9, 3)
    assert len(mailbox.put(Envelope(b"x" * 50))) == 3
    assert mailbox.size == 50


def test_a_closed_mailbox_gives_back_what_it_held() -> None:
    mailbox = Mailbox(MailboxSpec())
    mailbox.put(Envelope(b"1"))
    mailbox.put_unbounded(Envelope(b"u"), urgent=True)
    assert frames(*mailbox.close()) == [b"u", b"1"]
    assert len(mailbox) == mailbox.size == 0


async def _queue(mailbox: Mailbox, count: int) -> tuple[list[int], list[asyncio.Task[None]]]:
    entered: list[int] = []

    async def enter(number: int) -> None:
        await mailbox.wait_for_room(1, asyncio.get_running_loop())
        if not mailbox.is_closed:
            mailbox.put(Envelope(b"x"))
            entered.append(number)

    tasks = [asyncio.ensure_future(enter(number)) for number in range(count)]
    await asyncio.sleep(0)
    return entered, tasks


@virtually
async def test_waiters_get_in_by_order_of_coming() -> None:
    mailbox = Mailbox(MailboxSpec(capacity=2))
    entered, _ = await _queue(mailbox, 5)
    assert entered == [0, 1]
    while len(entered) < 5:
        mailbox.take()
        mailbox.admit()
        await asyncio.sleep(1)
    assert entered == [0, 1, 2, 3, 4]


@virtually
async def test_a_newcomer_does_not_overtake_and_one_whose_room_was_taken_stays_first() -> None:
    mailbox = Mailbox(MailboxSpec(capacity=1))
    mailbox.put(Envelope(b"x"))
    entered, _ = await _queue(mailbox, 2)
    mailbox.take()
    mailbox.admit()
    mailbox.put(Envelope(b"thief"))
    await asyncio.sleep(1)
    assert entered == []
    assert not mailbox.has_room(1)
    for _ in range(2):
        mailbox.take()
        mailbox.admit()
        await asyncio.sleep(1)
    assert entered == [0, 1]


@virtually
async def test_room_is_not_a_newcomers_while_someone_waits() -> None:
    mailbox = Mailbox(MailboxSpec(capacity=2))
    mailbox.put(Envelope(b"x"))
    mailbox.put(Envelope(b"x"))
    await _queue(mailbox, 2)
    mailbox.take()
    assert not mailbox.has_room(1)
    mailbox.admit()
    mailbox.take()
    assert not mailbox.has_room(1)


@virtually
async def test_a_waiter_that_goes_gives_its_turn_to_the_next() -> None:
    mailbox = Mailbox(MailboxSpec(capacity=1))
    mailbox.put(Envelope(b"x"))
    entered, tasks = await _queue(mailbox, 3)
    tasks[1].cancel()
    await asyncio.sleep(0)
    mailbox.take()
    mailbox.admit()
    tasks[0].cancel()  # woken, and gone before it got in
    await asyncio.sleep(1)
    assert entered == [2]


@virtually
async def test_closing_wakes_every_waiter() -> None:
    mailbox = Mailbox(MailboxSpec(capacity=1))
    mailbox.put(Envelope(b"x"))
    entered, tasks = await _queue(mailbox, 3)
    mailbox.close()
    await asyncio.gather(*tasks)
    assert entered == []


# Lanes, priorities, the stash


def test_supervision_comes_before_urgent_before_users() -> None:
    mailbox = Mailbox(MailboxSpec())
    mailbox.put(Envelope(b"user"))
    mailbox.put_unbounded(Envelope(b"urgent"), urgent=True)
    mailbox.put_supervision(Envelope(b"down"))
    assert frames(*mailbox.take_many(9)) == [b"down", b"urgent", b"user"]


def prioritised(**bounds: Any) -> Mailbox:
    return Mailbox(MailboxSpec(priorities={Add: 5, Boom: -5}, **bounds))


def named(frames: list[bytes]) -> list[Any]:
    return [decode(frame) for frame in frames]


def test_the_highest_priority_comes_first_and_each_level_keeps_its_order() -> None:
    mailbox = prioritised()
    sent = [Echo(1), Boom("a"), Add(1), Echo(2), Add(2), Boom("b"), Add(3)]
    for entry in sent:
        mailbox.put(Envelope(encode(entry)))
    expected = [Add(1), Add(2), Add(3), Echo(1), Echo(2), Boom("a"), Boom("b")]
    assert named(frames(*mailbox.take_many(9))) == expected
    assert mailbox.size == 0


def test_drop_old_drops_the_oldest_of_the_lowest_priority() -> None:
    mailbox = prioritised(capacity=3, overflow="drop_old")
    for entry in (Add(1), Boom("a"), Boom("b")):
        mailbox.put(Envelope(encode(entry)))
    assert named(frames(*mailbox.put(Envelope(encode(Add(2)))))) == [Boom("a")]
    assert named(frames(*mailbox.take_many(9))) == [Add(1), Add(2), Boom("b")]


def test_a_frame_that_is_no_message_has_priority_0() -> None:
    mailbox = prioritised()
    for frame in (b"", b"\x91", b"garbage", b"\xdc\x00", encode(Boom()), encode(Add(1))):
        mailbox.put(Envelope(frame))
    taken = frames(*mailbox.take_many(9))
    assert taken[0] == encode(Add(1))
    assert taken[-1] == encode(Boom())


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from(["put", "take", "drop", "back"]))))
def test_a_priority_lane_is_a_stably_sorted_list(steps: list[tuple[int, str]]) -> None:
    lane: PriorityLane[tuple[int, int]] = PriorityLane(lambda entry: entry[0])
    model: list[tuple[int, int]] = []
    for number, (priority, step) in enumerate(steps):
        entry = (priority, number)
        level = [held for held in model if held[0] == priority]
        if step == "put":
            lane.append(entry)
            model.insert(model.index(level[-1]) + 1 if level else place_of(model, priority), entry)
        elif step == "back":
            lane.appendleft(entry)
            model.insert(model.index(level[0]) if level else place_of(model, priority), entry)
        elif model and step == "take":
            assert lane.popleft() == model.pop(0)
        elif model:
            lowest = next(held for held in model if held[0] == model[-1][0])
            model.remove(lowest)
            assert lane.drop() == lowest
        assert list(lane) == model
        assert len(lane) == len(model)


def place_of(model: list[tuple[int, int]], priority: int) -> int:
    return sum(1 for held in model if held[0] > priority)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"priorities": {int: 1}}, "priorities of message types, and <class 'int'> is none"),
        ({"priorities": {Add: "high"}}, "is an integer, not 'high'"),
        ({"priorities": {Add: True}}, "is an integer, not True"),
        ({"stash_capacity": -1}, "0 or more messages, not -1"),
        ({"capacity": 0}, "at least one message"),
        ({"overflow": "shrug"}, "one of raise, wait, drop_new, drop_old, not 'shrug'"),
    ],
)
def test_a_mailbox_that_makes_no_sense_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        MailboxSpec(**options)


def test_the_stash_comes_back_at_the_head_in_its_order() -> None:
    mailbox = Mailbox(MailboxSpec(stash_capacity=2, bytes_max=10))
    for frame in (b"1", b"2", b"3", b"4"):
        mailbox.put(Envelope(frame))
    one, two, three = mailbox.take_many(3)
    assert mailbox.stash(one) and mailbox.stash(two)
    assert not mailbox.stash(three), "over its capacity"
    assert (len(mailbox), mailbox.stashed, mailbox.size) == (1, 2, 1)
    assert mailbox.unstash() == 2
    assert (mailbox.stashed, mailbox.size) == (0, 3)
    assert frames(*mailbox.take_many(9)) == [b"1", b"2", b"4"]
    assert mailbox.unstash() == 0


def test_the_stash_is_bounded_in_bytes_and_given_back_at_the_end() -> None:
    mailbox = Mailbox(MailboxSpec(bytes_max=10))
    assert mailbox.stash(Envelope(b"x" * 50)), "alone a large one gets in"
    assert not mailbox.stash(Envelope(b"x"))
    assert frames(*mailbox.close()) == [b"x" * 50]
    assert mailbox.stashed == 0


def test_the_oldest_is_found_in_whatever_lane_it_waits() -> None:
    for mailbox in (Mailbox(MailboxSpec()), prioritised()):
        assert mailbox.oldest_at() is None
        mailbox.put(Envelope(encode(Boom()), at=3.0))
        mailbox.put(Envelope(encode(Add(1)), at=4.0))
        assert mailbox.oldest_at() == 3.0
        mailbox.put_unbounded(Envelope(encode(Add(1)), at=2.0), urgent=True)
        assert mailbox.oldest_at() == 2.0
        mailbox.put_supervision(Envelope(encode(Add(1)), at=1.0))
        assert mailbox.oldest_at() == 1.0
