"""What workers say, checked: a call may write anywhere, also into its worker's connection. Pure; knows no run.

What is let through can be put on record and read again; whether it is true only the worker knows.
"""

from __future__ import annotations

from typing import Any

from cuebook.engines.calls.outcome import NOT_WRITTEN
from cuebook.engines.calls.protocol import Failure, Results, Returned
from cuebook.errors import JournalCorrupt, MalformedMessage
from cuebook.persistence.records.arrays import unpacked
from cuebook.persistence.records.fields import is_moment
from cuebook.persistence.records.run_heads import Completed, Reason
from cuebook.wire.message import decode

__all__ = ["heard"]

_REASONS = frozenset({*Reason, NOT_WRITTEN})


def heard(frame: bytes) -> Any:
    """The message of a frame.

    Raises:
        CodecError: it is none, or says what cannot be.
    """
    said = decode(frame)
    if type(said) is Results:
        _check_results(said)
    elif type(said) is Failure:
        is_sound = said.index >= 0 and said.attempt > 0 and said.reason in _REASONS
        if not (is_sound and is_moment(said.started) and is_moment(said.seconds)):
            raise MalformedMessage("a failure whose numbers make no sense")
    elif type(said) is Returned:
        _check_indexes(said.indexes)
    return said


def _check_results(said: Results) -> None:
    try:
        head = Completed.decode(said.head)
    except JournalCorrupt as error:
        raise MalformedMessage(str(error)) from error
    is_whole = sum(unpacked("I", head.lengths)) == len(said.body)
    if head.count != said.count or not (is_whole and is_moment(said.seconds)):
        raise MalformedMessage("results whose numbers make no sense")
    if said.indexes is None:
        is_same = head.start == said.start
    else:
        _check_indexes(said.indexes)
        is_same = list(head.places) == said.indexes
    if not is_same:
        raise MalformedMessage("results of other calls than their record")


def _check_indexes(indexes: list[Any]) -> None:
    if not all(type(index) is int and index >= 0 for index in indexes):
        raise MalformedMessage("numbers of calls that make no sense")
