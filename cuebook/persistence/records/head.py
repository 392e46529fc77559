"""What every record says of itself beside its values: the head, a list of plain fields. Knows no kind in particular."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, TypeAlias

from cuebook.errors import JournalCorrupt, MalformedMessage
from cuebook.persistence.records.fields import is_moment
from cuebook.persistence.records.record import Entry, Kind
from cuebook.wire.codec import pack, unpack

__all__ = ["HEADS", "Head", "Keep", "Owner", "malformed"]

_Types: TypeAlias = type | tuple[type, ...]
Owner: TypeAlias = tuple[int, int]
"""Whose states are kept beside the chain: number of the run or stream, and index of the call, 0 of a stream."""

HEADS: dict[Kind, type[Head]] = {}
"""The head of each kind. A class with a `kind` puts itself here."""


@dataclass(frozen=True, slots=True)
class Keep:
    """A state that lies beside the chain.

    Attributes:
        owner: whose it is. digest: SHA-256 of its bytes. most: how many of the owner's newest states stay.
    """

    owner: Owner
    digest: bytes
    most: int


class Head:
    """A head is a msgpack array of its fields in their order."""

    __slots__ = ()
    kind: ClassVar[Kind]
    _types: ClassVar[tuple[_Types, ...]]

    def __init_subclass__(cls) -> None:
        HEADS[cls.kind] = cls  # a class with slots is made twice: the second one stays

    def entry(self, run: int, body: bytes | None = None) -> Entry:
        """The record to append: `run` is the number of its run or stream, 0 where it belongs to neither."""
        return Entry(self.kind, run, self.encode(), body)

    def keeps(self, run: int) -> Keep | None:
        """The state that a record of `run` with this head tells of; None where it tells of none."""
        return None

    def drops(self, run: int) -> Iterable[Owner]:
        """Whose states nobody can ask for any more, once a record of `run` with this head is there."""
        return ()

    def encode(self) -> bytes:
        """The bytes of this head. Cost: 2 to 5 us."""
        return pack([getattr(self, field.name) for field in fields(self)])  # type: ignore[arg-type]

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The head of these bytes.

        Raises:
            JournalCorrupt: they are no head of this kind; nothing in them was executed.
        """
        try:
            values = unpack(data)
        except MalformedMessage as error:
            raise malformed(cls, str(error)) from error
        if type(values) is not list or len(values) != len(cls._types):
            raise malformed(cls, f"expected {len(cls._types)} fields")
        for value, types in zip(values, cls._types, strict=True):
            if not isinstance(value, types) or (type(value) is bool and types is not bool):
                raise malformed(cls, f"a field of type {type(value).__name__} is out of place")
            if type(value) is float and not is_moment(value):
                raise malformed(cls, f"{value} is no number of seconds")
        try:
            return cls.of_fields(values)
        except (TypeError, ValueError) as error:
            raise malformed(cls, str(error)) from error

    @classmethod
    def of_fields(cls, values: list[Any]) -> Self:
        """The head of these fields. Raises TypeError or ValueError where they are not what they have to be."""
        return cls(*values)


def malformed(cls: type, why: str) -> JournalCorrupt:
    """The error for bytes that are no head of this kind."""
    return JournalCorrupt(f"a head of kind {cls.__name__} does not decode: {why}")
