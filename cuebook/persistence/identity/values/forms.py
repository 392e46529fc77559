"""How each kind of value is written for its identity: containers, code, standard types.

Knows no objects' state and no fingerprint: the walk that calls these does.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from cuebook.persistence.identity.adapters import adapted_form
from cuebook.persistence.identity.digest import blake16, joined, shortened
from cuebook.persistence.identity.parameters import parameters_of
from cuebook.persistence.identity.plain import plain_bytes
from cuebook.persistence.identity.secrets.names import is_secret_name
from cuebook.persistence.identity.values.standard import STANDARD_FORMS

__all__ = ["EXACT", "Form", "Walk", "code_name", "form_of"]


class Walk(Protocol):
    """What the writers need of the walk that calls them."""

    is_costly: bool
    is_hidden: bool
    context: dict[Any, Any]

    def encode(self, value: Any) -> bytes:
        """Any value."""

    def named(self, name: Any, value: Any) -> bytes:
        """A value that stands under a name, which may be one of a secret."""

    def sequence(self, tag: bytes, values: Iterable[Any]) -> bytes:
        """Values in their order."""

    def pairs(self, tag: bytes, items: Iterable[tuple[Any, Any]]) -> bytes:
        """Keys and values in their order."""

    def unordered(self, tag: bytes, items: Iterable[Any]) -> bytes:
        """Items in any order."""

    def code(self, tag: bytes, item: Any) -> bytes:
        """A function, class or module."""

    def unseen(self, value: Any, why: str = "") -> bytes:
        """A value without visible state."""

    def not_seeded(self, value: Any, place: Any) -> bytes:
        """A random generator that the system has seeded."""

    def bound(self, value: Any) -> bytes:
        """What a method is bound to."""


Form = Callable[[Any, Any], "bytes | None"]


def form_of(cls: type) -> Form | None:
    """The writer for values of a class; None for objects that are known by their state alone. Cost: 0.1 us."""
    form = EXACT.get(cls)
    if form is None:
        form = _forms.get(cls, _unknown)
        if form is _unknown:
            form = _forms[cls] = _find(cls)
    return form


def _unknown(_walk: Any, _value: Any) -> bytes | None:
    raise NotImplementedError("stands for a form that was not looked for yet")


_forms: WeakKeyDictionary[type, Form | None] = WeakKeyDictionary()


def _find(cls: type) -> Form | None:
    if issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple):
        return _named_tuple
    for base in cls.__mro__:
        form = _FAMILIES.get((base.__module__, base.__name__)) or adapted_form(base)
        if form is not None:
            return form
    return None


def code_name(item: Any) -> str:
    """The name of a function, method, class or module as it counts: modules' own names do not."""
    return "module" if isinstance(item, types.ModuleType) else str(getattr(item, "__qualname__", ""))


def _dict(walk: Walk, value: dict[Any, Any]) -> bytes:
    if set(map(type, value)) <= {str} and not walk.is_hidden and not any(map(is_secret_name, value)):
        plain = plain_bytes(list(chain.from_iterable(value.items())))
        if plain is not None:
            return shortened(b"D" + plain)
    return walk.pairs(b"d", value.items())


def _mapping(walk: Walk, value: Any) -> bytes:
    return joined(b"mappingproxy", [_dict(walk, dict(value))])


def _set(walk: Walk, value: Any) -> bytes:
    return joined(type(value).__name__.encode(), [walk.unordered(b"s", value)])


def _set_family(walk: Walk, value: Any) -> bytes:
    made = walk.code(b"T", type(value))
    return joined(b"S", [made, walk.unordered(b"s", value), walk.encode(_own_state(value))])


def _own_state(value: Any) -> dict[str, Any]:
    return dict(getattr(value, "__dict__", {}))


def _int(_walk: Walk, value: int) -> bytes:
    return joined(b"I", [value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)])


def _builtin(walk: Walk, value: Any) -> bytes:
    owner = getattr(value, "__self__", None)
    if owner is None or isinstance(owner, types.ModuleType):
        return walk.code(b"B", value)
    return joined(b"b", [value.__qualname__.encode(), walk.encode(owner)])


def _method(walk: Walk, value: types.MethodType) -> bytes:
    """A bound method: its code and what that uses of the class are followed where it is found."""
    own, target = walk.code(b"M", value), value.__self__
    if isinstance(target, type):
        return own
    return joined(b"M", [own, walk.bound(target)])


def _enum(walk: Walk, value: Any) -> bytes:
    return joined(b"E", [walk.code(b"T", type(value)), walk.encode(value._name_), walk.encode(value._value_)])


def _path(_walk: Walk, value: Any) -> bytes:
    return joined(b"/", [type(value).__name__.encode(), str(value).encode("utf-8", "surrogatepass")])


def _view(_walk: Walk, value: memoryview) -> bytes:
    return joined(b"v", [value.format.encode(), repr(value.shape).encode(), blake16(value.tobytes())])


def _code(tag: bytes) -> Form:
    return lambda walk, value: walk.code(tag, value)


def _fields(tag: bytes, *names: str) -> Form:
    return lambda walk, value: walk.sequence(tag, [getattr(value, name) for name in names])


def _partial(walk: Walk, value: Any) -> bytes:
    """A partial: what it is given by position under the names of the parameters, keywords in the order that counts."""
    known = parameters_of(value.func)
    if known is None:
        given: list[tuple[str | None, Any]] = [(None, part) for part in value.args]
        keywords = list(value.keywords.items())
    else:
        given = [(known.name_at(place), part) for place, part in enumerate(value.args)]
        keywords = known.in_order(value.keywords)
    parts = [walk.encode(value.func), joined(b"", [walk.named(name, part) for name, part in given])]
    return joined(type(value).__name__.encode(), [*parts, walk.pairs(b"d", keywords)])


def _named_tuple(walk: Walk, value: Any) -> bytes:
    fields = list(zip(type(value)._fields, value, strict=False))
    return joined(b"NT", [walk.code(b"T", type(value)), walk.pairs(b"d", fields), walk.encode(_own_state(value))])


def _view_of_dict(walk: Walk, value: Any) -> bytes:
    return joined(type(value).__name__.encode(), [walk.encode(list(value))])


def _cached(walk: Walk, value: Any) -> bytes:
    return walk.sequence(b"lru", (value.__wrapped__, value.cache_parameters()))


EXACT: dict[type, Form] = {
    int: _int,
    float: lambda _walk, _value: b"N",  # only NaNs come here: they are all equal
    str: lambda _walk, value: joined(b"u", [blake16(value.encode("utf-8", "surrogatepass"))]),
    bytes: lambda _walk, value: joined(b"x", [blake16(value)]),
    bytearray: lambda _walk, value: joined(b"y", [blake16(value)]),
    list: lambda walk, value: walk.sequence(b"l", value),
    tuple: lambda walk, value: walk.sequence(b"t", value),
    dict: _dict,
    set: _set,
    frozenset: _set,
    complex: _fields(b"complex", "real", "imag"),
    range: _fields(b"range", "start", "stop", "step"),
    slice: _fields(b"slice", "start", "stop", "step"),
    memoryview: _view,
    types.MappingProxyType: _mapping,
    types.FunctionType: _code(b"F"),
    types.BuiltinFunctionType: _builtin,
    types.WrapperDescriptorType: _code(b"B"),
    types.MethodDescriptorType: _code(b"B"),
    types.ClassMethodDescriptorType: _code(b"B"),
    types.MethodWrapperType: _builtin,
    types.MethodType: _method,
    types.ModuleType: _code(b"module"),
    staticmethod: _fields(b"staticmethod", "__func__"),
    classmethod: _fields(b"classmethod", "__func__"),
    property: _fields(b"property", "fget", "fset", "fdel"),
    type({}.keys()): _view_of_dict,
    type({}.values()): _view_of_dict,
    type({}.items()): _view_of_dict,
}
"""The writers for values of exactly these classes."""

_FAMILIES: dict[tuple[str, str], Form] = {
    ("builtins", "type"): _code(b"T"),
    ("builtins", "set"): _set_family,
    ("builtins", "frozenset"): _set_family,
    ("builtins", "module"): _code(b"module"),
    ("enum", "Enum"): _enum,
    ("pathlib", "PurePath"): _path,
    ("pathlib._local", "PurePath"): _path,
    ("functools", "partial"): _partial,
    ("functools", "partialmethod"): _partial,
    ("functools", "cached_property"): _fields(b"cached_property", "func"),
    ("functools", "_lru_cache_wrapper"): _cached,
    **STANDARD_FORMS,
}
