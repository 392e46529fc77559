"""Read by mypy, never run: what a checker knows of asks. Lines that are errors say so."""

from __future__ import annotations

from typing import assert_type

from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.refs.typed import Message
from cuebook.wire.message import message


@message(tag=60_201)
class Size(Message[int]):
    pass


@message(tag=60_202)
class Put(Message[None]):
    key: str
    value: int = 0


@message(tag=60_203)
class Names(Message[list[str]]):
    of: ActorRef


async def program(ref: ActorRef) -> None:
    assert_type(await ref.ask(Size()), int)
    assert_type(await ref.ask(Names(ref), timeout=1.0), list[str])
    await ref.ask(Put("a", 1))
    await ref.tell(Put(key="a"))
    size = await ref.ask(Size())
    text: str = size  # error: [assignment]
    Put(3)  # error: [arg-type]
    Put("a", 1, 2)  # error: [call-arg]
    Put("a").value = 4  # error: [misc]
    print(text)
