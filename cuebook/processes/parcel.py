"""What makes an actor in another process: its class, its arguments, the message types that it cannot import there.

Knows no link and no process.
"""

from __future__ import annotations

import importlib
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cuebook.children.byvalue import culprits, dump, in_use
from cuebook.errors import FunctionNotShippable, UnknownMessage
from cuebook.persistence.identity.code.imported import is_importable
from cuebook.processes.protocol import Teach
from cuebook.runtime.cells.handlers import is_rebuilding
from cuebook.runtime.tasks.exits import is_exit
from cuebook.wire.message import TAG_MAX, declared, message, type_of

__all__ = ["Parcel", "lesson", "lesson_of_class", "open_parcel", "pack_parcel", "study"]

_NO_MESSAGE = 0
"""In place of the tag, where a lesson is of another class."""

_Type = tuple[type, int | None, bool, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Parcel:
    """An actor's class, or what makes one, with its arguments."""

    actor: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]


def pack_parcel(actor: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
    """The bytes of a parcel.

    Raises:
        FunctionNotShippable: the class or an argument cannot be pickled; nothing was started.
    """
    types = [_described(*each) for each in declared() if not is_importable(each[0])]
    try:
        return dump((actor, tuple(args), dict(kwargs), types))
    except Exception as error:
        name = getattr(actor, "__qualname__", None) or repr(actor)
        advice = "make it in the actor's on_start, or run the actor in this process"
        raise FunctionNotShippable(
            f"{name} cannot be sent to a process with its arguments: {error}. {in_use(culprits(actor))}"
            f"What cannot be sent: {advice}."
        ) from error


def _described(cls: type, tag: int | None, is_by_reference: bool) -> _Type:
    # Where annotations are strings, the names in them may be found here alone.
    hints = typing.get_type_hints(cls) if tag is not None else {}
    return cls, tag, is_by_reference, hints


def open_parcel(data: bytes) -> Parcel:
    """The parcel, with its message types declared here. Raises whatever unpickling raises."""
    import pickle

    from cuebook.children.settling import publish_in_main

    before = is_rebuilding.set(True)
    try:
        actor, args, kwargs, types = pickle.loads(data)
    finally:
        is_rebuilding.reset(before)
    _declare(types)
    publish_in_main(actor, *args, *kwargs.values(), *(described[0] for described in types))
    return Parcel(actor, args, kwargs)


def _declare(types: Sequence[_Type]) -> None:
    known = {cls: (tag, is_by_reference) for cls, tag, is_by_reference in declared()}
    for cls, tag, is_by_reference, hints in types:
        if cls in known:
            continue
        if hints:
            cls.__annotations__ = {name: hint for name, hint in hints.items() if name in cls.__annotations__}
        is_named = tag is None or tag > TAG_MAX
        message(tag=None if is_named else tag, by_reference=is_by_reference)(cls)


def lesson(tag: int) -> Teach | None:
    """What a child needs to know of the message type with this tag; None where there is none here."""
    cls = type_of(tag)
    if cls is None:
        return None
    name = f"{cls.__module__}.{cls.__qualname__}"
    if is_importable(cls):
        return Teach(tag, cls.__module__, name, None)
    by_reference = next((each[2] for each in declared() if each[0] is cls), False)
    try:
        return Teach(tag, cls.__module__, name, dump([_described(cls, tag, by_reference)]))
    except Exception:
        return Teach(tag, cls.__module__, name, None)  # refused by name where it arrives


def lesson_of_class(cls: type) -> Teach | None:
    """What a child needs to know of a class of the script whose values messages hold; None where it cannot be sent."""
    outermost = getattr(sys.modules.get(cls.__module__), cls.__qualname__.partition(".")[0], None)
    if not isinstance(outermost, type):
        return None
    try:
        return Teach(_NO_MESSAGE, cls.__module__, cls.__qualname__, dump(outermost))
    except Exception:  # refused by name where it arrives
        return None


def study(lesson: Teach) -> UnknownMessage | None:
    """Learn a message type: import its module, or declare it; why that did not help, where it did not."""
    import pickle

    from cuebook.children.settling import publish_in_main

    try:
        if lesson.parcel is not None and lesson.tag == _NO_MESSAGE:
            publish_in_main(pickle.loads(lesson.parcel))
            return None
        if lesson.parcel is not None:
            types = pickle.loads(lesson.parcel)
            _declare(types)
        elif type_of(lesson.tag) is None:
            importlib.import_module(lesson.module)
    except BaseException as error:
        if is_exit(error):
            raise
        reason = f"{type(error).__name__}: {error}"
    else:
        if type_of(lesson.tag) is not None:
            return None
        reason = f"{lesson.module} does not declare it"
    return UnknownMessage(
        f"{lesson.name} (tag {lesson.tag}) is no message type in the actor's process: {reason}. Declare it in a module "
        "that can be imported there"
    )
