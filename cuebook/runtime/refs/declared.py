"""What handlers say that they answer, compared with what their messages say, when a class is made. Knows no actor."""

from __future__ import annotations

import types
import typing
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from cuebook.runtime.refs.typed import Answering, Asks, Message
from cuebook.wire.message import is_message_type

__all__ = ["check_answer", "check_receiver", "handles"]

_H = TypeVar("_H")
_Q1 = TypeVar("_Q1")
_Q2 = TypeVar("_Q2")
_Q3 = TypeVar("_Q3")
_R1 = TypeVar("_R1")
_R2 = TypeVar("_R2")
_R3 = TypeVar("_R3")

_NONE = type(None)
_PROMOTED = {(int, float), (int, complex), (float, complex), (tuple, list), (list, tuple)}
"""Classes that do for others: numbers as type checkers have it, lists and tuples as they arrive."""


if TYPE_CHECKING:
    _Given: TypeAlias = _R1 | Answering[_R1] | Awaitable[_R1 | Answering[_R1]]
    _Handler: TypeAlias = Callable[[_H, _Q1], _Given[_R1]]
    _Checked: TypeAlias = Callable[[_Handler[_H, _Q1, _R1]], _Handler[_H, _Q1, _R1]]


@overload
def handles(kind: type[Asks[_Q1, _R1]], /) -> _Checked[_H, _Q1, _R1]: ...
@overload
def handles(kind: type[Asks[_Q1, _R1]], other: type[Asks[_Q2, _R2]], /) -> _Checked[_H, _Q1 | _Q2, _R1 | _R2]: ...
@overload
def handles(
    kind: type[Asks[_Q1, _R1]], other: type[Asks[_Q2, _R2]], third: type[Asks[_Q3, _R3]], /
) -> _Checked[_H, _Q1 | _Q2 | _Q3, _R1 | _R2 | _R3]: ...
def handles(*kinds: Any) -> Any:
    """Let a type checker compare what a handler gives back with what its messages say:

        @handles(Get)
        def on_get(self, message: Get) -> int: ...

    where Get is a `Message[int]`. Nothing else comes of it: the method is the one that it was. Without it the
    annotations are compared when the class is made, where a checker does not look.

    Parameters:
        kinds: up to three message types that say what their answer is; the method is annotated with them.

    A handler that answers later (`defer`, `stash`) says `-> Any`.

    Raises:
        TypeError: one is no message type.
    """
    for kind in kinds:
        if not is_message_type(kind):
            raise TypeError(f"@handles(...) takes the message types that the method handles, not {kind!r}")
    return _itself


def _itself(method: Any) -> Any:
    return method


def check_receiver(cls: type, name: str, names: Mapping[str, Any], wrappers: tuple[type, ...] = ()) -> None:
    """`check_answer` for a method of a class that takes all its messages, where it is annotated with some. One whose
    annotations cannot be read here is left alone: nothing at run time depends on them.
    """
    method = vars(cls).get(name)
    if not isinstance(method, types.FunctionType) or len(method.__annotations__) < 2:
        return
    try:
        hints = typing.get_type_hints(method, localns=dict(names))
    except Exception:
        return
    parameter = method.__code__.co_varnames[1] if method.__code__.co_argcount > 1 else ""
    kinds = tuple(each for each in _members(hints.get(parameter), wrappers) if isinstance(each, type))
    check_answer(method, hints, kinds, wrappers)


def check_answer(
    method: Callable[..., Any], hints: Mapping[str, Any], kinds: tuple[type, ...], wrappers: tuple[type, ...]
) -> None:
    """Raises TypeError where a handler's annotation says that it answers what none of its messages does.

    What may be right is let be: `Any`, what cannot be looked at here, a wider class; and None, as the answer may come
    later.

    Parameters:
        hints: the method's annotations, resolved. kinds: the message types that it handles.
        wrappers: generic classes of values that stand for an answer.
    """
    if "return" not in hints or not kinds:
        return
    declared = [_declared(kind) for kind in kinds]
    wanted = [_class_of(member) for answer in declared for member in _members(answer, ())]
    if None in wanted:
        return
    for member in _members(hints["return"], wrappers):
        found = _class_of(member)
        if found in (None, _NONE) or any(_fits(found, each) for each in wanted):
            continue
        said = " or ".join(dict.fromkeys(map(_shown, declared)))
        what = " | ".join(kind.__qualname__ for kind in kinds)
        raise TypeError(
            f"{method.__qualname__} answers {_shown(member)}, and {what} says that the answer is {said}: "
            f"write -> {said.replace(' or ', ' | ')}, or Message[{_shown(member)}]"
        )


def _declared(kind: type) -> Any:
    """The R of its `Message[R]`; Any where it has none that is known."""
    for cls in kind.__mro__:
        for base in vars(cls).get("__orig_bases__", ()):
            if typing.get_origin(base) is Message:
                return typing.get_args(base)[0]
    return Any


def _members(hint: Any, wrappers: tuple[type, ...]) -> Iterator[Any]:
    """What it is made of, through unions, awaitables and wrappers."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        for each in args:
            yield from _members(each, wrappers)
    elif isinstance(origin, type) and (issubclass(origin, Awaitable) or origin in wrappers):
        yield from _members(args[-1], wrappers)
    elif isinstance(hint, type) and hint in wrappers:
        yield Any
    else:
        yield hint


def _class_of(hint: Any) -> type | None:
    """The class that values of it have at run time; None where that is not known."""
    if hint is None:
        return _NONE
    hint = getattr(hint, "__supertype__", hint)  # of a NewType
    found = typing.get_origin(hint) or hint
    is_known = isinstance(found, type) and found not in (object, Any)  # which is a class since Python 3.11
    return found if is_known else None


def _fits(found: Any, wanted: Any) -> bool:
    try:
        return (found, wanted) in _PROMOTED or issubclass(found, wanted) or issubclass(wanted, found)
    except TypeError:  # a protocol that is none at run time
        return True


def _shown(hint: Any) -> str:
    if hint in (None, _NONE):
        return "None"
    return (
        hint.__qualname__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
    )
