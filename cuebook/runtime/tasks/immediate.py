"""Coroutines that never wait: they need no task to run in. Read off their code; knows no actor."""

from __future__ import annotations

from collections.abc import Generator
from opcode import opmap
from types import CodeType, CoroutineType
from typing import Any

__all__ = ["Begun", "never_waits", "outcome_of"]

_SEND: int | None = opmap.get("SEND")
"""What each await comes down to. A Python without it, as one byte, has all coroutines run in tasks."""
_KNOWN_MAX = 4096
_known: dict[CodeType, bool] = {}


def never_waits(coroutine: CoroutineType[Any, Any, Any]) -> bool:
    """Whether there is no `await`, `async for` or `async with` in it: all of them are a SEND in the end.

    Cost: one look-up, after the first time.
    """
    code = coroutine.cr_code
    known = _known.get(code)
    if known is None:
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        known = _known[code] = _SEND is not None and _SEND < 256 and _SEND not in code.co_code[::2]
    return known


def outcome_of(coroutine: CoroutineType[Any, Any, Any]) -> Any:
    """What a coroutine that never waits returns; a Begun of one that waits all the same. Raises what it raises."""
    try:
        first = coroutine.send(None)
    except StopIteration as end:
        return end.value
    _known[coroutine.cr_code] = False
    return Begun(coroutine, first)


class Begun:
    """The rest of a coroutine that has begun to wait: to be awaited in a task, which goes on where it was."""

    __slots__ = ("_coroutine", "_first")

    def __init__(self, coroutine: CoroutineType[Any, Any, Any], first: Any) -> None:
        self._coroutine = coroutine
        self._first = first

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._first
        while True:
            error: BaseException | None = None
            sent: Any = None
            try:
                sent = yield waits_for
            except BaseException as raised:
                error = raised
            try:
                waits_for = self._coroutine.send(sent) if error is None else self._coroutine.throw(error)
            except StopIteration as end:
                return end.value
