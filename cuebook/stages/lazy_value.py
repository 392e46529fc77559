"""A value that is loaded when it is first looked at, and behaves as that value from then on. Knows no stage."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

__all__ = ["LazyValue", "is_loaded", "whole"]

_slot = object.__getattribute__


class LazyValue:
    """Stands for a value. Any use of it loads the value; `isinstance` sees the value's class.

    Args:
        load: gives the value; called once.
    """

    __slots__ = ("__weakref__", "_cuebook_load", "_cuebook_value")

    def __init__(self, load: Callable[[], Any]) -> None:
        object.__setattr__(self, "_cuebook_load", load)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(whole(self))

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__" or name in _OWN:
            return _slot(self, name)
        return getattr(whole(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(whole(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(whole(self), name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _itself, (whole(self),)

    def __dir__(self) -> list[str]:
        return dir(whole(self))

    def __hash__(self) -> int:
        return hash(whole(self))


def _itself(value: Any) -> Any:
    return value


def is_loaded(value: LazyValue) -> bool:
    """Whether its value is there already."""
    return hasattr(_Raw(value), "value")


class _Raw:
    """The two slots of a lazy value, past what it stands for."""

    __slots__ = ("_of",)

    def __init__(self, of: LazyValue) -> None:
        self._of = of

    @property
    def value(self) -> Any:
        return _slot(self._of, "_cuebook_value")

    def load(self) -> Any:
        value = _slot(self._of, "_cuebook_load")()
        object.__setattr__(self._of, "_cuebook_value", value)
        return value


def whole(value: Any) -> Any:
    """The value itself, where something lazy stands for it; loads it where it is not there yet."""
    if type(value) is not LazyValue:
        return value
    raw = _Raw(value)
    try:
        return raw.value
    except AttributeError:
        return raw.load()


_OWN = frozenset({"__reduce_ex__", "__weakref__"})

_UNARY: dict[str, Callable[..., Any]] = {
    "__repr__": repr, "__str__": str, "__bytes__": bytes, "__len__": len, "__iter__": iter, "__bool__": bool,
    "__reversed__": reversed, "__next__": next, "__int__": int, "__float__": float, "__complex__": complex,
    "__index__": operator.index, "__neg__": operator.neg, "__pos__": operator.pos, "__invert__": operator.invert,
    "__abs__": abs, "__format__": format, "__round__": round, "__contains__": operator.contains,
    "__getitem__": operator.getitem, "__setitem__": operator.setitem, "__delitem__": operator.delitem,
    "__eq__": operator.eq, "__ne__": operator.ne, "__lt__": operator.lt, "__le__": operator.le,
    "__gt__": operator.gt, "__ge__": operator.ge, "__divmod__": divmod, "__pow__": pow,
}  # fmt: skip
_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "lshift", "rshift", "and", "or", "xor", "matmul")
_NAMED = ("__call__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__aiter__", "__anext__", "__await__",
          "__length_hint__", "__array__", "__fspath__")  # fmt: skip


def _forwarded(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: LazyValue, *args: Any) -> Any:
        return function(whole(self), *map(whole, args))

    return method


def _reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: LazyValue, other: Any) -> Any:
        return function(whole(other), whole(self))

    return method


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: LazyValue, other: Any) -> Any:
        return function(whole(self), whole(other))

    return method


def _called(name: str) -> Callable[..., Any]:
    def method(self: LazyValue, *args: Any, **kwargs: Any) -> Any:
        return getattr(whole(self), name)(*args, **kwargs)

    return method


for _name, _function in _UNARY.items():
    setattr(LazyValue, _name, _forwarded(_function))
for _name in _BINARY:
    _function = getattr(operator, f"__{_name}__")
    setattr(LazyValue, f"__{_name}__", _forwarded(_function))
    setattr(LazyValue, f"__r{_name}__", _reflected(_function))
    setattr(LazyValue, f"__i{_name}__", _in_place(getattr(operator, f"__i{_name}__")))
setattr(LazyValue, "__rpow__", _reflected(pow))  # noqa: B010
setattr(LazyValue, "__rdivmod__", _reflected(divmod))  # noqa: B010
for _name in _NAMED:
    setattr(LazyValue, _name, _called(_name))
