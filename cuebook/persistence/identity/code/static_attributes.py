"""What reading one attribute of an object gives, found without running any of its code.

Knows no chains and no digests. Only objects of a closed list of kinds are looked into: instances of the user's own
classes that do nothing of their own when an attribute is read or the object is copied, simple namespaces, and plain
classes. Of all others the answer is that nobody can tell.
"""

from __future__ import annotations

import copyreg
import functools
import types
from collections import deque
from typing import Any, Literal, NamedTuple

from cuebook.persistence.identity.ownership import is_users_class, is_users_function
from cuebook.persistence.identity.registry import says_how_it_counts

__all__ = ["UNSURE", "Attribute", "StaticReader", "is_named_specially"]

_PLAIN_BASES = frozenset(
    {
        ("builtins", "object"),
        ("argparse", "Namespace"),
        ("argparse", "_AttributeHolder"),
        ("types", "SimpleNamespace"),
        ("typing", "Generic"),
        ("typing", "Protocol"),
        ("abc", "ABC"),
    }
)
_PLAIN_METACLASSES = frozenset({("builtins", "type"), ("abc", "ABCMeta")})
_HOOKS = (
    "__getattr__",
    "__getattribute__",
    "__reduce__",
    "__reduce_ex__",
    "__getstate__",
    "__setstate__",
    "__getnewargs__",
    "__getnewargs_ex__",
    "__class__",
)
_WRITING: dict[type, frozenset[str]] = {
    list: frozenset({"append", "clear", "extend", "insert"}),
    dict: frozenset({"clear", "update"}),
    set: frozenset({"add", "clear", "discard", "update"}),
    bytearray: frozenset({"append", "clear", "extend", "insert"}),
    deque: frozenset({"append", "appendleft", "clear", "extend", "extendleft"}),
}
"""Methods that put something into exactly such an object and give nothing back: they read nothing of it."""

_CACHED = type(functools.lru_cache(len))
_SLOT = types.MemberDescriptorType
_MISSING = object()


class Attribute(NamedTuple):
    """What an attribute is.

    Attributes:
        kind: "value"; "code": a function that runs, with `receiver` as its first argument; "missing"; "set": nothing
            is read; "unsure": whatever the object holds may count.
        value: the value, or the function.
        receiver: an object or class; None: the function gets none.
        settings: what else decides what the code does.
    """

    kind: Literal["value", "code", "missing", "set", "unsure"]
    value: Any = None
    receiver: Any = None
    settings: Any = None


UNSURE = Attribute("unsure")


def is_named_specially(name: str) -> bool:
    """Whether a name is one of Python's own, with two underscores on each side."""
    return name.startswith("__") and name.endswith("__")


class StaticReader:
    """Reads attributes; remembers which classes are plain, so one is for a moment in which classes do not change."""

    def __init__(self) -> None:
        self._plain: dict[type, bool] = {}

    def is_plain(self, value: Any) -> bool:
        """Whether a value is of the closed list: an instance whose attributes are no more than what is stored."""
        cls = type(value)
        known = self._plain.get(cls)
        if known is None:
            known = self._plain[cls] = _is_plain_class(cls)
        return known

    def read(self, value: Any, name: str, use: str) -> Attribute:
        """An attribute of an instance or a class. `use` is what is done with it: "value", "call" or "store"."""
        if is_named_specially(name):
            return UNSURE
        if isinstance(value, type):
            return _of_class(value, name, use)
        if use == "call" and name in _WRITING.get(type(value), ()):
            return Attribute("set")
        return _of_instance(value, name, use) if self.is_plain(value) else UNSURE

    def called(self, value: Any) -> Attribute:
        """What calling an instance runs."""
        if isinstance(value, type) or not self.is_plain(value):
            return UNSURE
        found = _in_bases(type(value).__mro__, "__call__")
        return _method(found, value) if found is not _MISSING else UNSURE

    def tested(self, value: Any) -> Attribute:
        """What asking an instance whether it is true runs."""
        if isinstance(value, type) or not self.is_plain(value):
            return UNSURE
        for name in ("__bool__", "__len__"):
            found = _in_bases(type(value).__mro__, name)
            if found is not _MISSING:
                return _method(found, value)
        return Attribute("set")

    def after(self, cls: type, value: Any, name: str) -> Attribute:
        """What `super().name` calls in a method of `cls`, where `value` is the object or class that it is bound to."""
        of = value if isinstance(value, type) else type(value)
        if cls not in of.__mro__ or not (isinstance(value, type) or self.is_plain(value)):
            return UNSURE
        rest = of.__mro__[of.__mro__.index(cls) + 1 :]
        found = _in_bases(rest, name)
        if found is _MISSING:
            return Attribute("missing")
        holder = next(base for base in rest if name in base.__dict__)
        return _method(found, value) if is_users_class(holder) else Attribute("set")


def _is_plain_class(cls: type) -> bool:
    maker: Any = type(cls)
    if any("__getattribute__" in meta.__dict__ for meta in maker.__mro__[:-2]):
        return False  # even looking at the class would run that
    if cls in copyreg.dispatch_table or says_how_it_counts(cls):
        return False
    for base in cls.__mro__:
        if (base.__module__, base.__qualname__) in _PLAIN_BASES:
            continue
        if not is_users_class(base) or any(_is_own(base, name) for name in _HOOKS):
            return False
        if type(base.__dict__.get("__dict__", _GETSET)) is not types.GetSetDescriptorType:
            return False
    return True


_GETSET = type.__dict__["__dict__"]


def _is_own(cls: type, name: str) -> bool:
    """Whether a class has a hook that its author wrote, and not dataclass or attrs for one with slots."""
    hook = cls.__dict__.get(name, _MISSING)
    if hook is _MISSING:
        return False
    if not isinstance(hook, types.FunctionType) or is_users_function(hook):
        return not (isinstance(hook, types.FunctionType) and hook.__code__.co_filename.startswith("<attrs generated"))
    package = str(hook.__globals__.get("__name__")).partition(".")[0]
    return package not in ("dataclasses", "attr")


def _in_bases(bases: tuple[type, ...], name: str) -> Any:
    for base in bases:
        if name in base.__dict__:
            return base.__dict__[name]
    return _MISSING


def _of_instance(value: Any, name: str, use: str) -> Attribute:
    found = _in_bases(type(value).__mro__, name)
    if use == "store":
        return _set(value, found)
    if isinstance(found, property):
        return Attribute("code", found.fget, value) if _is_known(found.fget) else UNSURE
    if isinstance(found, functools.cached_property):
        return Attribute("code", found.func, value) if _is_known(found.func) else UNSURE
    if type(found) is _SLOT:
        return _slot(found, value)
    if found is not _MISSING and (hasattr(type(found), "__set__") or hasattr(type(found), "__delete__")):
        return UNSURE
    held = _own(value).get(name, _MISSING)
    if held is not _MISSING:
        return Attribute("value", held)
    if found is _MISSING:
        return Attribute("missing")
    if use == "call":
        return _method(found, value)
    if isinstance(found, staticmethod):
        return Attribute("value", found.__func__)
    return _plain_value(found)


def _own(value: Any) -> dict[str, Any]:
    try:
        own: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:  # it has slots alone
        return {}
    return own


def _slot(slot: Any, value: Any) -> Attribute:
    try:
        return Attribute("value", slot.__get__(value))
    except AttributeError:  # it was never set
        return Attribute("missing")


def _set(value: Any, found: Any) -> Attribute:
    """Setting an attribute reads nothing, unless code of the class's own runs."""
    for hook in ("__setattr__", "__delattr__"):
        own = _in_bases(type(value).__mro__[:-1], hook)
        if isinstance(own, types.FunctionType) and is_users_function(own):
            return UNSURE
    if isinstance(found, property):
        return UNSURE
    return UNSURE if type(found) is not _SLOT and hasattr(type(found), "__set__") else Attribute("set")


def _method(found: Any, receiver: Any) -> Attribute:
    """What is called where a class's member is called through an object or the class itself."""
    settings = None
    if isinstance(found, staticmethod):
        held = found.__func__
        return Attribute("code", held) if isinstance(held, types.FunctionType) else Attribute("value", held)
    if isinstance(found, classmethod):
        found, receiver = found.__func__, receiver if isinstance(receiver, type) else type(receiver)
    elif isinstance(receiver, type):
        return Attribute("code", found) if isinstance(found, types.FunctionType) else _plain_value(found)
    elif type(found) is _CACHED:
        found, settings = found.__wrapped__, found.cache_parameters()
    return Attribute("code", found, receiver, settings) if _is_known(found) else _plain_value(found)


def _is_known(function: Any) -> bool:
    """Whether a function's own code says what it does with its first argument: a library's wrapper hands it on."""
    return isinstance(function, types.FunctionType) and is_users_function(function)


def _plain_value(found: Any) -> Attribute:
    return UNSURE if hasattr(type(found), "__get__") else Attribute("value", found)


def _of_class(cls: type, name: str, use: str) -> Attribute:
    """An attribute that is read through the class."""
    meta = type(cls)
    if (meta.__module__, meta.__qualname__) not in _PLAIN_METACLASSES or name in meta.__dict__ or hasattr(type, name):
        return UNSURE
    if use == "store":
        return Attribute("set")
    for base in cls.__mro__:
        if not is_users_class(base):
            return UNSURE
        found = base.__dict__.get(name, _MISSING)
        if found is _MISSING:
            continue
        if use == "call":
            return _method(found, cls)
        if isinstance(found, staticmethod):
            return Attribute("value", found.__func__)
        if isinstance(found, types.FunctionType):
            return Attribute("value", found)
        return _plain_value(found)
    return UNSURE
