"""Frames of an earlier version of a message class: what is kept of messages outlives their program."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.errors import MalformedMessage
from cuebook.wire.message import decode, encode, message

pytestmark = pytest.mark.quick


def test_a_frame_of_before_a_field_was_there_gets_its_default() -> None:
    old = message(tag=61_090)(_changed({"n": int, "pair": tuple[int, ...]}))
    frame = encode(old(1, (2, 3)))
    fields = {"n": int, "pair": tuple[int, ...], "who": str, "more": tuple[int, ...]}
    new = message(tag=61_090)(_changed(fields, "?", (4,)))
    assert decode(frame) == new(1, (2, 3), "?", (4,))
    assert decode(encode(new(1, (2, 3), "me"))) == new(1, (2, 3), "me", (4,))


@pytest.mark.parametrize(
    ("fields", "defaults", "text"),
    [
        ({"n": int, "who": str}, (), "Changed has 2 fields, the frame 1: give who a default"),
        ({"n": str, "who": str}, ("?",), "Changed.n is str, not int"),
        ({}, (), "Changed has 0 fields, the frame 1$"),
    ],
)
def test_a_frame_that_fits_no_more_is_refused_by_name(fields: dict[str, Any], defaults: Any, text: str) -> None:
    frame = encode(message(tag=61_090)(_changed({"n": int}))(1))
    message(tag=61_090)(_changed(fields, *defaults))
    with pytest.raises(MalformedMessage, match=text):
        decode(frame)


def _changed(fields: dict[str, Any], *defaults: Any) -> type[Any]:
    """A class as it may be in one version of a program."""
    named = dict(zip(list(fields)[len(fields) - len(defaults) :], defaults, strict=True))
    return type("Changed", (), {"__module__": "__main__", "__annotations__": fields, **named})
