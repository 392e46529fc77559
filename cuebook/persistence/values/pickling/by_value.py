"""What every pickler of this library is: cloudpickle's, but code, classes and descriptors go in forms of our own.

Heavy: imports cloudpickle.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pickle import PickleBuffer
from types import CodeType, FunctionType
from typing import Any

import cloudpickle

from cuebook.persistence.identity.code.imported import is_importable
from cuebook.persistence.values.pickling.class_state import (
    is_enumeration,
    named_member,
    reduced_class,
    reduced_member,
)
from cuebook.persistence.values.pickling.code_bytes import reduced_code
from cuebook.persistence.values.pickling.descriptors import (
    is_cache,
    is_descriptor,
    is_generic,
    reduced_cached,
    reduced_descriptor,
    reduced_generic,
)
from cuebook.persistence.values.pickling.objects import HEAP_TYPE
from cuebook.persistence.values.pickling.sentinels import may_be_sentinel, reduced_sentinel
from cuebook.persistence.values.pickling.typing_forms import is_named_type, reduced_type

__all__ = ["ByValuePickler", "dumps", "stays_inside"]


class ByValuePickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Cloudpickle for functions and modules.

    What it makes of code objects changes from release to release, and of some kinds of classes it makes other ones.
    """

    def __init__(self, file: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(file, *args, **kwargs)
        self._ways: dict[type, _Way] = {}
        self.sent: list[type | FunctionType] | None = None
        """Gets the classes and functions that go by value. None where nobody asks: one that lives on keeps none."""

    def goes_by_value(self, cls: type) -> bool:
        """Whether a class is sent whole."""
        return bool(cls.__flags__ & HEAP_TYPE) and not is_importable(cls)

    def reducer_override(self, obj: Any) -> Any:
        """How an object is taken apart, as pickle asks for it. Cost: 0.3 us for an object of an ordinary class."""
        kind = type(obj)
        way = self._ways.get(kind)
        if way is None:
            way = self._ways[kind] = _way(kind)
        return way(self, obj)


_Way = Callable[[ByValuePickler, Any], Any]
"""Takes objects of one class apart. Nothing of a pickler's own: in a ring, it would keep what it has pickled."""


def _way(kind: type) -> _Way:
    if kind is CodeType:
        return lambda _, code: reduced_code(code)
    if issubclass(kind, type):
        return _class
    if is_enumeration(kind):
        return _member
    if kind is FunctionType:
        return _function
    if is_cache(kind):
        return lambda pickler, cache: _usual(pickler, cache) if is_importable(cache) else reduced_cached(cache)
    if is_descriptor(kind):
        return lambda _, descriptor: reduced_descriptor(descriptor)
    if is_named_type(kind):
        return lambda pickler, made: _usual(pickler, made) if is_importable(made) else reduced_type(made)
    if kind is struct.Struct:
        return lambda _, layout: (struct.Struct, (layout.format,))
    if may_be_sentinel(kind):
        return lambda pickler, obj: reduced_sentinel(obj) or _usual(pickler, obj)
    return _usual


def _usual(pickler: ByValuePickler, obj: Any) -> Any:
    return super(ByValuePickler, pickler).reducer_override(obj)


def _member(pickler: ByValuePickler, member: Any) -> Any:
    if pickler.goes_by_value(type(member)):
        return reduced_member(member)
    return named_member(member) or _usual(pickler, member)


def _class(pickler: ByValuePickler, cls: type) -> Any:
    if not pickler.goes_by_value(cls):
        return _usual(pickler, cls)
    if pickler.sent is not None:
        pickler.sent.append(cls)
    return reduced_class(cls)


def _function(pickler: ByValuePickler, function: FunctionType) -> Any:
    if is_generic(function) and not is_importable(function):
        return reduced_generic(function)
    answer = _usual(pickler, function)
    if answer is not NotImplemented and pickler.sent is not None:
        pickler.sent.append(function)
    return answer


def stays_inside(buffer_bytes: int, taken: list[memoryview]) -> Callable[[PickleBuffer], bool]:
    """What tells a pickler whether a buffer stays in its stream; larger ones are taken out of it."""

    def answer(buffer: PickleBuffer) -> bool:
        try:
            view = buffer.raw()
        except BufferError:  # not contiguous: the object has to write it itself
            return True
        if view.nbytes <= buffer_bytes:
            return True
        taken.append(view)
        return False

    return answer


def dumps(
    value: Any,
    *,
    beside: tuple[int, list[memoryview]] | None = None,
    sent: list[type | FunctionType] | None = None,
) -> bytes:
    """The pickle of a value, with the functions and classes that no import finds inside it.

    Parameters:
        beside: a size, and a list that gets the buffers that are larger, which `pickle.loads` has to be given.
        sent: gets the classes and functions that went by value.

    Raises:
        Exception: whatever pickling it raises.
    """
    file = io.BytesIO()
    callback = None if beside is None else stays_inside(*beside)
    pickler = ByValuePickler(file, protocol=5, buffer_callback=callback)
    pickler.sent = sent
    pickler.dump(value)
    return file.getvalue()
