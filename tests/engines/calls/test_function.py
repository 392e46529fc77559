"""What a worker makes of the function that it gets."""

from __future__ import annotations

from functools import partial
from unittest.mock import MagicMock, Mock

import pytest

from cuebook import chunk
from cuebook.engines.calls.protocol import Calls, calls_fields, calls_frame, calls_indexes
from cuebook.engines.calls.worker_life import is_coroutine_function
from cuebook.wire.message import decode, encode


async def coroutine(x: int) -> int:
    return x


class Asynchronous:
    async def __call__(self, x: int) -> int:
        return x

    async def method(self, x: int) -> int:
        return x


class Derived(Asynchronous):
    pass


class Plain:
    def __call__(self, x: int) -> int:
        return x


@pytest.mark.parametrize(
    "func",
    [coroutine, partial(coroutine, 1), partial(partial(coroutine), 1), Asynchronous(), Derived(), Derived().method],
)
def test_whatever_gives_a_coroutine_is_a_coroutine_function(func: object) -> None:
    assert is_coroutine_function(func)


@pytest.mark.parametrize("func", [len, print, lambda x: x, Plain(), Plain, partial(max, 1), Mock(), MagicMock(), 3])
def test_whatever_else_is_none(func: object) -> None:
    assert not is_coroutine_function(func)


def test_an_object_with_every_attribute_there_is_can_be_called() -> None:
    """A mock answers whatever it is asked for: nothing may follow its attributes without end."""
    mock = Mock(return_value=3)

    assert chunk(mock, [[1], [2]], where="thread") == [3, 3]
    assert mock.call_count == 2


@pytest.mark.parametrize(
    "fields",
    [
        (1, 0, 2, None, None, b"xy"),
        (7, 5, 3, [5, 9, 11], [1, 2, 1], b""),
        (-4, 0, 1, None, [2], b"\x93\x01\x02\x03"),
    ],
)
def test_the_quick_frame_of_calls_is_the_message_that_it_stands_for(fields: tuple) -> None:
    assert calls_frame(fields) == encode(Calls(*fields))
    assert decode(calls_frame(fields)) == Calls(*fields)
    assert calls_fields(calls_frame(fields)) == list(fields)
    assert list(calls_indexes(fields[1:])) == (fields[3] or list(range(fields[1], fields[1] + fields[2])))


def test_other_messages_have_no_fields_of_calls() -> None:
    from cuebook.engines.calls.protocol import Quit

    assert calls_fields(encode(Quit())) is None
