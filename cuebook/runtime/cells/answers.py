"""The answers that one actor owes: whoever asked gets exactly one. Knows no mailbox and no supervision."""

from __future__ import annotations

import asyncio
from typing import Any

from cuebook.errors import CuebookError
from cuebook.logs import get_logger
from cuebook.runtime.cells.envelope import Envelope
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.reply import FailedReply, failure_of, seal

__all__ = ["Answers", "Delivery"]

_log = get_logger("runtime")


class Answers:
    """Settles asks of one actor, and keeps the deliveries whose answer comes later.

    Attributes:
        late: how many answers found that nobody waited any more.
    """

    __slots__ = ("_open", "late", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.late = 0
        self._open: dict[Delivery, None] | None = None

    def settle(self, reply: asyncio.Future[Any], outcome: Any, message: Any) -> None:
        """Give the asker of this message its outcome, sealed; the asker may have gone."""
        if reply.done():
            self.late += 1
            _log.info("late reply", actor=self.name, message=type(message).__qualname__)
        else:
            reply.set_result(outcome)

    def refuse(self, envelope: Envelope, error: CuebookError, *, is_undelivered: bool = False) -> None:
        """Tell the sender of a message, if it asked, that there will be no answer."""
        if envelope.reply is not None and not envelope.reply.done():
            envelope.reply.set_result(FailedReply(error, is_undelivered=is_undelivered))

    def deliver(self, message: Any, envelope: Envelope) -> Delivery:
        """A delivery that is open until it is answered."""
        delivery = Delivery(self, message, envelope)
        if envelope.reply is not None:
            if self._open is None:
                self._open = {}
            self._open[delivery] = None
        return delivery

    def close(self, delivery: Delivery) -> None:
        """It is answered."""
        if self._open is not None:
            self._open.pop(delivery, None)

    @property
    def are_owed(self) -> bool:
        """Whether an answer comes later."""
        return bool(self._open)

    def holds(self, reply: asyncio.Future[Any]) -> bool:
        """Whether this answer is owed by an open delivery."""
        return any(delivery.owes(reply) for delivery in self._open or ())

    def fail_open(self, error: CuebookError) -> None:
        """Answer every open delivery with this error, as when the incarnation that held them ends."""
        for delivery in list(self._open or ()):
            delivery.refuse(error)


class Delivery:
    """A message in the hands of its actor, to be answered now or later.

    An answer to a `tell`, and a second answer, have no effect. What is open when the incarnation ends fails.
    """

    __slots__ = ("_answers", "_reply", "message", "sender")

    def __init__(self, answers: Answers, message: Any, envelope: Envelope) -> None:
        self._answers = answers
        self._reply = envelope.reply
        self.message = message
        self.sender: ActorRef | None = envelope.sender

    @property
    def is_open(self) -> bool:
        """Whether someone waits for the answer."""
        return self._reply is not None and not self._reply.done()

    def owes(self, reply: asyncio.Future[Any]) -> bool:
        """Whether it is this answer that is open."""
        return self._reply is reply

    def reply(self, value: Any = None) -> None:
        """Answer with a value or a message. Raises TypeError where it cannot travel: it stays open then."""
        if self._reply is not None:
            self.settle(seal(value))

    def fail(self, error: BaseException) -> None:
        """Answer with an error: Rejected as it is, any other as the cause of an ActorFailed."""
        self.refuse(failure_of(self._answers.name, error))

    def refuse(self, error: CuebookError) -> None:
        """Answer with what the runtime has to say."""
        if self._reply is not None:
            self.settle(FailedReply(error))

    def settle(self, outcome: Any) -> None:
        """Answer with what was sealed before."""
        reply, self._reply = self._reply, None
        self._answers.close(self)
        if reply is not None:
            self._answers.settle(reply, outcome, self.message)
