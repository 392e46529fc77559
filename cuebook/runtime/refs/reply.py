"""How an answer gets back to its asker: sealed by the one, opened by the other, nothing mutable shared.

Knows no mailbox and no actor.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

from cuebook.errors import ActorFailed, AskCycle, CuebookError, MessagingError, Rejected, UnhandledMessage
from cuebook.wire.message import decode, is_message, outgoing, pack_plain, unpack_plain
from cuebook.wording import text_of

__all__ = ["IMMUTABLE", "FailedReply", "SealedReply", "failure_of", "seal", "told", "unseal"]

IMMUTABLE: frozenset[type] = frozenset({NoneType, bool, int, float, str, bytes})
"""Types of answers that go as they are."""


class SealedReply:
    """An answer as bytes: a message's frame, or plain data."""

    __slots__ = ("frame", "is_message")

    def __init__(self, frame: bytes, *, is_message: bool) -> None:
        self.frame = frame
        self.is_message = is_message


class FailedReply:
    """No answer, and why. `is_undelivered`: the message was never received."""

    __slots__ = ("error", "is_undelivered")

    def __init__(self, error: CuebookError, *, is_undelivered: bool = False) -> None:
        self.error = error
        self.is_undelivered = is_undelivered


def seal(value: Any) -> Any:
    """What travels: an immutable value as it is, else its bytes.

    Raises:
        TypeError: a part of it cannot travel.
        MessageTooLarge: over the frame limit.
    """
    if type(value) in IMMUTABLE:
        return value
    if is_message(value):
        content = outgoing(value)
        return SealedReply(content, is_message=True) if type(content) is bytes else content
    return SealedReply(pack_plain(value), is_message=False)


def unseal(outcome: Any) -> Any:
    """The asker's own copy of the answer. Raises the error of a FailedReply."""
    if type(outcome) is SealedReply:
        return decode(outcome.frame) if outcome.is_message else unpack_plain(outcome.frame)
    if type(outcome) is FailedReply:
        raise outcome.error
    return outcome


def told(name: str, error: BaseException) -> MessagingError:
    """What an asker of actor `name` gets where the runtime has something to say of that actor: a MessagingError as it
    is, any other as the cause of an ActorFailed.
    """
    return error if isinstance(error, MessagingError) else failure_of(name, error)


def failure_of(name: str, error: BaseException) -> MessagingError:
    """What an asker of actor `name` gets where its handler let an error escape: that of another actor looks like one of
    this actor's own, so it is the cause of an ActorFailed, as any other. Only where the actor itself says no, has no
    handler, or is in a circle of those that wait, that is passed on.
    """
    if isinstance(error, Rejected) and error.actor in (None, name):
        error.actor = name
        return error
    if isinstance(error, UnhandledMessage) and error.target in (None, name):
        error.target = name
        return error
    if isinstance(error, AskCycle) and name in error.actors:
        return error
    failed = ActorFailed(f"{name} failed on this message: {type(error).__qualname__}: {text_of(error)}")
    failed.__cause__ = error
    return failed
