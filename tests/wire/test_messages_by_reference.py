"""Messages that need no copy within their process."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.runtime.refs.typed import Message
from cuebook.wire.message import decode, encode, message, outgoing
from tests.support.ids import shown
from tests.wire.plain_messages import Checked, Containers, Empty, Five, Loose

pytestmark = pytest.mark.quick


# Messages that need no copy within their process


@dataclasses.dataclass(frozen=True)
class Cached:
    number: int


Cached = message(tag=61_040)(Cached)  # type: ignore[misc]  # it has a __dict__, so more than its fields


class Roomy:
    """Its objects take any attribute."""


@message(tag=61_043)
class Held(Roomy):
    number: int


@message(tag=61_041)
class Base:
    number: int


@message(tag=61_042)
class Derived(Base, Message[int]):
    text: str


class Text(str):
    """More than a text."""


@given(
    st.integers(-(2**63), 2**64 - 1), st.text(), st.binary(), st.floats(allow_nan=False), st.none() | st.integers(0, 9)
)
def test_a_message_that_goes_whole_is_what_its_bytes_would_give(
    number: int, text: str, raw: bytes, ratio: float, maybe: int | None
) -> None:
    sent = Five(number, text, raw, ratio, maybe)
    content = outgoing(sent)
    if content is sent:
        assert max(len(text), len(raw)) <= 64, "what counts little is little"
    else:
        assert content == encode(sent)
    got = decode(encode(sent))
    assert got == sent
    assert [type(value) for value in dataclasses.astuple(got)] == [type(value) for value in dataclasses.astuple(sent)]


@pytest.mark.parametrize(
    "small",
    [Five(1, "a" * 64, b"b" * 64, 1.5, None), Five(-(2**63), "", b"", 2, 2**64 - 1), Empty(), Derived(1, "a")],
    ids=repr,
)
def test_a_small_message_of_unchangeable_values_goes_as_it_is(small: Any) -> None:
    assert outgoing(small) is small


@pytest.mark.parametrize(
    "other",
    [
        Five(1, "a" * 65, b"", 1.0),
        Five(1, "", b"b" * 65, 1.0),
        Five(1, "", bytearray(b"b"), 1.0),  # type: ignore[arg-type]
        Five(1, "", memoryview(b"b"), 1.0),  # type: ignore[arg-type]
        Loose(1),
        Containers([], (), {}),
        Checked(0.5),
        Cached(1),
        Held(1),
    ],
    ids=shown,
)
def test_what_could_be_changed_or_told_from_a_copy_goes_as_bytes(other: Any) -> None:
    assert outgoing(other) == encode(other)
    assert type(decode(outgoing(other))) is type(other)


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (Five(2**64, "", b"", 1.0), r"Five\.number cannot travel"),
        (Five(-(2**63) - 1, "", b"", 1.0), r"Five\.number cannot travel"),
        (Five(1, "", b"", 2**64), r"Five\.ratio cannot travel"),
        (Five(True, "", b"", 1.0), r"Five\.number is int, not bool"),
        (Five(1, Text("a"), b"", 1.0), r"Five\.text is str, not Text"),
        (Five(None, "", b"", 1.0), r"Five\.number is int, not NoneType"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_encoded_fails_at_the_sender_also_where_it_would_not_be(
    bad: Any, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cuebook.wire.message._carried", None)
    with pytest.raises(TypeError, match=named):
        outgoing(bad)


@pytest.mark.parametrize("sent", [Derived(1, "a"), Cached(1), Checked(0.5), Empty()], ids=repr)
def test_a_message_made_of_bytes_is_as_frozen_and_equal_as_any(sent: Any) -> None:
    got = decode(encode(sent))
    assert (got, hash(got), type(got), repr(got)) == (sent, hash(sent), type(sent), repr(sent))
    for field in dataclasses.fields(sent):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(got, field.name, 1)
