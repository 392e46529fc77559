"""Several messages to one actor in one go: encoded first, put into its mailbox one behind the other, and awaited
together, which costs one wake-up a slice in place of one a message. Knows no cell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from cuebook.errors import ActorStopped, MailboxFull
from cuebook.runtime.refs.backpressure import room_or_full
from cuebook.runtime.refs.deadlines import EXPIRED
from cuebook.runtime.refs.reply import FailedReply
from cuebook.runtime.refs.target import Target
from cuebook.runtime.refs.waiting import Activation, refuse_cycle
from cuebook.wire.message import outgoing

__all__ = ["Way", "ask_all", "tell_all"]


class Way:
    """From a sender to an actor.

    Parameters:
        timeout: seconds to wait for room, and for answers.
        asker: the handler that sends; None where it is none.
        may_wait: whether the sender may wait for room.
    """

    __slots__ = ("asker", "may_wait", "target", "timeout")

    def __init__(self, target: Target, timeout: float | None, *, asker: Activation | None, may_wait: bool) -> None:
        self.target = target
        self.timeout = timeout
        self.asker = asker
        self.may_wait = may_wait

    def lacks_room(self, content: Any) -> bool:
        """Whether the sender has to wait, and may, before it puts this into the mailbox."""
        return self.may_wait and not self.target.has_room(len(content) if type(content) is bytes else 0)

    async def room(self, message: object, content: Any, *, is_question: bool = False) -> None:
        """Wait for it. Raises MailboxFull."""
        size = len(content) if type(content) is bytes else 0
        timeout, asker = self.timeout, self.asker
        await room_or_full(self.target, message, size, timeout=timeout, asker=asker, is_question=is_question)

    def post(self, message: object, content: Any, reply: asyncio.Future[Any] | None = None) -> None:
        """Put a message into the mailbox. Raises MailboxFull, ActorStopped."""
        try:
            self.target.post(content, reply)
        except ActorStopped as error:
            error.undelivered = message
            raise


async def tell_all(way: Way, messages: Sequence[object]) -> None:
    """Put all into the mailbox in their order; none of them where one cannot be encoded.

    Raises:
        MailboxFull, ActorStopped: for the first that was not delivered; the text says how many were.
    """
    contents = [outgoing(message) for message in messages]
    for count, (message, content) in enumerate(zip(messages, contents, strict=True)):
        try:
            if way.lacks_room(content):
                await way.room(message, content)
            way.post(message, content)
        except (MailboxFull, ActorStopped) as error:
            error.args = (f"{error} (after {count} of {len(messages)} messages)", *error.args[1:])
            raise


async def ask_all(way: Way, messages: Sequence[object]) -> list[Any]:
    """The outcomes of all, sealed, in their order; none is sent where one cannot be encoded.

    Raises:
        AskCycle: the target waits for the asker. TypeError, MessageTooLarge: one cannot be encoded.
    """
    contents = [outgoing(message) for message in messages]
    target, asker = way.target, way.asker
    futures: list[asyncio.Future[Any]] = [target.loop.create_future() for _ in messages]
    if asker is not None and messages:
        kind = type(messages[0]).__qualname__
        doubt = refuse_cycle(asker, target, kind)
        if doubt is not None:
            await doubt(futures[0], kind)
    if asker is not None:
        asker.waits_for.update(dict.fromkeys(futures, target))
    try:
        async with asyncio.timeout(way.timeout):
            for message, content, future in zip(messages, contents, futures, strict=True):
                try:
                    if way.lacks_room(content):
                        await way.room(message, content, is_question=True)
                    way.post(message, content, future)
                except (MailboxFull, ActorStopped) as error:
                    future.set_result(FailedReply(error, is_undelivered=True))
            for future in futures:
                if not future.done():
                    await future
    except TimeoutError:
        pass
    finally:
        if asker is not None:
            for future in futures:
                asker.waits_for.pop(future, None)
        for future in futures:
            if not future.done():
                future.cancel()  # what comes now is late
    return [EXPIRED if future.cancelled() else future.result() for future in futures]
