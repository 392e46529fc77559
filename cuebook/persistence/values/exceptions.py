"""Exceptions as values: type, text, arguments, attributes, notes and causes, rebuilt without user code.

Knows no tracebacks: those travel as text beside the exception.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from cuebook.persistence.values.codes import Code, type_name
from cuebook.persistence.values.pickling.objects import HEAP_TYPE, slots_of, stands_under_its_name
from cuebook.persistence.values.placeholders import Opaque, UnresolvedException
from cuebook.wire.codec import ExtType

if TYPE_CHECKING:
    from cuebook.persistence.values.codes import Decoding, Encoding

__all__ = ["encode_exception", "open_exception"]

LINKS_MAX = 32
"""Longest chain of causes that is kept: a chain may be a ring."""

MEMBERS = ("name", "path")
"""Attributes of built-in exceptions that are neither arguments nor in `__dict__` (`obj` may be anything)."""


def encode_exception(value: BaseException, encoding: Encoding) -> Any:
    """The form of any exception. Never refuses: an attribute that cannot be kept becomes a placeholder."""
    links = _chain(value)
    return ExtType(Code.EXCEPTION, encoding.bare([_one(error, how, encoding) for error, how in links]))


def _chain(error: BaseException) -> list[tuple[BaseException, str]]:
    """The exception and what led to it, each with its relation to the one before it."""
    links = [(error, "")]
    seen = {id(error)}
    while len(links) < LINKS_MAX:
        if error.__cause__ is not None:
            following, how = error.__cause__, "cause"
        elif error.__context__ is not None and not error.__suppress_context__:
            following, how = error.__context__, "context"
        else:
            break
        if id(following) in seen:
            break
        seen.add(id(following))
        links.append((following, how))
        error = following
    return links


def _one(error: BaseException, how: str, encoding: Encoding) -> list[Any]:
    cls = type(error)
    args, state = _parts(error)
    definition = None
    if encoding.portable or not stands_under_its_name(cls):
        definition = encoding.alone(cls)
    return [
        how,
        cls.__module__,
        cls.__qualname__,
        _text(error),
        definition,
        [_kept(part, encoding) for part in args],
        [[str(name), _kept(part, encoding)] for name, part in state.items()],
        bool(error.__suppress_context__),
    ]


def _parts(error: BaseException) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What an exception was made of and the attributes that it has, read by its built-in base's own means."""
    base = _built_in_base(type(error))
    reduced = base.__reduce__(error)
    args = reduced[1] if isinstance(reduced, tuple) and isinstance(reduced[1], tuple) else error.args
    state = dict(error.__dict__)
    for name in slots_of(type(error)) or ():
        if hasattr(error, name):
            state[name] = getattr(error, name)
    for name in MEMBERS:
        if hasattr(base, name) and getattr(error, name, None) is not None:
            state[name] = getattr(error, name)
    return args, state


def _built_in_base(cls: type) -> type[BaseException]:
    return next(base for base in cls.__mro__ if issubclass(base, BaseException) and not base.__flags__ & HEAP_TYPE)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as problem:  # a user's __str__
        return f"<its text cannot be had: {problem!r}>"


def _kept(part: Any, encoding: Encoding) -> bytes:
    kept = encoding.alone(part)
    return encoding.nested(Opaque("not kept", type_name(type(part)))) if kept is None else kept


def open_exception(data: bytes, decoding: Decoding) -> BaseException:
    """The exception with its chain of causes; a placeholder where its class cannot be had."""
    links = decoding.nested(data)
    first: BaseException | None = None
    last: BaseException | None = None
    for link in links:
        how, module, qualname, text, definition, args, state, suppressed = link
        parts = tuple(decoding.nested(part) for part in args)
        attributes = {name: decoding.nested(part) for name, part in state}
        cls = _class_of(module, qualname, definition, decoding)
        error = _rebuilt(cls, parts, attributes) if cls is not None else None
        if error is None:
            error = _placeholder((module, qualname), text, attributes, decoding)
        _link(last, error, how)
        error.__suppress_context__ = bool(suppressed)
        first, last = first or error, error
    if first is None:
        raise ValueError("an exception without a link")
    return first


def _link(last: BaseException | None, error: BaseException, how: str) -> None:
    if last is None:
        return
    suppressed = last.__suppress_context__
    if how == "cause":
        last.__cause__ = error
        last.__suppress_context__ = suppressed
    else:
        last.__context__ = error


def _class_of(module: str, qualname: str, definition: bytes | None, decoding: Decoding) -> Any:
    """The class of an exception; None where it is not to be had. Built-in ones need no trust."""
    if module == "builtins":
        cls = getattr(builtins, qualname, None)
    elif definition is not None:
        cls = decoding.nested(definition)
    else:
        try:
            cls = decoding.resolve(module, qualname)
        except LookupError:
            return None
    return cls if isinstance(cls, type) and issubclass(cls, BaseException) else None


def _rebuilt(cls: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException | None:
    base = _built_in_base(cls)
    try:
        error = base.__new__(cls, *args)
        base.__init__(error, *args)
        for name, part in state.items():
            if name in error.__dict__ or not hasattr(cls, name):
                error.__dict__[name] = part
            else:
                _set(error, name, part)
    except Exception:  # the class has changed, or its arguments are placeholders now
        return None
    return error if type(error) is cls else None


def _set(error: BaseException, name: str, part: Any) -> None:
    try:
        BaseException.__setattr__(error, name, part)
    except (AttributeError, TypeError):  # a property or a constant of the class hides it
        error.__dict__[name] = part


def _placeholder(
    name: tuple[str, str], text: str, attributes: dict[str, Any], decoding: Decoding
) -> UnresolvedException:
    decoding.unresolved(name, {}, "its class cannot be had here")
    error = UnresolvedException(*name, text)
    notes = attributes.get("__notes__")
    if isinstance(notes, list):
        error.__notes__ = notes
    return error
