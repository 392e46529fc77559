"""What a type checker knows of a message: the type of its reply. Nothing at run time.

Knows no codec.
"""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Message"]

R_co = TypeVar("R_co", covariant=True)


class Message(Generic[R_co]):
    """Base of message classes that says what their answer is, for the checker: `await ref.ask(Get())` is an int
    after

        @message(tag=1000)
        class Get(Message[int]): ...

    It adds no field and costs nothing; a message class need not have it.
    """

    __slots__ = ()
