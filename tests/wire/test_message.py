"""Messages survive their bytes, and what cannot is refused by name at the sender or at the receiver."""

from __future__ import annotations

import dataclasses
import threading
from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.errors import MalformedMessage, MessageTooLarge, UnknownMessage
from cuebook.wire import message as message_module
from cuebook.wire.codec import ExtType, pack, unpack
from cuebook.wire.message import decode, encode, is_message, message, pack_plain, tag_in, tag_of, unpack_plain
from tests.wire.plain_messages import Checked, Containers, Empty, Five, Loose

pytestmark = pytest.mark.quick


@message(by_reference=True)
class Local:
    """Without a tag."""


@message
class Tagless:
    inner: Five
    more: tuple[Empty, ...] = ()
    maybe: Empty | None = None


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
    | st.binary(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(
    st.integers(-(2**63), 2**64 - 1),
    st.text(),
    st.binary(),
    st.floats(allow_nan=False),
    st.none() | st.integers(0, 9),
)
def test_every_typed_message_is_what_it_was(
    number: int, text: str, raw: bytes, ratio: float, maybe: int | None
) -> None:
    sent = Five(number, text, raw, ratio, maybe)
    got = decode(encode(sent))
    assert got == sent
    assert [type(value) for value in dataclasses.astuple(got)] == [type(value) for value in dataclasses.astuple(sent)]


@given(plain)
def test_plain_data_in_a_field_is_what_it_was(value: Any) -> None:
    assert decode(encode(Loose(value))) == Loose(value)


@given(st.binary(max_size=60))
def test_no_bytes_do_more_than_be_refused(frame: bytes) -> None:
    try:
        decode(frame)
    except (UnknownMessage, MalformedMessage):
        pass


@given(st.binary(max_size=5), st.integers(0, 60), st.integers(0, 255))
def test_a_changed_byte_is_another_message_or_refused(extra: bytes, place: int, byte: int) -> None:
    frame = bytearray(encode(Five(1, "two", b"three", 4.0)) + extra)
    frame[place % len(frame)] = byte
    try:
        decode(bytes(frame))
    except (UnknownMessage, MalformedMessage):
        pass


def test_a_message_without_fields_travels() -> None:
    assert decode(encode(Empty())) == Empty()


def test_a_tuple_field_arrives_as_a_tuple_and_a_list_field_as_a_list() -> None:
    got = decode(encode(Containers(items=[1], pair=(1, 2), table={"a": 1})))
    assert got == Containers([1], (1, 2), {"a": 1})
    assert decode(encode(Loose((1, (2,))))) == Loose([1, [2]])


def test_bytes_of_any_kind_arrive_as_bytes() -> None:
    for raw in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
        assert decode(encode(Five(1, "", raw, 1.0))).raw == b"abc"  # type: ignore[arg-type]


def test_an_int_is_a_float_but_a_bool_is_no_int() -> None:
    assert decode(encode(Five(1, "", b"", 2))).ratio == 2
    with pytest.raises(TypeError, match=r"Five\.number is int, not bool"):
        encode(Five(True, "", b"", 1.0))


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (Five("1", "", b"", 1.0), r"Five\.number is int, not str"),  # type: ignore[arg-type]
        (Five(1, "", b"", 1.0, "x"), r"Five\.maybe is None or int, not str"),  # type: ignore[arg-type]
        (Five(2**70, "", b"", 1.0), r"Five\.number cannot travel"),
        (Loose({1, 2}), r"Loose\.value cannot travel.*set is no plain data"),
        (Loose([object()]), r"Loose\.value cannot travel.*object is no plain data"),
        (Loose(Local()), r"Loose\.value cannot travel.*Local is no plain data"),
        (object(), "object is no message"),
    ],
)
def test_what_cannot_travel_is_named_at_the_sender(bad: Any, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuebook.wire.message._carried", None)  # as where no codec of values is loaded
    with pytest.raises(TypeError, match=named):
        encode(bad)


def test_a_list_within_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TypeError, match=r"Loose\.value"):
        encode(Loose(loop))


def test_the_packer_is_whole_after_a_refusal() -> None:
    with pytest.raises(TypeError):
        encode(Loose([1, threading.Lock()]))
    assert decode(encode(Loose(5))) == Loose(5)


def test_each_thread_packs_for_itself() -> None:
    frames: list[bytes] = []

    def work() -> None:
        frames.extend(encode(Five(n, "x" * 100, b"", 1.0)) for n in range(2000))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decode(frame).number for frame in frames) == sorted([*range(2000)] * 4)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ([61_001, 1, "", b""], "Five has 5 fields, the frame 3: give ratio a default"),
        ([61_001, 1, "", b"", 1.0, None, 7], "Five has 5 fields, the frame 6"),
        ([61_001, "1", "", b"", 1.0, None], r"Five\.number is int, not str"),
        ([61_001, True, "", b"", 1.0, None], r"Five\.number is int, not bool"),
        ([tag_of(Checked), 2.0], "Checked refuses the frame's fields: a share is 0 to 1"),
        ([], "no message"),
        (["a"], "no message"),
        ([True], "no message"),
        (5, "no message"),
        ({}, "no message"),
    ],
)
def test_a_frame_that_does_not_fit_is_malformed(values: Any, named: str) -> None:
    with pytest.raises(MalformedMessage, match=named):
        decode(pack(values))


def test_a_second_shape_is_checked_after_a_first_one_passed() -> None:
    decode(pack([61_001, 1, "", b"", 1.0, None]))
    with pytest.raises(MalformedMessage):
        decode(pack([61_001, 1, "", b"", "1.0", None]))


def test_an_unknown_tag_is_named() -> None:
    with pytest.raises(UnknownMessage, match="65535"):
        decode(pack([65_535]))


@pytest.mark.parametrize(
    "frame", [b"", b"\xc1", b"\x93\x01", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\x91\x01\x01"]
)
def test_a_torn_or_lying_frame_is_malformed(frame: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode(frame)


def test_deep_nesting_is_refused_not_fatal() -> None:
    with pytest.raises(MalformedMessage):
        decode(b"\x91" * 100_000 + b"\x01")


def test_a_tag_stands_for_one_type() -> None:
    with pytest.raises(ValueError, match="already stands for Five"):

        @message(tag=61_001)
        class Other:
            pass

    assert type(decode(encode(Five(1, "", b"", 1.0)))) is Five


@pytest.mark.parametrize("tag", [0, -1, 65_536, True, "1"])
def test_a_tag_is_within_its_range(tag: Any) -> None:
    with pytest.raises(ValueError, match="number from 1 to 65535"):

        @message(tag=tag)
        class Bad:
            pass


def test_a_type_without_a_tag_is_known_by_its_names() -> None:
    assert tag_of(Tagless) > 65_535
    once = tag_of(Tagless)

    def made() -> type:
        @message
        class Here:
            n: int

        return Here

    first, second = made(), made()
    assert tag_of(second) != once
    assert type(decode(encode(second(1)))) is second
    with pytest.raises(TypeError, match="no message"):
        encode(first(1))
    assert tag_in(encode(Tagless(Five(1, "", b"", 1.0)))) == once


def test_two_names_with_one_tag_are_told_to_say_their_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_module, "_tag_by_name", lambda cls: tag_of(Tagless))
    with pytest.raises(ValueError, match=r"Unlucky already stands for Tagless.*@message\(tag=\.\.\.\)"):

        @message
        class Unlucky:
            pass


def test_messages_travel_within_messages() -> None:
    five = Five(7, "x", b"y", 0.5)
    whole = Tagless(five, (Empty(), Empty()), Empty())
    assert decode(encode(whole)) == whole
    assert decode(encode(Loose([whole, {"k": five}]))) == Loose([whole, {"k": five}])
    with pytest.raises(TypeError, match=r"Tagless\.inner is Five, not Empty"):
        encode(Tagless(Empty()))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Loose\.value cannot travel.*Five\.number is int, not str"):
        encode(Loose([Five("7", "", b"", 0.5)]))  # type: ignore[arg-type]


def test_messages_within_messages_have_a_greatest_depth() -> None:
    deep: Any = Empty()
    for _ in range(60):
        deep = Loose(deep)
    assert decode(encode(deep)) == deep
    for _ in range(1000):
        deep = Loose(deep)
    with pytest.raises(TypeError, match="more than 64 deep"):
        encode(deep)
    frame = pack([tag_of(Empty)])
    for _ in range(300):
        frame = pack([tag_of(Loose), ExtType(2, frame)])
    with pytest.raises(MalformedMessage, match="more than 64 deep"):
        decode(frame)
    assert decode(encode(Loose(Loose(1)))) == Loose(Loose(1))


@pytest.mark.parametrize("inner", [b"", b"\xc1", pack([65_000]), pack([61_001, "1"]), pack(3)], ids=repr)
def test_a_bad_message_within_a_message_is_refused_as_one(inner: bytes) -> None:
    with pytest.raises((MalformedMessage, UnknownMessage)):
        decode(pack([tag_of(Loose), ExtType(2, inner)]))


def test_the_decorator_is_for_classes() -> None:
    with pytest.raises(TypeError, match="decorates a class"):
        message(1000)  # type: ignore[call-overload]


def test_a_class_may_be_defined_again_in_main() -> None:
    """A notebook cell runs twice."""
    classes = []
    for _ in range(2):
        namespace = {"__name__": "__main__", "message": message}
        exec("@message(tag=61_020)\nclass Again:\n    n: int", namespace)
        classes.append(namespace["Again"])
    old, new = classes
    assert type(decode(encode(new(1)))) is new  # type: ignore[operator]
    assert not is_message(old(1))  # type: ignore[operator]


def test_a_field_of_any_class_takes_objects_of_that_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuebook.wire.message._carried", None)

    @message(tag=61_030)
    class Odd:
        things: set[int]
        kind: Literal["a", "b"]
        when: Annotated[datetime, "utc"] | None = None

    with pytest.raises(TypeError, match=r"Odd\.things is set, not list"):
        encode(Odd([1], "a"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Odd\.when is None or datetime, not str"):
        encode(Odd({1}, "a", "now"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Odd\.things cannot travel in a message: a builtins\.set"):
        encode(Odd({1}, "a"))
    with pytest.raises(MalformedMessage, match=r"Odd\.things is set, not list"):
        decode(pack([61_030, [], "a", None]))


def test_a_mutable_dataclass_is_no_message() -> None:
    with pytest.raises(TypeError, match="frozen=True"):

        @message(tag=61_031)
        @dataclasses.dataclass
        class Mutable:
            n: int


def test_messages_are_frozen_and_slotted() -> None:
    five = Five(1, "", b"", 1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        five.number = 2  # type: ignore[misc]
    assert not hasattr(five, "__dict__")
    assert tag_of(Five) == 61_001


def test_a_message_over_the_limit_is_refused_and_its_packer_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(message_module, "FRAME_BYTES_MAX", 2_000_000)
    assert len(encode(Loose(b"x" * 1_900_000))) > 1_900_000
    with pytest.raises(MessageTooLarge, match="Loose has 2,000,0"):
        encode(Loose(b"x" * 2_000_000))
    with pytest.raises(MessageTooLarge):
        pack_plain(b"x" * 2_000_001)


def test_a_foreign_extension_stays_data() -> None:
    assert decode(pack([61_002, ExtType(5, b"abc")])) == Loose(ExtType(5, b"abc"))


def test_the_wire_is_a_list_of_tag_and_fields() -> None:
    """Golden bytes: both ends of an older wire depend on them."""
    assert encode(Five(1, "two", b"3", 4.5, None)).hex() == "96cdee4901a374776fc40133cb4012000000000000c0"
    assert unpack(pack_plain((1, (2,)))) == [1, [2]]


def test_tuples_are_keys_of_dicts_in_messages_and_answers() -> None:
    table = {(1, ("a", None)): [1, (2,)], "plain": {(): (3,)}}
    arrived = {(1, ("a", None)): [1, [2]], "plain": {(): [3]}}
    assert decode(encode(Loose(table))) == Loose(arrived)
    assert unpack_plain(pack_plain(table)) == arrived
    with pytest.raises(MalformedMessage, match="unhashable"):
        decode(pack([61_002, 1])[:-1] + b"\x81\x81\x01\x02\x03")  # a map as a key


def test_a_field_that_is_said_to_be_a_bytearray_arrives_as_one() -> None:
    @message
    class Buffers:
        changeable: bytearray
        looked_at: memoryview
        either: bytes | bytearray = b""

    arrived = decode(encode(Buffers(bytearray(b"ab"), memoryview(b"cd"), bytearray(b"ef"))))
    assert arrived == Buffers(bytearray(b"ab"), b"cd", b"ef")  # type: ignore[arg-type]
    assert type(arrived.changeable) is bytearray
    with pytest.raises(TypeError, match="may be bytearray"):

        @message(by_reference=True, tag=61_077)
        class Shared:
            changeable: bytearray
