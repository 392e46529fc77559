"""Classes that came by value: made, filled, and known again by a token, however often and on whatever way they come.

Knows no pickler. Light: worker processes import it. Its functions are named in stored pickles.
"""

from __future__ import annotations

import abc
import types
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from cuebook.persistence.values.pickling.code_bytes import COMPILER

__all__ = ["REGISTERED", "arrived_classes", "enum_member", "fill_class", "fill_member", "make_class", "token_of"]

REGISTERED = "registered classes"
"""In a class's state: the classes that an ABC was told of."""
_HEAP_TYPE = 1 << 9

_lock = RLock()
_tokens: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()
_classes: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()
_arrived: weakref.WeakSet[type] = weakref.WeakSet()
"""Those that were made here from bytes: a program's own class is never overwritten by what comes back of it."""
_copied: weakref.WeakSet[type] = weakref.WeakSet()
"""Of those, the ones that their metaclass knows nothing of: it is not asked for each attribute either."""
_foreign: weakref.WeakSet[type] = weakref.WeakSet()
"""Of those, enumerations whose state another Python wrote."""
_unfinished: weakref.WeakKeyDictionary[type, dict[Any, Any]] = weakref.WeakKeyDictionary()
"""Of enumerations that are being filled, the members by name (of those without a name by value)."""


def token_of(cls: type) -> str:
    """What a class is known by in every process that it reaches."""
    with _lock:
        token = _tokens.get(cls)
        if token is None:
            token = _tokens[cls] = uuid.uuid4().hex
            _classes[token] = cls
        return token


def arrived_classes() -> list[type]:
    """The classes that were made here from bytes, in no order."""
    with _lock:
        return list(_arrived)


def make_class(
    token: str, maker: type | int, heading: tuple[str, tuple[type, ...]], contents: tuple[str, dict[str, Any], Any]
) -> type:
    """The class of this token; where there is none yet, an empty one, for `fill_class`.

    Parameters:
        maker: its metaclass, or the place of the base whose metaclass it is.
        heading: its name and its bases.
        contents: by which Python its state was taken; what it has to have from the start (its layout, its names, what
            hooks of its bases may ask for); the plain values of an enumeration's members, None: it is none.

    Raises:
        Exception: the class cannot be made, or its state is another Python's and of no use to this one.
    """
    with _lock:
        known = _classes.get(token)
        if known is not None:
            return known
        name, bases = heading
        compiler, early, members = contents
        maker = type(bases[maker]) if isinstance(maker, int) else maker
        if members is None:
            cls = _made(maker, name, bases, early)
        elif compiler == COMPILER:
            cls = _bare(maker, name, bases, early)
            _unfinished[cls] = {}
        else:
            cls = _enumerated(maker, name, bases, {**early, **members})
            _foreign.add(cls)
        _tokens[cls] = token
        _classes[token] = cls
        _arrived.add(cls)
        return cls


def _made(maker: type, name: str, bases: tuple[type, ...], early: dict[str, Any]) -> type:
    """By its metaclass, where that can be had by import; else past it, as what it did is in the state."""
    if maker is type or maker in _arrived:
        return _bare(maker, name, bases, early)
    try:
        with _unheard(bases, imported=False):
            return types.new_class(name, bases, {"metaclass": maker}, lambda scope: scope.update(early))
    except Exception:  # it wants keywords, or what the empty class does not have yet
        return _bare(maker, name, bases, early)


def _bare(maker: type, name: str, bases: tuple[type, ...], early: dict[str, Any]) -> type:
    """A class whose making runs no code of its metaclass."""
    make: Any = next(base for base in maker.__mro__ if not base.__flags__ & _HEAP_TYPE).__new__
    is_abstract = issubclass(maker, abc.ABCMeta)
    if is_abstract and make is type.__new__ and maker.__mro__[maker.__mro__.index(abc.ABCMeta) + 1] is type:
        make, is_abstract = abc.ABCMeta.__new__, False
    try:
        with _unheard(bases, imported=False):
            cls: type = make(maker, name, bases, dict(early))
    except Exception:  # a hook wants keywords, or what the empty class does not have yet
        with _unheard(bases, imported=True):
            cls = make(maker, name, bases, dict(early))
    if is_abstract:  # ABCMeta.__new__ would have called what stands behind it
        abc._abc_init(cls)  # type: ignore[attr-defined]
    if issubclass(maker, abc.ABCMeta):  # its state says which; until then members may have to be made
        type.__setattr__(cls, "__abstractmethods__", frozenset())
    if make in (type.__new__, abc.ABCMeta.__new__):
        _copied.add(cls)
    return cls


def _hear_nothing(*_: Any, **__: Any) -> None:
    """In the place of a hook."""


@contextmanager
def _unheard(bases: tuple[type, ...], *, imported: bool) -> Iterator[None]:
    """No `__init_subclass__` of a class that came by value hears of a new class: what it did is in the state already.

    Those of imported classes do, unless `imported`: the registries of their modules are this process's own.
    """
    hooked = next((base for root in bases for base in root.__mro__ if "__init_subclass__" in base.__dict__), object)
    if hooked is object or not (imported or hooked in _arrived):
        yield
        return
    hook = hooked.__dict__["__init_subclass__"]
    type.__setattr__(hooked, "__init_subclass__", classmethod(_hear_nothing))
    try:
        yield
    finally:
        type.__setattr__(hooked, "__init_subclass__", hook)


def _enumerated(maker: Any, name: str, bases: tuple[type, ...], contents: dict[str, Any]) -> type:
    """An enumeration of another Python: its members by name and value, as this one makes them."""
    scope = maker.__prepare__(name, bases)
    for key, value in contents.items():
        scope[key] = value
    made: type = maker(name, bases, scope)
    return made


def fill_class(cls: type, state: dict[str, Any]) -> None:
    """Give a class that came here its attributes, also those that have changed since it came first."""
    with _lock:
        if cls not in _arrived:
            return
        put = type.__setattr__ if cls in _copied else setattr
        registered = state.pop(REGISTERED, ())
        for name, value in state.items():
            if not _is_kept(cls, name):
                put(cls, name, value)
        _unfinished.pop(cls, None)
    for virtual in registered:
        cls.register(virtual)  # type: ignore[attr-defined]  # only ABCs have any


def _is_kept(cls: type, name: str) -> bool:
    """Whether an attribute stays as it is: what this process's `enum` keeps of an enumeration that is complete."""
    if cls in _foreign:
        return _is_sunder(name) or name in cls.__dict__
    return _is_sunder(name) and "_member_map_" in cls.__dict__ and cls not in _unfinished


def _is_sunder(name: str) -> bool:
    """Whether a name is one that `enum` keeps for itself."""
    return name.startswith("_") and name.endswith("_") and not name.startswith("__")


def enum_member(cls: Any, name: str | None, value: Any, making: tuple[Any, ...]) -> Any:
    """The member of this name; of a class that is being filled an empty one, for `fill_member`.

    Parameters:
        name: None for one without a name of its own, such as the combination of two flags.
        value: where it has no name.
        making: the built-in type that it is, too, and what that makes it of.
    """
    with _lock:
        unfinished = _unfinished.get(cls)
        if unfinished is None:
            return cls(value) if name is None else cls.__members__[name]
        key = (value,) if name is None else name
        member = unfinished.get(key)
        if member is None:
            built_in, *arguments = making
            member = unfinished[key] = built_in.__new__(cls, *arguments)
        return member


def fill_member(member: Any, state: dict[str, Any]) -> None:
    """Give a new member what it holds; one that has been there before has it."""
    if "_value_" not in vars(member):
        for name, value in state.items():
            object.__setattr__(member, name, value)
