"""What one message type looks like on the wire: its fields, their allowed types, how to take them out and put
them in.

Knows no bytes and no table of types.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from cuebook.errors import MalformedMessage
from cuebook.wire.shape_code import FieldCode, compile_builder, compile_taker, compile_tester

__all__ = ["PLAIN", "PLAIN_TEXT", "Shape"]

_NONE = type(None)

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

    Attributes:
        take: `take(message)` gives [tag, field, ...]. Raises TypeError, naming the field, where one may not leave.
        is_whole: `is_whole(message)` tells whether no copy of it could be told from itself, and it is small: each
            field a number, a short text or bytes, or None, and can be encoded. None: no message of the class is.
        build: `build([tag, field, ...])`, as it arrived, gives a message. Raises MalformedMessage where it does
            not fit.

    They are compiled at their first use: most processes use a few of the types that they know.
    """

    __slots__ = ("_fields", "_setters", "build", "cls", "is_by_reference", "is_whole", "names", "tag", "take")

    def __init__(self, cls: type, tag: int, *, by_reference: bool = False) -> None:
        self.cls = cls
        self.tag = tag
        self.names = _names(cls)
        annotations = _annotations(cls)
        self._fields = [_allowed(cls, name, annotations[name]) for name in self.names]
        self._setters = _setters(cls, self.names)
        self.is_by_reference = by_reference
        if by_reference:
            self._refuse_changeable()
        self.take: Callable[[Any], list[Any]] = self._take_first
        self.build: Callable[[list[Any]], Any] = self._build_first
        self.is_whole: Callable[[Any], bool] | None = self._is_whole_first

    def _take_first(self, message: Any) -> list[Any]:
        codes = [FieldCode(name, leaving) for name, (leaving, _, _) in zip(self.names, self._fields, strict=True)]
        self.take = compile_taker(self.tag, codes, self._refuse_to_send)
        return self.take(message)

    def _is_whole_first(self, message: Any) -> bool:
        codes = [FieldCode(name, leaving) for name, (leaving, _, _) in zip(self.names, self._fields, strict=True)]
        # An object that can hold more than its fields, or that checks itself, is made anew of its bytes.
        has_fields_alone = self._setters is not None and getattr(self.cls, "__dictoffset__", 1) == 0
        tester = compile_tester(codes) if has_fields_alone else None
        self.is_whole = tester
        return tester is not None and tester(message)

    def _build_first(self, values: list[Any]) -> Any:
        setters: Sequence[Callable[[Any, Any], None] | None] = self._setters or (None,) * len(self.names)
        codes = [
            FieldCode(name, arriving, is_tuple, setter)
            for name, (_, arriving, is_tuple), setter in zip(self.names, self._fields, setters, strict=True)
        ]
        self.build = compile_builder(self.cls, codes, self._refuse_to_receive, self._construct)
        return self.build(values)

    def _refuse_changeable(self) -> None:
        changeable = {list, dict, bytearray, memoryview}
        for name, (_, arriving, is_tuple) in zip(self.names, self._fields, strict=True):
            if arriving is None or arriving & changeable:
                held = (
                    "anything" if arriving is None else " or ".join(sorted(k.__name__ for k in arriving & changeable))
                )
                if not is_tuple:
                    raise TypeError(f"{self.cls.__qualname__}.{name} may be {held}, so it cannot go by reference")

    def _refuse_to_send(self, values: list[Any]) -> NoReturn:
        allowed = [leaving for leaving, _, _ in self._fields]
        raise TypeError(f"{self._mismatch(values, allowed)}: it was not sent")

    def _refuse_to_receive(self, values: list[Any]) -> NoReturn:
        if len(values) != len(self.names) + 1:
            count = len(self.names)
            raise MalformedMessage(f"{self.cls.__qualname__} has {count} fields, the frame {len(values) - 1}")
        raise MalformedMessage(self._mismatch(values, [arriving for _, arriving, _ in self._fields]))

    def _construct(self, *fields: Any) -> Any:
        try:
            return self.cls(*fields)
        except Exception as error:
            raise MalformedMessage(f"{self.cls.__qualname__} refuses the frame's fields: {error}") from error

    def _mismatch(self, values: list[Any], kinds: list[frozenset[type] | None]) -> str:
        """The first of the values that is not of its kinds, in words."""
        name, value, allowed = next(
            (name, value, allowed)
            for name, value, allowed in zip(self.names, values[1:], kinds, strict=True)
            if allowed is not None and type(value) not in allowed
        )
        expected = " or ".join(sorted("None" if kind is _NONE else kind.__name__ for kind in allowed))
        return f"{self.cls.__qualname__}.{name} is {expected}, not {type(value).__qualname__}"


def _names(cls: Any) -> tuple[str, ...]:
    from dataclasses import fields  # a slow import that a process without messages is spared

    return tuple([field.name for field in fields(cls)])


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
    import inspect

    annotations: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        annotations |= inspect.get_annotations(base)
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
