"""Answers that have not left their process yet, in memory that its owner has as well: so they are there when it is not.

Knows no socket and no actor.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812 - a class that its module writes like a function
from typing import Any

from cuebook.children.page import NOTES_BYTES, PAGE_BYTES, whole
from cuebook.errors import MalformedMessage
from cuebook.wire.codec import new_packer, unpack

__all__ = ["Notes", "noted"]

_LENGTH = PAGE_BYTES // 8
"""The place of the length, in doubles; what is noted follows it."""
_ROOM = NOTES_BYTES - 8
_HEAD = Struct("<IQBBI")
"""Number of the actor, of the message; form of the answer, kind of its bytes, how many there are."""
_NUMBER = Struct("<IQBBIq")
_INT, _BYTES, _OTHER = 1, 2, 3
_INT_BYTES = 8
_NUMBER_BYTES = _NUMBER.size
_pack_number = _NUMBER.pack_into


class Notes:
    """What has been made since the last sending.

    Parameters:
        page: as it is shared with the owner.
    """

    __slots__ = ("_bytes", "_end", "_pack", "_page")

    def __init__(self, page: memoryview[float]) -> None:
        self._page = page
        self._bytes = page[_LENGTH + 1 :].cast("B")
        self._pack = new_packer().pack
        self._end = 0

    def add(self, actor: int, number: int, form: int, value: Any) -> bool:
        """Note an answer; False where there is no room for it: then all is to be sent at once. Cost: 0.3 us a number,
        0.6 us any other small value.
        """
        end = self._end
        try:
            if type(value) is int:
                _pack_number(self._bytes, end, actor, number, form, _INT, _INT_BYTES, value)
                end += _NUMBER_BYTES
            else:
                end = self._add_other(end, (actor, number, form), value)
        except StructError:  # there is no room, or it is a large number
            end = self._add_other(end, (actor, number, form), value)
        if not end:
            return False
        self._page[_LENGTH] = self._end = end  # last: what is not whole is not there
        return True

    def clear(self) -> None:
        """All of it has been sent."""
        if self._end:
            self._page[_LENGTH] = self._end = 0

    def _add_other(self, begin: int, head: tuple[int, int, int], value: Any) -> int:
        """Where it ends; 0 where there is no room."""
        kind = type(value)
        first = begin + _HEAD.size
        if (kind is bytes or kind is str) and first + len(value) > _ROOM:
            return 0
        data = value if kind is bytes else self._pack(value)
        end = first + len(data)
        if end > _ROOM:
            return 0
        _HEAD.pack_into(self._bytes, begin, *head, _BYTES if kind is bytes else _OTHER, len(data))
        self._bytes[first:end] = data
        return end


def noted(page: memoryview[float]) -> list[tuple[int, int, int, Any]]:
    """What a process that is gone had noted: number of the actor in its owner's system (0: none of those), number of
    the message, form and value of the answer. What is no note ends it: any code may have written there.
    """
    length = whole(page[_LENGTH])
    if not 0 < length <= _ROOM:
        return []
    data = bytes(page[_LENGTH + 1 :].cast("B")[:length])
    found: list[tuple[int, int, int, Any]] = []
    place = 0
    while place + _HEAD.size <= length:
        *head, kind, size = _HEAD.unpack_from(data, place)
        first = place + _HEAD.size
        place = first + size
        try:
            found.append((*head, _value(data[first:place], kind)))
        except MalformedMessage:
            break
    return found


def _value(data: bytes, kind: int) -> Any:
    if kind == _BYTES:
        return data
    if kind == _OTHER:
        return unpack(data)
    if kind != _INT or len(data) != _INT_BYTES:
        raise MalformedMessage(f"a note of kind {kind} of {len(data)} bytes")
    return int.from_bytes(data, "little", signed=True)
