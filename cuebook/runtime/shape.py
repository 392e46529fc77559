"""What one message type looks like on the wire: its fields, their allowed types, how to take them out and put
them in.

Knows no bytes and no table of types.
"""

from __future__ import annotations

import operator
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cuebook.runtime.errors import MalformedMessage

__all__ = ["PLAIN", "PLAIN_TEXT", "Shape"]

_NONE = type(None)
_SEEN_MAX = 256
_new: Callable[[type], Any] = object.__new__

PLAIN: dict[Any, tuple[set[type], set[type]]] = {
    int: ({int}, {int}),
    float: ({float, int}, {float, int}),
    bool: ({bool}, {bool}),
    str: ({str}, {str}),
    bytes: ({bytes, bytearray, memoryview}, {bytes}),
    list: ({list, tuple}, {list}),
    Sequence: ({list, tuple}, {list}),
    tuple: ({list, tuple}, {list}),
    dict: ({dict}, {dict}),
    Mapping: ({dict}, {dict}),
    None: ({_NONE}, {_NONE}),
    _NONE: ({_NONE}, {_NONE}),
}
"""Annotation to the types that may be sent and those that may arrive."""
PLAIN_TEXT = "None, bool, int, float, str, bytes, list, tuple, dict, refs and messages; else make one of these of it"


class Shape:
    """Takes the fields of one message class apart and puts them together, with a shallow check of their
    types.

    Types of whole field lists that passed once are remembered, so that the check costs one look-up a message.
    """

    __slots__ = (
        "_arriving",
        "_leaving",
        "_setters",
        "_tuples",
        "arrived_as",
        "cls",
        "is_by_reference",
        "names",
        "sent_as",
        "tag",
        "values",
    )

    def __init__(self, cls: type, tag: int, *, by_reference: bool = False) -> None:
        self.cls = cls
        self.tag = tag
        self.names: tuple[str, ...] = tuple(cls.__dataclass_fields__)  # type: ignore[attr-defined]
        self.values = _getter(self.names)
        annotations = _annotations(cls)
        kinds = [_allowed(cls, name, annotations[name]) for name in self.names]
        self._leaving = [leaving for leaving, _, _ in kinds]
        self._arriving = [arriving for _, arriving, _ in kinds]
        self._tuples = [place for place, (_, _, is_tuple) in enumerate(kinds, 1) if is_tuple]
        self._setters = _setters(cls, self.names)
        self.is_by_reference = by_reference
        if by_reference:
            self._refuse_changeable()
        self.sent_as: set[tuple[type, ...]] = set()
        self.arrived_as: set[tuple[type, ...]] = set()

    def check_sent(self, values: tuple[Any, ...]) -> None:
        """Let these values leave, and remember their types. Raises TypeError, naming the field, where not."""
        for name, value, allowed in zip(self.names, values, self._leaving, strict=True):
            if allowed is not None and type(value) not in allowed:
                raise TypeError(f"{self._mismatch(name, value, allowed)}: it was not sent")
        _remember(self.sent_as, values)

    def build(self, values: list[Any]) -> Any:
        """A message of an arrived list [tag, field, ...]. Raises MalformedMessage where they do not fit."""
        if tuple(map(type, values)) not in self.arrived_as:
            self._check_arrived(values)
        for place in self._tuples:
            if type(values[place]) is list:
                values[place] = tuple(values[place])
        if self._setters is None:
            return self._construct(values[1:])
        built = _new(self.cls)
        for setter, value in zip(self._setters, values[1:], strict=True):
            setter(built, value)
        return built

    def _refuse_changeable(self) -> None:
        changeable = {list, dict, bytearray, memoryview}
        for name, arriving in zip(self.names, self._arriving, strict=True):
            if arriving is None or arriving & changeable:
                held = (
                    "anything" if arriving is None else " or ".join(sorted(k.__name__ for k in arriving & changeable))
                )
                if not self._is_tuple(name):
                    raise TypeError(f"{self.cls.__qualname__}.{name} may be {held}, so it cannot go by reference")

    def _is_tuple(self, name: str) -> bool:
        return self.names.index(name) + 1 in self._tuples

    def _check_arrived(self, values: list[Any]) -> None:
        if len(values) != len(self.names) + 1:
            count = len(self.names)
            raise MalformedMessage(f"{self.cls.__qualname__} has {count} fields, the frame {len(values) - 1}")
        for name, value, allowed in zip(self.names, values[1:], self._arriving, strict=True):
            if allowed is not None and type(value) not in allowed:
                raise MalformedMessage(self._mismatch(name, value, allowed))
        _remember(self.arrived_as, values)

    def _construct(self, fields: list[Any]) -> Any:
        try:
            return self.cls(*fields)
        except Exception as error:
            raise MalformedMessage(f"{self.cls.__qualname__} refuses the frame's fields: {error}") from error

    def _mismatch(self, name: str, value: object, allowed: frozenset[type]) -> str:
        expected = " or ".join(sorted("None" if kind is _NONE else kind.__name__ for kind in allowed))
        return f"{self.cls.__qualname__}.{name} is {expected}, not {type(value).__qualname__}"


def _remember(seen: set[tuple[type, ...]], values: tuple[Any, ...] | list[Any]) -> None:
    if len(seen) >= _SEEN_MAX:
        seen.clear()
    seen.add(tuple(map(type, values)))


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda _: ()
    if len(names) == 1:
        only = operator.attrgetter(names[0])
        return lambda value: (only(value),)
    return operator.attrgetter(*names)


def _setters(cls: type, names: tuple[str, ...]) -> list[Callable[[Any, Any], None]] | None:
    # Writing slots directly costs half of a frozen __init__; a class that checks itself needs its __init__.
    slots = [getattr(cls, name, None) for name in names]
    if hasattr(cls, "__post_init__") or not all(isinstance(slot, types.MemberDescriptorType) for slot in slots):
        return None
    return [slot.__set__ for slot in slots if slot is not None]


def _annotations(cls: type) -> dict[str, Any]:
    try:
        try:
            return typing.get_type_hints(cls)
        except NameError:
            # Of which class an actor is says nothing here, and messages come before the actors that take them.
            return typing.get_type_hints(_with_bare_refs(cls))
    except NameError as error:
        raise TypeError(f"an annotation of {cls.__qualname__} names what is not there at run time: {error}") from error


def _with_bare_refs(cls: type) -> Any:
    annotations: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        annotations |= vars(base).get("__annotations__", {})
    bare = {
        name: re.sub(r"\b(ActorRef)\[[^][]*(\[[^][]*\])*[^][]*\]", r"\1", text) if isinstance(text, str) else text
        for name, text in annotations.items()
    }
    return type(cls.__name__, (), {"__annotations__": bare, "__module__": cls.__module__})


def _allowed(cls: type, name: str, annotation: Any) -> tuple[frozenset[type] | None, frozenset[type] | None, bool]:
    """What may leave, what may arrive (None: anything), and whether a list is to become a tuple."""
    if annotation is Any or annotation is object:
        return None, None, False
    leaving: set[type] = set()
    arriving: set[type] = set()
    members = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
    origins = [typing.get_origin(member) or member for member in members]
    for origin in origins:
        if origin not in PLAIN:
            raise TypeError(
                f"{cls.__qualname__}.{name}: {annotation!r} is no plain data and cannot travel in a message"
                f" ({PLAIN_TEXT}, or @message(by_reference=True) where nothing of it changes)"
            )
        leaving |= PLAIN[origin][0]
        arriving |= PLAIN[origin][1]
    return frozenset(leaving), frozenset(arriving), tuple in origins and list not in origins


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)
