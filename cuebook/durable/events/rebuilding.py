"""Objects of plain dataclasses put together without their `__init__`, as the value codec does it: a third of the time.

Knows no event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cuebook.persistence.values.pickling.objects import slots_of

__all__ = ["rebuilder"]


def rebuilder(
    cls: Any, otherwise: Callable[[dict[str, Any]], Sequence[Any]]
) -> Callable[[dict[str, Any]], Sequence[Any]] | None:
    """A function from fields to one object of the class; None where its own `__init__` has to make it.

    Args:
        otherwise: is called where the fields are not exactly those of the class.
    """
    parameters: Any = getattr(cls, "__dataclass_params__", None)  # private: without it, `__init__` makes the objects
    if not getattr(parameters, "init", False) or hasattr(cls, "__post_init__") or cls.__new__ is not object.__new__:
        return None
    names = tuple(cls.__dataclass_fields__)
    slots = slots_of(cls)
    if slots is None or not slots:
        return _by_dict(cls, frozenset(names), otherwise) if slots is not None else None
    if set(slots) != set(names) or cls.__dictoffset__:
        return None
    return _by_slots(cls, [(name, getattr(cls, name).__set__) for name in names], otherwise)


def _by_dict(cls: Any, names: frozenset[str], otherwise: Callable[..., Sequence[Any]]) -> Callable[..., Sequence[Any]]:
    new = cls.__new__

    def build(fields: dict[str, Any]) -> Sequence[Any]:
        if fields.keys() != names:
            return otherwise(fields)
        made = new(cls)
        made.__dict__.update(fields)
        return (made,)

    return build


def _by_slots(
    cls: Any, setters: list[tuple[str, Callable[[Any, Any], None]]], otherwise: Callable[..., Sequence[Any]]
) -> Callable[..., Sequence[Any]]:
    new = cls.__new__
    count = len(setters)

    def build(fields: dict[str, Any]) -> Sequence[Any]:
        if len(fields) != count:
            return otherwise(fields)
        made = new(cls)
        try:
            for name, put in setters:
                put(made, fields[name])
        except KeyError:
            return otherwise(fields)
        return (made,)

    return build
