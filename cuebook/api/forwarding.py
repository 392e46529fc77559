"""Methods of a part under the same name on the object that has it: signature and docstring are the part's."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["forwarded"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


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
