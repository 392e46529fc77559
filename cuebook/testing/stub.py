"""Other actors as an actor on a bench sees them: what it sends them is written down, and asks are answered by plan.

Knows no cell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from cuebook.runtime.policy.exits import Exit
from cuebook.runtime.refs.absent import Inert
from cuebook.runtime.refs.deadlines import Deadlines
from cuebook.runtime.refs.ready import ReadyQueue
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.reply import FailedReply, seal, told
from cuebook.runtime.refs.status import ActorState, ActorStatistics
from cuebook.runtime.refs.waiting import Activation
from cuebook.wire.message import decode

__all__ = ["Answer", "StubTarget"]

Answer = Callable[[Any], Any]
"""What a stub answers: gives the value for a message, or raises."""


class StubTarget(Inert):
    """What stands behind the ref of a stub.

    Parameters:
        name: of the actor. home: the system that it seems to live in.
        sent: called with the message and whether it is an ask.
        answer: gives the answers; None: it never answers, so each ask ends by its deadline.
    """

    state = ActorState.RUNNING
    activation: Activation | None = None
    ended: tuple[Exit, BaseException | None] = (Exit.SHUTDOWN, None)
    is_alive = True
    serial = 0

    def __init__(
        self,
        name: str,
        home: bytes,
        deadlines: Deadlines,
        *,
        ready: ReadyQueue,
        sent: Callable[[str, Any, bool], None],
        answer: Answer | None = None,
    ) -> None:
        self.name = name
        self.home = home
        self.deadlines = deadlines
        self.ready = ready
        self.answer = answer
        self._sent = sent
        self.ref = ActorRef(self)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        return asyncio.get_running_loop()

    def post(self, frame: Any, reply: asyncio.Future[Any] | None = None, *, urgent: bool = False) -> None:
        """Write a message down, and answer it."""
        message = decode(frame) if type(frame) is bytes else frame
        self._sent(self.name, message, reply is not None)
        if reply is None or self.answer is None:
            return
        try:
            reply.set_result(seal(self.answer(message)))
        except Exception as error:
            reply.set_result(FailedReply(told(self.name, error)))

    def statistics(self) -> ActorStatistics:
        """All zero, and running."""
        return ActorStatistics(self.state, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)
