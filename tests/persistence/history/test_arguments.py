"""Calls' arguments: what is refused, when two calls are the same, and blocks that say so."""

from __future__ import annotations

import collections
import math
import threading
import types
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.errors import MalformedMessage
from cuebook.persistence.history.arguments import (
    BLOCK_CALLS,
    Block,
    Unkept,
    block_keys,
    call_key,
    encode_blocks,
    shown_calls,
)
from cuebook.persistence.history.items import ListCalls, as_calls, check_call
from cuebook.persistence.values import ValueDecoder
from tests.persistence.history.argued import Kind

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


values = st.recursive(
    plain | st.complex_numbers(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


calls_of = lambda inner: st.lists(
    st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_size=12,
)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (
            7,
            r"parameters\[3\] is 7 \(int\), and each item is one call's arguments, such as \[\[1\], \[2\], \.\.\.\]; w",
        ),
        ("ab", r"parameters\[3\] is 'ab' \(str\)"),
        (b"ab", r"parameters\[3\] is b'ab' \(bytes\)"),
        ({1, 2}, r"parameters\[3\] is \{1, 2\} \(set\)"),
        (np.arange(2), r"parameters\[3\] is <ndarray \(2,\)> \(ndarray\)"),
        ((n for n in [1]), r"parameters\[3\] .* \(generator\)"),
        (None, r"parameters\[3\] is None \(NoneType\)"),
        (
            {1: 2},
            r"parameters\[3\] is \{1: 2\}: a mapping is one call's keyword arguments, and the key 1 is no str",
        ),
        ("x" * 500, r"parameters\[3\] is 'x+\.\.\.x*.* \(str\)"),
    ],
)
def test_what_is_no_calls_arguments_is_refused_by_its_index(item: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text) as caught:
        check_call(item, 3)
    assert len(str(caught.value)) < 300
    with pytest.raises(TypeError, match=text):
        as_calls([[1], (2,), {"x": 3}, item, 8])


def test_lists_tuples_mappings_and_their_subclasses_are_calls() -> None:
    class Named(NamedTuple):
        x: int

    for calls in (
        [],
        [[1], (2,)],
        [[1], (2,), {"x": 1}, Named(1), collections.OrderedDict(x=1), types.MappingProxyType({"y": 2})],
    ):
        assert as_calls(calls) == calls


def test_calls_that_are_all_lists_are_known_as_such_and_no_others() -> None:
    class Mine(list[int]):
        pass

    given_ = [[1], [2]]
    found = as_calls(given_)
    assert type(found) is ListCalls
    assert found is not given_
    for others in ([[1], (2,)], [[1], {"x": 1}], [[1], Mine([2])], [(1,)]):
        assert type(as_calls(others)) is list


@given(calls_of(values))
def test_a_calls_key_is_the_same_alone_and_in_any_block(calls: list[Any]) -> None:
    expected = [call_key(call) for call in calls]
    assert [key for block in encode_blocks(calls) for key in block_keys(block)] == expected
    assert [key for block in encode_blocks(calls, keep=False) for key in block_keys(block)] == expected
    assert [key for call in calls for key in block_keys(encode_blocks([call])[0])] == expected


@given(calls_of(plain))
def test_shown_calls_are_the_arguments_again(calls: list[Any]) -> None:
    shown = [call for block in encode_blocks(calls) for call in shown_calls(block, ValueDecoder(trusted=False))]
    expected = [dict(call) if isinstance(call, dict) else list(call) for call in calls]
    assert repr(shown) == repr(expected)


def test_plain_calls_are_one_msgpack_and_their_tuple_or_list_does_not_count() -> None:
    listed = encode_blocks([[1, "a"], [2.5, None], [[True, [b"x"]], -0.0]])
    assert [(block.count, block.form, block.shown) for block in listed] == [(3, 0, None)]
    assert encode_blocks([(1, "a"), [2.5, None], ([True, [b"x"]], -0.0)]) == listed


@pytest.mark.parametrize(
    "argument",
    [
        (1,),
        {"a": 1},
        math.nan,
        2**64,
        -(2**63) - 1,
        {1},
        1j,
        bytearray(b"x"),
        np.int64(1),
        [[math.nan]],
        [(1,)],
    ],
)
def test_any_other_argument_puts_its_block_into_the_other_form(argument: Any) -> None:
    (block,) = encode_blocks([[1], [argument]])
    assert block.form == 1
    assert block_keys(block) == [call_key([1]), call_key([argument])]
    assert len(shown_calls(block, ValueDecoder())) == 2


def test_subclasses_of_plain_types_are_not_taken_for_them() -> None:
    class Odd(int):
        pass

    class Text(str):
        __slots__ = ()

    class Listed(list[Any]):
        pass

    pairs = [
        (Odd(1), 1),
        (Text("a"), "a"),
        (Listed([1]), [1]),
        (Kind.ONE, 1),
        (np.float64(1.5), 1.5),
        (np.str_("a"), "a"),
    ]
    for odd, usual in pairs:
        assert call_key([odd]) != call_key([usual])
        assert encode_blocks([[odd]])[0].form == 1


def test_blocks_hold_256_calls_and_the_last_one_the_rest() -> None:
    calls = [[number] for number in range(2 * BLOCK_CALLS + 5)]
    blocks = encode_blocks(calls)
    assert [block.count for block in blocks] == [256, 256, 5]
    assert [call for block in blocks for call in shown_calls(block, ValueDecoder())] == calls
    assert encode_blocks([]) == []


def test_only_the_block_with_an_odd_argument_changes_its_form() -> None:
    calls = [[float(number)] for number in range(1000)]
    calls[300] = [math.nan]
    assert [block.form for block in encode_blocks(calls)] == [0, 1, 0, 0]


def test_arguments_over_64_kib_are_kept_as_digest_and_repr() -> None:
    big = ["x" * 70_000]
    many = [[str(number) for number in range(20_000)]]
    array = {"data": np.zeros(100_000)}
    (block,) = encode_blocks([big, [1, (2,)], many, array])
    shown = shown_calls(block, ValueDecoder(trusted=False))
    assert [type(call) for call in shown] == [Unkept, list, Unkept, Unkept]
    assert [call.digest for call in (shown[0], shown[2], shown[3])] == [
        call_key(call).hex() for call in (big, many, array)
    ]
    assert all(len(call.text) <= 200 for call in (shown[0], shown[2], shown[3]))
    assert shown[3].text == "{'data': <ndarray (100000,)>}"
    assert len(block.shown or b"") < 1000


@pytest.mark.parametrize(
    "large", ["x" * 70_000, b"x" * 70_000, ["x"] * 70_000, 1 << 600_000], ids=str.split("str bytes list int")
)
@pytest.mark.parametrize("other", [1, 1.5])
def test_plain_arguments_over_64_kib_are_kept_as_digest_and_repr_too(large: Any, other: Any) -> None:
    calls = [[other], [large], [other, large], [other]]
    [block] = encode_blocks(calls)
    assert block_keys(block) == [call_key(call) for call in calls]
    shown = shown_calls(block, ValueDecoder())
    assert [type(call) for call in shown] == [list, Unkept, Unkept, list]
    assert len(block.identity) + len(block.shown or b"") < 4096


def test_many_arguments_that_are_not_large_are_kept_whole() -> None:
    calls = [["x" * 60_000] for _ in range(BLOCK_CALLS)]
    [block] = encode_blocks(calls)
    assert block.shown is None and shown_calls(block, ValueDecoder()) == calls


def test_what_merely_lives_counts_by_its_class_alone() -> None:
    assert call_key([threading.Lock(), 1]) == call_key([threading.Lock(), 1])
    assert call_key([threading.Lock()]) != call_key([threading.Event()])
    assert call_key([threading.Lock()]) != call_key([None])


def test_arguments_that_cannot_be_kept_are_named_and_no_error() -> None:
    (block,) = encode_blocks([[threading.Lock()], [1]])
    shown = shown_calls(block, ValueDecoder())
    assert isinstance(shown[0], Unkept)
    assert "lock" in repr(shown[0])
    assert shown[1] == [1]


def test_without_keeping_only_digests_are_there() -> None:
    (block,) = encode_blocks([["secret"], ["word"]], keep=False)
    assert b"secret" not in block.identity
    assert block.shown is None
    assert shown_calls(block, ValueDecoder()) == [
        Unkept(call_key(["secret"]).hex(), ""),
        Unkept(call_key(["word"]).hex(), ""),
    ]


@pytest.mark.parametrize(
    "block",
    [
        Block(2, 0, b"", None),
        Block(2, 0, b"\x91\x91\x01", None),
        Block(1, 0, b"\x91\x91\x01\x01", None),
        Block(1, 0, b"\x01", None),
        Block(3, 0, b"\xdd\xff\xff\xff\xff", None),
        Block(2, 1, b"x" * 31, None),
    ],
)
def test_a_damaged_block_is_refused(block: Block) -> None:
    with pytest.raises(MalformedMessage):
        block_keys(block)
