"""Coroutines that never wait: they need no task to run in. Read off their code; knows no actor."""

from __future__ import annotations

from opcode import opmap
from types import CodeType, CoroutineType
from typing import Any

__all__ = ["never_waits", "outcome_of"]

_SEND = opmap["SEND"]
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
        known = _known[code] = _SEND not in code.co_code[::2]
    return known


def outcome_of(coroutine: CoroutineType[Any, Any, Any]) -> Any:
    """What a coroutine that never waits returns. Raises what it raises."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError(f"{coroutine.__qualname__} waits")
