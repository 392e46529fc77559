"""Outcomes as messages: each result where it belongs, each failure with what can be told of it."""

from __future__ import annotations

import time
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.children.failure_text import traceback_text
from cuebook.children.process import describe_exit
from cuebook.engines.calls.outcome import FIELDS, failure_message, results_messages
from cuebook.errors import ValueNotKept
from cuebook.persistence.records.run_heads import Completed
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.wording import error_type_name


@given(st.lists(st.integers(0, 500), unique=True, min_size=1, max_size=120))
def test_every_result_is_told_once_under_its_own_index(indexes: list[int]) -> None:
    now = time.monotonic()
    finished = [(index, now + n, now + n + 0.5, b"%d" % index) for n, index in enumerate(indexes)]
    told: list[tuple[int, bytes]] = []
    messages = results_messages(3, finished, until=now + len(finished))
    for message in messages:
        head = Completed.decode(message.head)
        assert message.run == 3
        assert message.count == head.count
        lengths = array("I")
        lengths.frombytes(head.lengths)
        at = 0
        for index, length in zip(indexes_of(head), lengths, strict=True):
            told.append((index, message.body[at : at + length]))
            at += length
        assert at == len(message.body)
        durations = array("f")
        durations.frombytes(head.durations)
        assert sum(durations) == pytest.approx(0.5 * message.count)
        assert message.seconds == pytest.approx(message.count)  # the worker was busy with each for a second
    assert told == [(index, b"%d" % index) for index in indexes]
    assert len(finished[0]) == FIELDS


def test_a_result_that_takes_long_to_encode_counts_as_long() -> None:
    now = time.monotonic()
    (message,) = results_messages(3, [(0, now - 2.0, now - 1.9, b"")])
    assert 2.0 <= message.seconds < 3.0


def indexes_of(head: Completed) -> list[int]:
    if head.start is not None:
        return list(range(head.start, head.start + head.count))
    numbers = array("Q")
    numbers.frombytes(head.indexes or b"")
    return numbers.tolist()


def failed(function: Any) -> Any:
    try:
        function()
    except BaseException as error:
        return failure_message(1, (4, 2), time.monotonic() - 0.5, error, ValueEncoder().encode)
    raise AssertionError


def test_a_failure_carries_the_exception_itself_its_text_and_traceback() -> None:
    def function() -> None:
        raise KeyError("missing")

    message = failed(function)
    assert (message.index, message.attempt, message.reason, message.error_type) == (4, 2, "raised", "KeyError")
    assert 0.5 <= message.seconds < 5
    assert 'raise KeyError("missing")' in message.traceback
    assert repr(ValueDecoder().decode(message.exception)) == "KeyError('missing')"


def test_a_failure_whose_exception_cannot_travel_still_tells_its_text() -> None:
    class Stuck(Exception):
        def __reduce__(self) -> Any:
            raise TypeError

        def __str__(self) -> str:
            return "stuck"

    def function() -> None:
        raise Stuck

    message = failed(function)
    assert message.error_text == "stuck"
    assert message.error_type.endswith("Stuck")


def test_an_exception_that_breaks_when_it_is_looked_at_is_still_a_failure() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

        __repr__ = __str__

        def __reduce__(self) -> Any:
            raise RuntimeError

    def function() -> None:
        raise Broken

    message = failed(function)
    assert message.error_type.endswith("Broken")
    assert message.traceback


def test_a_value_that_cannot_be_kept_is_a_failure_of_its_own_kind() -> None:
    def function() -> None:
        raise ValueNotKept("result: generator")

    assert failed(function).reason == "not kept"


def test_names_of_exceptions_are_short_for_builtins_and_scripts() -> None:
    class Local(Exception):
        __module__ = "__main__"
        __qualname__ = "Local"

    assert error_type_name(ValueError()) == "ValueError"
    assert error_type_name(Local()) == "Local"
    assert error_type_name(ValueNotKept("x")).endswith("ValueNotKept")
    assert "." in error_type_name(ValueNotKept("x"))


def test_a_traceback_is_text_whatever_the_exception_is() -> None:
    assert traceback_text(ValueError("x")).strip() == "ValueError: x"


def test_exits_are_told_in_words() -> None:
    assert describe_exit(0) == "exited with code 0"
    assert describe_exit(-11) == "killed by SIGSEGV"
    assert "memory" in describe_exit(-9)
    assert describe_exit(-200) == "killed by signal 200"
