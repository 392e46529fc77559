"""Waiting for room in a full mailbox, in time, and never in a circle. Knows no ref."""

from __future__ import annotations

import asyncio

from cuebook.errors import AskCycle, AskTimeout, MailboxFull
from cuebook.runtime.refs.status import status_line
from cuebook.runtime.refs.target import Target
from cuebook.runtime.refs.waiting import Activation, refuse_cycle

__all__ = ["check_seconds", "room_in_time", "room_or_full", "timed_out"]


def check_seconds(timeout: float | None) -> None:
    """Raises TypeError or ValueError where a timeout is neither a number of seconds nor None."""
    if timeout is None or (type(timeout) is float and timeout == timeout):
        return
    if not isinstance(timeout, int | float) or isinstance(timeout, bool):
        raise TypeError(f"a timeout is a number of seconds, or None for none, not {timeout!r}")
    if timeout != timeout:
        raise ValueError("a timeout is a number of seconds, not nan")


async def room_in_time(
    target: Target,
    message: object,
    size: int,
    *,
    timeout: float | None,
    asker: Activation | None,
    is_question: bool = True,
) -> float | None:
    """Wait until the target has room for a message of `size` bytes.

    Parameters:
        asker: the handler that waits; None where it is none.
        is_question: whether an answer is waited for, so that one that is parked is not waited for.

    Returns:
        What is left of the timeout, in seconds.

    Raises:
        AskTimeout: no room in time. AskCycle: the target waits for the asker.
    """
    started = target.loop.time()
    try:
        async with asyncio.timeout(timeout):
            await _room(target, message, size, asker, is_question=is_question)
    except TimeoutError:
        raise timed_out(target, message, timeout, started) from None
    return None if timeout is None else max(timeout - (target.loop.time() - started), 0.0)


async def room_or_full(
    target: Target,
    message: object,
    size: int,
    *,
    timeout: float | None,
    asker: Activation | None,
    is_question: bool = False,
) -> None:
    """As `room_in_time`, for a sender that is told of a full mailbox.

    Raises:
        MailboxFull: no room in time, or none ever, because the target waits for the sender; then the text has the
            circle.
    """
    try:
        await room_in_time(target, message, size, timeout=timeout, asker=asker, is_question=is_question)
    except AskTimeout:
        raise MailboxFull(f"no room in the mailbox of {target.name} within {timeout:g} s") from None
    except AskCycle as circle:
        raise MailboxFull(f"the mailbox of {target.name} is full, and {circle}") from circle


def timed_out(target: Target, message: object, timeout: float | None, asked_at: float) -> AskTimeout:
    """What an asker is told whose time is up: who did not answer what, and how it is with them."""
    counts = target.statistics()
    failed = f"; its last failure: {counts.last_error}" if counts.last_error else ""
    return AskTimeout(
        f"{target.name} did not answer {type(message).__qualname__} within {timeout:g} s "
        f"({status_line(counts)}; asked {target.loop.time() - asked_at:.3g} s ago{failed})"
    )


async def _room(target: Target, message: object, size: int, asker: Activation | None, *, is_question: bool) -> None:
    if asker is None:
        await target.wait_for_room(size, is_question=is_question)
        return
    refuse_cycle(asker, target, type(message).__qualname__)
    room = target.loop.create_future()
    asker.waits_for[room] = target
    try:
        await target.wait_for_room(size, is_question=is_question)
    finally:
        del asker.waits_for[room]
