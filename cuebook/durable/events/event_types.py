"""Events as bytes and back: by name and fields, so that classes may change, and old events be read by upcasters.

Knows no actor and no journal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from cuebook.durable.events.rebuilding import rebuilder
from cuebook.errors import JournalNotTrusted, UnknownEvent
from cuebook.persistence.values import ValueEncoder
from cuebook.persistence.values.pickling.names import resolve
from cuebook.persistence.values.pickling.objects import stands_under_its_name
from cuebook.persistence.values.placeholders import Opaque, Unresolved

__all__ = ["EventTypes", "Upcaster", "name_of"]

Upcaster = Callable[[dict[str, Any]], Any]
"""Takes the fields of an old event and gives today's event, a list of them, or an empty list."""

Maker = Callable[[Any], Sequence[Any]]
"""Gives today's events (mostly one) of the decoded value of an old one."""

Refusal = Callable[[str], JournalNotTrusted]
"""Makes the error of a class that is not imported, `module.Class`, because the journal is not trusted."""

_BY_VALUE = ""
"""In place of a name: the value's own encoding says what it is."""


def name_of(cls: type) -> str:
    """What a class is called in the journal."""
    return f"{cls.__module__}:{cls.__qualname__}"


class EventTypes:
    """The events of one class of durable actors.

    Args:
        owner: name of that class, for messages.
        declared: event classes that are known without looking for them.
        upcasters: by name of the event's class, with or without its module.
    """

    def __init__(self, owner: str, declared: Sequence[type], upcasters: Mapping[str, Upcaster]) -> None:
        self.owner = owner
        self._declared = {cls.__qualname__: cls for cls in declared} | {name_of(cls): cls for cls in declared}
        self.upcasters = dict(upcasters)
        self._fields: dict[type, tuple[str, Callable[[Any], dict[str, Any]]] | None] = {}
        self._makers: dict[str, Maker] = {}

    def encode(self, event: Any, encoder: ValueEncoder) -> tuple[str, bytes]:
        """The name and the bytes of an event.

        Raises:
            TypeError: its class could not be found again. ValueNotKept: a field cannot be kept; it is named.
        """
        cls = type(event)
        try:
            known = self._fields[cls]
        except KeyError:
            known = self._fields[cls] = self._described(cls)
        if known is None:
            return _BY_VALUE, encoder.encode(event)
        return known[0], encoder.encode(known[1](event))

    def maker(self, name: str, *, refusal: Refusal | None = None) -> Maker:
        """What makes today's events of a decoded one: one, unless an upcaster says otherwise.

        Args:
            name: as `encode` gave it.
            refusal: makes the error of a class whose module would have to be imported, where none may be.

        Raises:
            what `refusal` makes.
            UnknownEvent: its class is gone; the text says what to write. The maker raises it where it has other fields.
        """
        try:
            return self._makers[name]
        except KeyError:
            if name == _BY_VALUE:
                made: Maker = lambda value: self._of_value(value, refusal=refusal)  # noqa: E731
            else:
                made = self._new_maker(name, refusal=refusal)
            self._makers[name] = made
            return made

    def lost_part(self, event: Any, part: Unresolved | Opaque) -> UnknownEvent:
        """What to raise for an event that holds a placeholder."""
        lost = f"{part.module}.{part.qualname}, {part.reason}" if type(part) is Unresolved else repr(part)
        return self._unknown(name_of(type(event)), f"has a part that cannot be rebuilt here ({lost})")

    def _of_value(self, value: Any, *, refusal: Refusal | None) -> Sequence[Any]:
        if type(value) is not Unresolved:
            return (value,)
        return self.maker(f"{value.module}:{value.qualname}", refusal=refusal)(dict(value.fields))

    def _described(self, cls: type) -> tuple[str, Callable[[Any], dict[str, Any]]] | None:
        all_fields: dict[str, Any] | None = getattr(cls, "__dataclass_fields__", None)
        is_declared = cls.__qualname__ in self._declared or name_of(cls) in self._declared
        if all_fields is not None and not is_declared and not stands_under_its_name(cls):
            raise TypeError(
                f"{cls.__qualname__} cannot be found again by its name: define it at the top of a module, or list "
                f"it in {self.owner}.events"
            )
        if all_fields is None or not _is_plain(cls, all_fields):
            return None
        return name_of(cls), _getter(tuple(all_fields))

    def _new_maker(self, name: str, *, refusal: Refusal | None) -> Maker:
        module, _, qualname = name.partition(":")
        for key in (name, qualname):
            if key in self.upcasters:
                return _upcast(self.upcasters[key])
        for key in (name, qualname):
            if key in self._declared:
                return self._made_by(self._declared[key], name)
        if refusal is not None:
            raise refusal(name.replace(":", "."))
        try:
            found = resolve(module, qualname)
        except LookupError as error:
            raise self._unknown(name, f"is no more ({error.args[0]})") from error
        if not isinstance(found, type) or not hasattr(found, "__dataclass_fields__"):
            raise self._unknown(name, "is no dataclass any more")
        return self._made_by(found, name)

    def _made_by(self, cls: type, name: str) -> Maker:
        def by_init(fields: dict[str, Any]) -> Sequence[Any]:
            try:
                return (cls(**fields),)
            except TypeError as error:
                text = f"does not take the fields {', '.join(fields)} any more ({error})"
                raise self._unknown(name, text) from error

        return rebuilder(cls, by_init) or by_init

    def _unknown(self, name: str, why: str) -> UnknownEvent:
        qualname = name.partition(":")[2]
        return UnknownEvent(
            f"the event {name} of {self.owner} {why}: put the class back, or read the old event by an upcaster, "
            f'in {self.owner}: upcasters = {{"{qualname}": lambda fields: ...}}'
        )


def _upcast(upcaster: Upcaster) -> Maker:
    def make(fields: Any) -> Sequence[Any]:
        made = upcaster(fields)
        return made if type(made) in (list, tuple) else (made,)

    return make


def _getter(names: tuple[str, ...]) -> Callable[[Any], dict[str, Any]]:
    if not names:
        return lambda _: {}
    get = attrgetter(*names)
    if len(names) == 1:
        (name,) = names
        return lambda event: {name: get(event)}
    return lambda event: dict(zip(names, get(event), strict=True))


def _is_plain(cls: type, fields: dict[str, Any]) -> bool:
    """Whether all that `__init__` takes are fields, and all fields are taken: no InitVar, no ClassVar."""
    own = dataclasses.fields(cls)
    return len(own) == len(fields) and all(field.init for field in own)
