"""What a type checker knows of actors and messages: which messages an actor takes, and the type of an answer.

Nothing at run time. Knows no codec and no actor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from typing import Self

    from typing_extensions import TypeVar  # what checkers bring along: defaults of type variables

    M_contra = TypeVar("M_contra", contravariant=True, default=Any)
    A_co = TypeVar("A_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    M_contra = TypeVar("M_contra", contravariant=True)
    A_co = TypeVar("A_co", covariant=True)

__all__ = [
    "A_co",
    "Accepts",
    "AcceptsDeliveries",
    "Answering",
    "Asks",
    "Collect",
    "M_contra",
    "Message",
    "Raise",
    "Time",
]

R_co = TypeVar("R_co", covariant=True)
Q_co = TypeVar("Q_co", covariant=True)

Time: TypeAlias = float | None
"""Seconds, or without end."""
Raise: TypeAlias = Literal["raise"]
Collect: TypeAlias = Literal["raise", "collect"]
"""What becomes of failures where several messages are asked in one go."""


class Message(Generic[R_co]):
    """Base of message classes that says what their answer is, for the checker: `await ref.ask(Get())` is an int
    after

        @message(tag=1000)
        class Get(Message[int]): ...

    It adds no field and costs nothing; a message class need not have it.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def _asks(self) -> tuple[Self, R_co]:
            raise NotImplementedError


class Asks(Protocol[Q_co, R_co]):
    """A message of type Q whose answer is an R. Every `Message[R]` is one; there is no such method."""

    def _asks(self) -> tuple[Q_co, R_co]: ...


class Answering(Protocol[R_co]):
    """What a durable actor's handler gives back in place of an R: an effect whose answer is one."""

    def _answers(self) -> R_co: ...


class Accepts(Generic[M_contra]):
    """Something that takes messages of these types."""

    __slots__ = ()


class AcceptsDeliveries(Accepts[M_contra]):
    """Something that takes them by delivery, too: a durable actor."""

    __slots__ = ()
