"""The bounds of a mailbox hold, and who waits for room gets in by order of coming."""

from __future__ import annotations

import asyncio

import pytest

from cuebook.runtime.errors import MailboxFull
from cuebook.runtime.mailbox import Envelope, Mailbox, MailboxSpec
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
        assert mailbox.put(Envelope(b"xx")) == []
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
