"""What one message type looks like on the wire: its fields, their allowed types, how to take them out and put
them in.

Knows no bytes and no table of types.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from cuebook.errors import MalformedMessage
from cuebook.wire.shape_code import (
    BECOMING,
    FieldCode,
    OddFrames,
    Packing,
    compile_builder,
    compile_sender,
    compile_taker,
)

__all__ = ["PLAIN", "PLAIN_TEXT", "Shape"]

_NONE = type(None)

PLAIN: dict[Any, tuple[set[type], set[type]]] = {
    int: ({int}, {int}),
    float: ({float, int}, {float, int}),
    bool: ({bool}, {bool}),
    str: ({str}, {str}),
    bytes: ({bytes, bytearray, memoryview}, {bytes}),
    bytearray: ({bytearray}, {bytes, bytearray}),
    memoryview: ({bytes, bytearray, memoryview}, {bytes}),
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
        encode: `encode(message)` gives the bytes of that. Raises as `take`.
        send: the same; or the message itself where no copy of it could be told from it,
            and it is small: each field a number, a short text or bytes, or None, and can be encoded. Raises as `take`.
        build: `build([tag, field, ...])`, as it arrived, gives a message. Raises MalformedMessage where it does
            not fit.

    They are compiled at their first use: most processes use a few of the types that they know.
    """

    __slots__ = (
        "_fields",
        "_packing",
        "_setters",
        "build",
        "cls",
        "encode",
        "is_by_reference",
        "names",
        "send",
        "tag",
        "take",
    )

    def __init__(self, cls: type, tag: int, packing: Callable[[Shape], Packing], *, by_reference: bool = False) -> None:
        self.cls = cls
        self._packing = packing
        self.tag = tag
        self.names = _names(cls)
        annotations = _annotations(cls)
        self._fields = [_field(annotations[name]) for name in self.names]
        self._setters = _setters(cls, self.names)
        self.is_by_reference = by_reference
        if by_reference:
            self._refuse_changeable()
        self.take: Callable[[Any], list[Any]] = self._take_first
        self.build: Callable[[list[Any]], Any] = self._build_first
        self.encode: Callable[[Any], bytes] = self._encode_first
        self.send: Callable[[Any], Any] = self._send_first

    def _take_first(self, message: Any) -> list[Any]:
        codes = [FieldCode(name, each.leaving, each.classes) for name, each in self._named_fields()]
        self.take = compile_taker(self.tag, codes, self._refuse_to_send)
        return self.take(message)

    def _encode_first(self, message: Any) -> bytes:
        self.encode = encode = self._sender(may_go=False)
        frame: bytes = encode(message)
        return frame

    def _send_first(self, message: Any) -> Any:
        # An object that can hold more than its fields, or that checks itself, is made anew of its bytes.
        has_fields_alone = self._setters is not None and getattr(self.cls, "__dictoffset__", 1) == 0
        self.send = self._sender(may_go=has_fields_alone)
        return self.send(message)

    def _sender(self, *, may_go: bool) -> Callable[[Any], Any]:
        codes = [FieldCode(name, each.leaving, each.classes) for name, each in self._named_fields()]
        return compile_sender(self.tag, codes, self._refuse_to_send, self._packing(self), may_go=may_go)

    def _build_first(self, values: list[Any]) -> Any:
        setters: Sequence[Callable[[Any, Any], None] | None] = self._setters or (None,) * len(self.names)
        codes = [
            FieldCode(name, each.arriving, each.classes, each.becomes, setter)
            for (name, each), setter in zip(self._named_fields(), setters, strict=True)
        ]
        odd = OddFrames(self._build_short, self._refuse_to_receive)
        self.build = compile_builder(self.cls, codes, odd, self._construct)
        return self.build(values)

    def _named_fields(self) -> list[tuple[str, _Field]]:
        return list(zip(self.names, self._fields, strict=True))

    def _refuse_changeable(self) -> None:
        changeable = {list, dict, bytearray, memoryview}
        for name, each in self._named_fields():
            held = "anything" if each.arriving is None else ""
            kinds = {cls for cls in each.classes if cls.__hash__ is None}
            if each.becomes is not tuple:
                kinds |= (each.arriving or frozenset()) & changeable
            held = held or " or ".join(sorted(kind.__name__ for kind in kinds))
            if held:
                raise TypeError(f"{self.cls.__qualname__}.{name} may be {held}, so it cannot go by reference")

    def _refuse_to_send(self, values: list[Any]) -> NoReturn:
        raise TypeError(f"{self._mismatch(values, [each.leaving for each in self._fields])}: it was not sent")

    def _build_short(self, values: list[Any]) -> Any:
        """What was encoded before its class had the last of its fields: these have their defaults."""
        count, kept = len(self.names), len(values) - 1
        defaults = _defaults(self.cls)
        lacking = [name for name in self.names[kept:] if name not in defaults]
        if kept >= count or lacking:
            advice = f": give {', '.join(lacking)} a default" if kept < count else ""
            raise MalformedMessage(f"{self.cls.__qualname__} has {count} fields, the frame {kept}{advice}")
        given: dict[str, Any] = {}
        for (name, each), value in zip(self._named_fields(), values[1:], strict=False):
            if each.arriving is not None and type(value) not in each.arriving and not isinstance(value, each.classes):
                raise MalformedMessage(self._mismatch(values, [each.arriving for each in self._fields]))
            changes = each.becomes is not None and type(value) is BECOMING[each.becomes]
            given[name] = each.becomes(value) if changes and each.becomes is not None else value
        return self._construct(**given)

    def _refuse_to_receive(self, values: list[Any]) -> NoReturn:
        raise MalformedMessage(self._mismatch(values, [each.arriving for each in self._fields]))

    def _construct(self, *fields: Any, **named: Any) -> Any:
        try:
            return self.cls(*fields, **named)
        except Exception as error:
            raise MalformedMessage(f"{self.cls.__qualname__} refuses the frame's fields: {error}") from error

    def _mismatch(self, values: list[Any], kinds: list[frozenset[type] | None]) -> str:
        """The first of the values that is not of its kinds, in words."""
        name, value, known = next(
            (name, value, {*allowed, *each.classes})
            for (name, each), value, allowed in zip(self._named_fields(), values[1:], kinds, strict=False)
            if allowed is not None and type(value) not in allowed and not isinstance(value, each.classes)
        )
        expected = " or ".join(sorted("None" if kind is _NONE else kind.__name__ for kind in known))
        return f"{self.cls.__qualname__}.{name} is {expected}, not {type(value).__qualname__}"


def _names(cls: Any) -> tuple[str, ...]:
    from dataclasses import fields  # a slow import that a process without messages is spared

    return tuple([field.name for field in fields(cls)])


def _defaults(cls: Any) -> set[str]:
    from dataclasses import MISSING, fields

    return {each.name for each in fields(cls) if each.default is not MISSING or each.default_factory is not MISSING}


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


class _Field(NamedTuple):
    """What may leave and what may arrive (None: anything), the classes whose objects may as well, and what a list or
    bytes are to become: a tuple or a bytearray (None: nothing else).
    """

    leaving: frozenset[type] | None = None
    arriving: frozenset[type] | None = None
    classes: tuple[type, ...] = ()
    becomes: type | None = None


def _field(annotation: Any) -> _Field:
    leaving: set[type] = set()
    arriving: set[type] = set()
    classes: list[type] = []
    origins = list(map(_origin, _members(annotation)))
    for origin in origins:
        if _is_hashable(origin) and origin in PLAIN:
            leaving |= PLAIN[origin][0]
            arriving |= PLAIN[origin][1]
        elif isinstance(origin, type) and origin not in (object, Any) and not getattr(origin, "_is_protocol", False):
            classes.append(origin)
        else:
            return _Field()  # what only a type checker looks at
    becomes = next((new for new, old in BECOMING.items() if new in origins and old not in origins), None)
    return _Field(frozenset(leaving), frozenset(arriving), tuple(classes), becomes)


def _members(annotation: Any) -> list[Any]:
    if _is_union(annotation):
        return [part for member in typing.get_args(annotation) for part in _members(member)]
    if typing.get_origin(annotation) is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    return [annotation]


def _origin(member: Any) -> Any:
    return typing.get_origin(member) or member


def _is_hashable(origin: Any) -> bool:
    try:
        hash(origin)
    except TypeError:
        return False
    return True


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)
