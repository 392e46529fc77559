"""Methods of a part under the same name on the object that has it: signature and docstring are the part's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["forwarded", "forwarded_overloads"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_F = TypeVar("_F", bound=Callable[..., Any])


def forwarded(method: Callable[Concatenate[Any, _P], _R], part: str) -> Callable[Concatenate[Any, _P], _R]:
    """What asks the attribute `part` for `method`, for the body of the class that has the part."""
    name = method.__name__
    if iscoroutinefunction(method):

        @wraps(method)
        async def forward_async(self: Any, *args: _P.args, **kwargs: _P.kwargs) -> Any:
            return await getattr(getattr(self, part), name)(*args, **kwargs)

        return forward_async  # type: ignore[return-value]

    @wraps(method)
    def forward(self: Any, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        result: _R = getattr(getattr(self, part), name)(*args, **kwargs)
        return result

    made: Any = forward
    return made  # type: ignore[no-any-return]


def forwarded_overloads(method: _F, part: str) -> _F:
    """`forwarded` for a method with overloads, all of which a type checker sees; its `self` is Any in them."""
    made: Any = forwarded(method, part)
    return made  # type: ignore[no-any-return]
