"""An ask whose answer is taken by a function: no task waits for it. Knows no durable actor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from cuebook.errors import ActorStopped, AskTimeout, CuebookError
from cuebook.runtime.refs.deadlines import EXPIRED
from cuebook.runtime.refs.ref import ActorRef, target_of
from cuebook.runtime.refs.reply import unseal
from cuebook.wire.message import outgoing

__all__ = ["post"]


def post(
    ref: ActorRef, message: object, then: Callable[[Any, CuebookError | None], None], *, timeout_s: float | None = None
) -> None:
    """Put a message into a mailbox and go on; `then(answer, error)` is called later, once.

    Args:
        timeout_s: seconds after which the error is an AskTimeout; None: no deadline.
    """
    target = target_of(ref)
    answer = target.loop.create_future()

    def settled(answer: asyncio.Future[Any]) -> None:
        if timeout_s is not None:
            target.deadlines.discard(answer, timeout_s)
        if answer.cancelled():
            then(None, ActorStopped(f"{ref.name} was cancelled"))
            return
        outcome = answer.result()
        if outcome is EXPIRED:
            then(None, AskTimeout(f"{ref.name} did not answer within {timeout_s} s"))
            return
        try:
            value = unseal(outcome)
        except CuebookError as error:
            then(None, error)
        else:
            then(value, None)

    answer.add_done_callback(settled)
    try:
        target.post(outgoing(message), answer)
    except CuebookError as error:
        answer.remove_done_callback(settled)
        target.loop.call_soon(then, None, error)
        return
    if timeout_s is not None:
        target.deadlines.add(answer, timeout_s)
