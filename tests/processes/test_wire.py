"""Frames of the link: what comes out is what went in, and nothing else comes in."""

from __future__ import annotations

import random
from typing import Any

import pytest

from cuebook.errors import (
    ActorFailed,
    ActorStopped,
    AskTimeout,
    CodecError,
    MailboxFull,
    MalformedMessage,
    ProcessDied,
    RestartLimitReached,
)
from cuebook.persistence.values.in_messages import carry_values
from cuebook.processes.outcomes import Form, pack_error, pack_outcome, unpack_error, unpack_outcome
from cuebook.processes.protocol import (
    ANSWERED,
    DELIVER,
    FORWARD,
    SETTLED,
    Begin,
    Ended,
    Hello,
    open_frame,
    pack_order,
    pack_traffic,
)
from cuebook.runtime.refs.reply import FailedReply, SealedReply
from cuebook.wire.codec import FRAME_BYTES_MAX
from cuebook.wire.message import unpack_plain

TRAFFIC: list[list[Any]] = [
    [DELIVER, 1, 2, 3, [b"frame", b""], None, None, None],
    [DELIVER, 1, 2, 3, [b"frame"], True, [b"sender"], None],
    [DELIVER, 1, 2, 3, [b"a", b"b"], [True, False], [None, b"sender"], [None, "00-1-2-01"]],
    [SETTLED, 1, 7, 0.5, [1, 0, "value", 2, 0, None]],
    [FORWARD, 1, b"address", b"frame", True, False, None, [3], None],
    [FORWARD, 1, b"address", b"frame", True, False, None, None, "00-1-2-01"],
    [ANSWERED, [1, 2], [1, 1, b"frame"]],
]


class Odd(Exception):
    """An exception of a module that both ends have loaded."""


@pytest.mark.parametrize("fields", TRAFFIC)
@pytest.mark.parametrize("size", [0, 2 * 1024 * 1024])
def test_traffic_comes_out_as_it_went_in(fields: list[Any], size: int) -> None:
    assert open_frame(pack_traffic(fields, size)) == fields


@pytest.mark.parametrize(
    "order", [Hello(1, 2, b"x"), Begin(3, 4), Ended(1, 2, True, False, ["a", "b", "c", None, None], 0)]
)
def test_orders_come_out_as_they_went_in(order: Any) -> None:
    assert open_frame(pack_order(order)) == order


@pytest.mark.parametrize("fields", TRAFFIC)
def test_traffic_with_a_field_more_or_less_or_of_another_type_is_refused(fields: list[Any]) -> None:
    for place in range(1, len(fields)):
        for other in (fields[:place], [*fields[:place], {"a": 1}, *fields[place + 1 :]]):
            with pytest.raises(MalformedMessage):
                open_frame(pack_traffic(other, 0))
    with pytest.raises(MalformedMessage):
        open_frame(pack_traffic([*fields, 1], 0))


def test_damaged_frames_are_refused_and_never_anything_else_happens() -> None:
    chance = random.Random(7)
    for _ in range(3000):
        frame = bytearray(pack_traffic(chance.choice(TRAFFIC), 0))
        for _ in range(chance.randint(1, 3)):
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        try:
            open_frame(bytes(frame[: chance.randint(0, len(frame))]))
        except CodecError:
            continue


@pytest.mark.parametrize("value", [None, True, 3, -(2**63), 2**64 - 1, 1.5, "text", b"bytes"])
def test_plain_answers_go_as_they_are(value: Any) -> None:
    assert unpack_outcome(*pack_outcome("actor", value)) == value
    assert pack_outcome("actor", value)[0] == Form.VALUE


def test_sealed_answers_stay_sealed() -> None:
    for is_message in (True, False):
        outcome = unpack_outcome(*pack_outcome("actor", SealedReply(b"frame", is_message=is_message)))
        assert (outcome.frame, outcome.is_message) == (b"frame", is_message)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1])
def test_a_large_int_travels_as_a_value(value: int) -> None:
    carry_values()
    form, data = pack_outcome("actor", value)
    assert form == Form.PLAIN
    assert unpack_plain(data) == value


@pytest.mark.parametrize("value", [b"x" * (FRAME_BYTES_MAX + 1), "é" * (FRAME_BYTES_MAX // 2 + 1)])
def test_an_answer_that_cannot_travel_is_a_failure_that_says_so(value: Any) -> None:
    outcome = unpack_outcome(*pack_outcome("actor", value))
    assert isinstance(outcome, FailedReply)
    assert isinstance(outcome.error, ActorFailed)
    assert "actor failed on this message" in str(outcome.error)


@pytest.mark.parametrize(("form", "value"), [(1, "text"), (9, b""), (3, b"error"), (3, ["a", 1, "", None, None])])
def test_an_answer_of_no_known_form_is_refused(form: int, value: Any) -> None:
    with pytest.raises(MalformedMessage):
        unpack_outcome(form, value)


@pytest.mark.parametrize("kind", [ActorFailed, ActorStopped, AskTimeout, MailboxFull, ProcessDied, RestartLimitReached])
def test_errors_of_ours_keep_class_text_and_cause(kind: type[Exception]) -> None:
    error = kind("why")
    error.__cause__ = ValueError("because", 3)
    copy = unpack_error(pack_error(error))
    assert (type(copy), str(copy)) == (kind, "why")
    assert isinstance(copy.__cause__, ValueError)
    assert copy.__cause__.args == ("because", 3)


def test_an_exception_arrives_with_its_traceback_as_text() -> None:
    try:
        raise Odd("odd")
    except Odd as raised:
        error = raised
    failed = ActorFailed("failed")
    failed.__cause__ = error
    copy = unpack_error(pack_error(failed))
    assert isinstance(copy, ActorFailed)
    assert 'raise Odd("odd")' in copy.traceback_text
    assert type(copy.__cause__) is Odd
    assert 'raise Odd("odd")' in "".join(copy.__cause__.__notes__)


def test_an_exception_whose_class_is_not_loaded_here_is_its_name_and_its_text() -> None:
    packed = pack_error(Odd("odd"))
    packed[3] = packed[3].replace(b"test_wire", b"test_fire")
    copy = unpack_error(packed)
    assert "Odd" in f"{type(copy).__name__} {copy}"
    assert "odd" in str(copy)
    packed[3] = None
    assert str(unpack_error(packed)).endswith("Odd: odd")


def test_what_cannot_be_a_value_is_still_told() -> None:
    copy = unpack_error(pack_error(Odd(object())))
    assert "object object" in f"{copy} {copy.__notes__ if hasattr(copy, '__notes__') else ''}" or "Odd" in repr(copy)
