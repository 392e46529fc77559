"""The arguments of calls as they arrive in a worker: what cannot be rebuilt here fails its call, not the worker.

Light: imported by worker processes at start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from cuebook.persistence.values import ValueDecoder
from cuebook.persistence.values.placeholders import Unresolved, placeholder_in
from cuebook.wire.codec import unpackb

__all__ = ["ONE_BY_ONE", "LostArguments", "arrived"]

ONE_BY_ONE = 0xDD
"""The first byte of arguments that may run code of the user's: of msgpack's longest form of an array. What begins with
any other one holds scalars only.
"""
_ONE = b"\x91"


class LostArguments:
    """Stands for the arguments of a call; whoever calls something with it, as keyword arguments, gets the error."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def keys(self) -> NoReturn:
        raise self.error

    def __getitem__(self, name: str) -> NoReturn:
        raise self.error


def arrived(
    decoder: ValueDecoder, data: bytes, indexes: Sequence[int], *, begin: Callable[[int], None]
) -> Sequence[Any]:
    """The arguments of these calls; `LostArguments` in the place of those that cannot be rebuilt in this process.

    Those of a call are a list, or a dict of keyword arguments; where all of them are scalars they are a tuple, which
    takes half the time to make and to call something with.

    A placeholder never reaches the user's function: what it made of it would count as a result.

    Parameters:
        begin: is told which call's arguments are loaded next, wherever that may run code of the user's, and so end the
            process.
    """
    if data[0] != ONE_BY_ONE:
        return _scalars(data, len(indexes))
    found = []
    for index, part in zip(indexes, decoder.split(data, len(indexes)), strict=True):
        begin(index)
        found += _opened(decoder, b"".join((_ONE, part)), 1)
    return found


def _scalars(data: bytes, count: int) -> Sequence[Any]:
    try:
        calls: Sequence[Any] = unpackb(data, use_list=False, unicode_errors="surrogatepass")
    except BaseException as error:  # not enough memory; what interrupts ends its call alone
        return [LostArguments(error)] * count
    return calls


def _opened(decoder: ValueDecoder, data: bytes, count: int) -> list[Any]:
    before = decoder.placeholders
    try:
        calls: list[Any] = decoder.decode(data)
    except (
        BaseException
    ) as error:  # not enough memory, a blob that is gone; what ends or interrupts ends its call alone
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
