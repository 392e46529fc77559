"""Events as bytes and back: by name and fields, so that classes may change, and old events be read by upcasters.

Knows no actor and no journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from cuebook.persistence.names import resolve
from cuebook.persistence.objects import stands_under_its_name
from cuebook.persistence.values import Unresolved, ValueEncoder
from cuebook.runtime.errors import UnknownEvent

__all__ = ["EventTypes", "Upcaster", "name_of"]

Upcaster = Callable[[dict[str, Any]], Any]
"""Takes the fields of an old event and gives today's event, a list of them, or an empty list."""

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
        self._upcasters = dict(upcasters)
        self._fields: dict[type, tuple[str, Callable[[Any], dict[str, Any]]] | None] = {}
        self._makers: dict[str, tuple[Callable[..., Any], bool]] = {}

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

    def decode(self, name: str, value: Any, *, trusted: bool = True) -> Sequence[Any]:
        """Today's events of a decoded one: one, unless an upcaster says otherwise.

        Args:
            trusted: whether modules may be imported to find the class.

        Raises:
            UnknownEvent: its class is gone or has other fields; the text says what to write.
        """
        if name == _BY_VALUE:
            if type(value) is not Unresolved:
                return (value,)
            name, value = f"{value.module}:{value.qualname}", dict(value.fields)
        try:
            make, is_upcaster = self._makers[name]
        except KeyError:
            make, is_upcaster = self._makers[name] = self._maker(name, trusted=trusted)
        if is_upcaster:
            made = make(value)
            return made if type(made) in (list, tuple) else (made,)
        try:
            return (make(**value),)
        except TypeError as error:
            raise self._unknown(name, f"does not take the fields {', '.join(value)} any more ({error})") from error

    def _described(self, cls: type) -> tuple[str, Callable[[Any], dict[str, Any]]] | None:
        fields: dict[str, Any] | None = getattr(cls, "__dataclass_fields__", None)
        is_declared = cls.__qualname__ in self._declared or name_of(cls) in self._declared
        if fields is not None and not is_declared and not stands_under_its_name(cls):
            raise TypeError(
                f"{cls.__qualname__} cannot be found again by its name: define it at the top of a module, or list "
                f"it in {self.owner}.events"
            )
        if fields is None or not all(field.init and field._field_type.name == "_FIELD" for field in fields.values()):
            return None
        return name_of(cls), _getter(tuple(fields))

    def _maker(self, name: str, *, trusted: bool) -> tuple[Callable[..., Any], bool]:
        module, _, qualname = name.partition(":")
        for key in (name, qualname):
            if key in self._upcasters:
                return self._upcasters[key], True
        for key in (name, qualname):
            if key in self._declared:
                return self._declared[key], False
        if not trusted:
            raise self._unknown(name, "is not imported for a journal that others can write to")
        try:
            found = resolve(module, qualname)
        except LookupError as error:
            raise self._unknown(name, f"is no more ({error.args[0]})") from error
        if not isinstance(found, type) or not hasattr(found, "__dataclass_fields__"):
            raise self._unknown(name, "is no dataclass any more")
        return found, False

    def _unknown(self, name: str, why: str) -> UnknownEvent:
        qualname = name.partition(":")[2]
        return UnknownEvent(
            f"the event {name} of {self.owner} {why}: put the class back, or read the old event by an upcaster, "
            f'in {self.owner}: upcasters = {{"{qualname}": lambda fields: ...}}'
        )


def _getter(names: tuple[str, ...]) -> Callable[[Any], dict[str, Any]]:
    if not names:
        return lambda _: {}
    get = attrgetter(*names)
    if len(names) == 1:
        (name,) = names
        return lambda event: {name: get(event)}
    return lambda event: dict(zip(names, get(event), strict=True))
