"""Answers and errors on their way between processes: what they are on the wire, and what comes out of it.

Nothing that arrives is executed: an exception's class is looked up among the modules that are loaded already, and is
rebuilt without its own code; where it cannot be, its name and its text stand for it.
"""

from __future__ import annotations

import sys
from operator import attrgetter
from typing import Any

import cuebook.errors as errors
from cuebook.children.failure_text import traceback_text
from cuebook.errors import ActorFailed, ActorStopped, CuebookError, MalformedMessage, ProcessDied
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.runtime.refs.reply import IMMUTABLE, FailedReply, SealedReply, failure_of
from cuebook.wire.codec import FRAME_BYTES_MAX
from cuebook.wire.message import pack_plain
from cuebook.wording import error_type_name, text_of

__all__ = ["Form", "Outcome", "pack_error", "pack_outcome", "unpack_error", "unpack_outcome"]

Outcome = Any
"""What settles an ask: a value, a SealedReply or a FailedReply."""
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_PARTS = 5


class Form:
    """How the value of an answer is to be read."""

    VALUE = 0
    MESSAGE = 1
    PLAIN = 2
    FAILURE = 3
    UNDELIVERED = 4


def pack_outcome(name: str, outcome: Outcome) -> tuple[int, Any]:
    """The form and the value of an answer of the actor `name`; an answer that cannot travel becomes a failure."""
    kind = type(outcome)
    if kind in IMMUTABLE:
        if kind is int and not _INT_MIN <= outcome <= _INT_MAX:
            return Form.PLAIN, pack_plain(outcome)
        problem = _unfit(outcome, kind)
        if problem is None:
            return Form.VALUE, outcome
        return Form.FAILURE, pack_error(failure_of(name, problem))
    if kind is SealedReply:
        return (Form.MESSAGE if outcome.is_message else Form.PLAIN), outcome.frame
    if kind is FailedReply:
        return (Form.UNDELIVERED if outcome.is_undelivered else Form.FAILURE), pack_error(outcome.error)
    goes_by_reference = f"{kind.__qualname__} goes by reference, so it cannot be the answer to another process"
    return Form.FAILURE, pack_error(failure_of(name, TypeError(goes_by_reference)))


def _unfit(value: Any, kind: type) -> Exception | None:
    if (kind is str or kind is bytes) and len(value) > FRAME_BYTES_MAX // 4:
        size = len(value) if kind is bytes else len(value.encode("utf-8", "surrogatepass"))
        if size > FRAME_BYTES_MAX:
            limit = f"more than a frame's {FRAME_BYTES_MAX:,}"
            return errors.MessageTooLarge(f"an answer of {size:,} bytes, {limit}")
    return None


def unpack_outcome(form: int, value: Any) -> Outcome:
    """The other way. Raises MalformedMessage."""
    if form == Form.VALUE:
        return value
    if form == Form.FAILURE or form == Form.UNDELIVERED:
        error = unpack_error(value)
        settled = error if isinstance(error, CuebookError) else failure_of("an actor", error)
        return FailedReply(settled, is_undelivered=form == Form.UNDELIVERED)
    if type(value) is not bytes or form not in (Form.MESSAGE, Form.PLAIN):
        raise MalformedMessage(f"an answer of form {form!r} with a {type(value).__qualname__}")
    return SealedReply(value, is_message=form == Form.MESSAGE)


class _Decoder(ValueDecoder):
    """Finds classes of exceptions in modules that are loaded, imports none, and opens no pickle."""

    def __init__(self) -> None:
        super().__init__(trusted=False)

    def resolve(self, module: str, qualname: str) -> Any:
        """LookupError where the module is not loaded, or what stands there is no exception."""
        try:
            found = attrgetter(qualname)(sys.modules[module])
        except (KeyError, AttributeError):
            raise LookupError(f"no {module}.{qualname} is loaded here") from None
        if not (isinstance(found, type) and issubclass(found, BaseException)):
            raise LookupError(f"{module}.{qualname} is no exception")
        return found


_encoder = ValueEncoder(pickle=False)
_decoder = _Decoder()


def pack_error(error: BaseException | None) -> Any:
    """An exception as plain data: class, text, traceback, the exception as a value where it can be one (of one of ours,
    the actors that it is about), its cause.
    """
    if error is None:
        return None
    text = getattr(error, "traceback_text", "") or _traceback(error)
    if isinstance(error, CuebookError) and type(error).__name__ in errors.__all__:
        return [type(error).__name__, str(error), text, _actors_of(error), pack_error(error.__cause__)]
    try:
        value = _encoder.encode(error)
    except Exception:
        value = None
    return [error_type_name(error), text_of(error), text, value, None]


def _actors_of(error: CuebookError) -> list[str] | None:
    about = _ABOUT.get(type(error))
    if about is None:
        return None
    named = getattr(error, about)
    return [named] if type(named) is str else None if named is None else list(named)


def unpack_error(data: Any) -> BaseException:
    """The exception, or an ActorFailed with its name and its text. Raises MalformedMessage."""
    if type(data) is not list or len(data) != _PARTS or not all(isinstance(part, str) for part in data[:3]):
        raise MalformedMessage("an error is its class, its text, its traceback, its value and its cause")
    name, text, traceback, value, cause = data
    error = _rebuilt(name, text, value)
    if cause is not None:
        error.__cause__ = unpack_error(cause)
    if traceback:
        if isinstance(error, ActorFailed):
            error.traceback_text = traceback
        if not any(traceback in note for note in getattr(error, "__notes__", ())) and cause is None:
            error.add_note(f"in its own process:\n{traceback.rstrip()}")
    return error


def _rebuilt(name: str, text: str, value: Any) -> BaseException:
    if value is None or type(value) is list:
        cls = getattr(errors, name, None) if name in errors.__all__ else None
        if cls in _PLAIN:
            plain: BaseException = cls(text)
            _name_actors(plain, value)
            return plain
        return ActorFailed(f"{name}: {text}")
    if type(value) is not bytes:
        raise MalformedMessage("an exception as a value is bytes")
    error = _decoder.decode(value)
    if not isinstance(error, BaseException):
        raise MalformedMessage(f"an exception that is a {type(error).__qualname__}")
    return error


def _name_actors(error: BaseException, named: list[Any] | None) -> None:
    about = _ABOUT.get(type(error))
    if about is None or named is None:
        return
    if not all(type(name) is str for name in named) or not named:
        raise MalformedMessage("an error names the actors that it is about")
    setattr(error, about, tuple(named) if type(error) is errors.AskCycle else named[0])


_ABOUT = {errors.AskCycle: "actors", errors.Rejected: "actor", errors.UnhandledMessage: "target"}
"""What of an error says which actors it is about: so that it is told from a further actor's own."""
_PLAIN = frozenset(
    {
        ActorFailed,
        ActorStopped,
        ProcessDied,
        errors.AskCycle,
        errors.AskTimeout,
        errors.FunctionNotShippable,
        errors.MailboxFull,
        errors.MalformedMessage,
        errors.MessageTooLarge,
        errors.Rejected,
        errors.RestartLimitReached,
        errors.UnhandledMessage,
        errors.UnknownMessage,
    }
)
"""Errors of ours that are their text alone."""


def _traceback(error: BaseException) -> str:
    if error.__traceback__ is None and error.__cause__ is not None:
        return _traceback(error.__cause__)
    return "" if error.__traceback__ is None else traceback_text(error)
