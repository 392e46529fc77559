"""Messages that nobody received or that nobody could: counted, logged sparingly, streamed to whoever looks.

Knows no actor.
"""

from __future__ import annotations

import traceback
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cuebook.errors import CodecError
from cuebook.logs import get_logger
from cuebook.runtime.reports.readers import Readers, Stream
from cuebook.wire.message import decode

__all__ = ["DeadLetter", "DeadLetters", "DeadReason", "opened"]

_KINDS_MAX = 1024

_log = get_logger("runtime")


class DeadReason(StrEnum):
    """Why a message went nowhere."""

    STOPPED = "stopped"
    """Its target had stopped, or stopped before it was done with it."""
    DROPPED = "dropped"
    """The overflow rule of a mailbox, or a full stash, dropped it."""
    UNHANDLED = "unhandled"
    """Its target has no handler for it."""
    POISON = "poison"
    """Its handler failed on it as often as it was allowed to try."""
    REFUSED = "refused"
    """Its bytes are no message of this program."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that went nowhere.

    Attributes:
        message: the message, or its bytes where they do not decode.
        target: name of the actor. sender: name of the sending one, None from outside.
        reason: why. traceback_text: of the failure, where it is poison; else "".
        at: seconds since 1970, by the system's clock.
    """

    message: Any
    target: str
    sender: str | None
    reason: DeadReason
    traceback_text: str
    at: float


class DeadLetters:
    """All dead letters of one system. Each costs a count; they are decoded only while someone reads.

    Attributes:
        counts: how many so far, by reason.
    """

    __slots__ = ("_logged", "_readers", "_time", "counts")

    def __init__(self, time: Any) -> None:
        self._time = time
        self._readers: Readers[DeadLetter] = Readers()
        self._logged: Counter[tuple[str, DeadReason]] = Counter()
        self.counts: Counter[DeadReason] = Counter()

    def add(
        self, content: Any, target: str, sender: str | None, reason: DeadReason, *, error: BaseException | None = None
    ) -> None:
        """A message, or its bytes, went nowhere."""
        self.counts[reason] += 1
        self._log(target, reason)
        if not self._readers:
            return
        text = "" if error is None else "".join(traceback.format_exception(error))
        self._readers.put(DeadLetter(opened(content), target, sender, reason, text, self._time()))

    def stream(self) -> Stream[DeadLetter]:
        """Dead letters from now on, until the system ends."""
        return self._readers.stream()

    def close(self) -> None:
        """End every stream."""
        self._readers.close()

    def _log(self, target: str, reason: DeadReason) -> None:
        # The 1st, 2nd, 4th, 8th ... of each kind: a flood is seen, and does not drown the log.
        if len(self._logged) >= _KINDS_MAX:
            self._logged.clear()
        count = self._logged[target, reason] = self._logged[target, reason] + 1
        if count & (count - 1) == 0:
            _log.info("dead letter", actor=target, reason=reason.value, count=count)


def opened(content: Any) -> Any:
    """The message of these bytes, or the bytes where they are none; what is no bytes as it is."""
    if type(content) is not bytes:
        return content
    try:
        return decode(content)
    except CodecError:
        return content
