"""A handler that says it answers what its message does not say is refused when its class is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, NewType, Union

import pytest

from cuebook import Actor, Effect, Message, PersistentActor, handles, message, persist

Meters = NewType("Meters", float)


@message
class Get(Message[int]):
    pass


@message
class Names(Message[list[str]]):
    pass


@message
class Put(Message[None]):
    pass


@message
class Far(Message[Meters]):
    pass


@message
class Plain:
    pass


@message
class Self(Message["Get"]):
    pass


@message
class Farther(Far):
    pass


WRONG: list[tuple[Any, type]] = [
    (str, Get),
    (float, Get),
    (str | None, Get),
    (int | str, Get),
    (Awaitable[str], Get),
    (asyncio.Future[str], Get),
    (Union[str, bytes], Get),  # noqa: UP007 - as it is written on older Pythons
    (dict[str, str], Names),
    (str, Names),
    (int, Put),
    (str, Far),
    (str, Farther),
]
RIGHT: list[tuple[Any, type]] = [
    (int, Get),
    (bool, Get),
    (Any, Get),
    (object, Get),
    (None, Get),
    (int | None, Get),
    (Awaitable[int], Get),
    (asyncio.Future[int], Get),
    (list[str], Names),
    (tuple[str, ...], Names),
    (Sequence[str], Names),
    (None, Put),
    (Meters, Far),
    (float, Far),
    (int, Far),
    (str, Plain),
    (str, Self),
]


def made(answer: Any, kind: type, *, name: str = "on_it", base: type = Actor) -> type:
    def handler(self: Any, message: Any) -> Any: ...

    handler.__name__ = name
    handler.__qualname__ = f"Asked.{name}"
    handler.__annotations__ = {"message": kind, "return": answer}
    return type("Asked", (base,), {name: handler, "initial_state": lambda self: 0})


@pytest.mark.parametrize(("answer", "kind"), WRONG)
@pytest.mark.parametrize("name", ["on_it", "receive"])
def test_a_handler_that_answers_what_its_message_does_not_say_is_refused(answer: Any, kind: type, name: str) -> None:
    with pytest.raises(TypeError, match=rf"Asked\.{name} answers .*, and {kind.__name__} says that the answer is"):
        made(answer, kind, name=name)


@pytest.mark.parametrize(("answer", "kind"), RIGHT)
@pytest.mark.parametrize("name", ["on_it", "receive"])
def test_what_may_be_right_is_let_be(answer: Any, kind: type, name: str) -> None:
    made(answer, kind, name=name)


@pytest.mark.parametrize("name", ["on_it", "handle"])
def test_a_durable_handler_may_answer_by_an_effect_of_that_answer(name: str) -> None:
    for right in (Effect, Effect[int], Effect | int, Effect[int] | None, Awaitable[Effect[int] | int]):
        made(right, Get, name=name, base=PersistentActor)
    for wrong in (Effect[str], Effect[int] | str, str, Awaitable[Effect[str]]):
        with pytest.raises(TypeError, match="Get says that the answer is int"):
            made(wrong, Get, name=name, base=PersistentActor)


def test_the_text_says_what_to_write() -> None:
    with pytest.raises(TypeError) as refused:

        class Wrong(Actor[Get]):
            def on_get(self, message: Get) -> str:
                return ""

    assert str(refused.value).endswith(
        "on_get answers str, and Get says that the answer is int: write -> int, or Message[str]"
    )


def test_a_handler_of_several_messages_answers_one_of_theirs() -> None:
    class Both(Actor[Get | Names]):
        def on_both(self, message: Get | Names) -> int | list[str]:
            return 1

    with pytest.raises(TypeError, match=r"Get \| Names says that the answer is int or list"):

        class Neither(Actor[Get | Names]):
            def on_both(self, message: Get | Names) -> int | bytes:
                return 1


def test_a_method_whose_annotations_cannot_be_read_here_is_left_alone() -> None:
    class Odd(Actor):
        def receive(self, message: Elsewhere) -> str:  # type: ignore[name-defined]  # noqa: F821
            return ""

    assert Odd.receive(Odd(), Get()) == ""


def test_handles_gives_the_method_back_and_refuses_what_is_no_message() -> None:
    def on_get(self: Any, message: Get) -> int:
        return 1

    assert handles(Get)(on_get) is on_get
    with pytest.raises(TypeError, match=r"@handles\(...\) takes the message types"):
        handles(on_get)  # type: ignore[call-overload]
    assert persist().reply(1).answer == 1
