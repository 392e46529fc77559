"""`Secret`: a value that a function may use and that leaves no trace in a journal, and does not count."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

__all__ = ["Secret"]

T = TypeVar("T")


class Secret(Generic[T]):
    """Wraps a value that must not be recorded anywhere: `.value` is the value itself, inside a call and outside.

    A Secret does not count: with another value in it, as an argument or in what a function is bound to, results are
    reused as before. Its value is in no journal, no log and no output of ours; a call that returns a Secret fails.
    What the function itself makes of the value and returns is kept as any result.

    Args:
        value: anything that can be sent to a worker.

    >>> key = Secret("sk-12345678")
    >>> key, key.value
    (Secret(...), 'sk-12345678')
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    @property
    def value(self) -> T:
        """What was given."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (self._value,)


Secret.__module__ = "cuebook"  # what users import is what stands in pickles
