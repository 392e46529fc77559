"""The arguments of calls as they arrive in a worker: what cannot be rebuilt here fails its call, not the worker.

Light: imported by worker processes at start.
"""

from __future__ import annotations

from typing import Any, NoReturn

from cuebook.persistence.values import ValueDecoder
from cuebook.persistence.values.placeholders import Unresolved, placeholder_in

__all__ = ["LostArguments", "arrived"]


class LostArguments:
    """Stands for the arguments of a call; whoever calls something with it, as keyword arguments, gets the error."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error

    def keys(self) -> NoReturn:
        raise self.error

    def __getitem__(self, name: str) -> NoReturn:
        raise self.error


def arrived(decoder: ValueDecoder, data: bytes, count: int) -> list[Any]:
    """The arguments of `count` calls; `LostArguments` in the place of those that cannot be rebuilt in this process.

    A placeholder never reaches the user's function: what it made of it would count as a result.
    """
    before = decoder.placeholders
    try:
        calls: list[Any] = decoder.decode(data)
    except Exception as error:  # not enough memory, a blob that is gone
        return [LostArguments(error)] * count
    if decoder.placeholders == before:
        return calls
    found = [placeholder_in(call, Unresolved) for call in calls]
    if not any(found):
        lost = TypeError("arguments of these calls cannot be rebuilt in a worker")
        return [LostArguments(lost)] * count
    return [call if part is None else _lost(part) for call, part in zip(calls, found, strict=True)]


def _lost(part: Unresolved) -> LostArguments:
    name = part.qualname if part.module in ("builtins", "__main__", "") else f"{part.module}.{part.qualname}"
    return LostArguments(TypeError(f"an argument of class {name} cannot be rebuilt in a worker: {part.reason}"))
