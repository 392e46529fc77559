"""Frames come out as they went in, in whatever pieces the stream arrives, within their limits."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.errors import MalformedMessage, MessageTooLarge
from cuebook.wire.frame import FrameReader, pack_frame


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=12), st.lists(st.integers(1, 30), min_size=1))
def test_frames_survive_any_cutting_of_the_stream(payloads: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(map(pack_frame, payloads))
    reader, got, place = FrameReader(), [], 0
    for size in itertools.cycle(sizes):
        if place >= len(stream):
            break
        got += reader.feed(stream[place : place + size])
        place += size
    assert got == payloads
    assert reader.buffered == 0


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_buffer_is_read_and_frames_are_bytes(kind: type) -> None:
    stream = pack_frame(b"one") + pack_frame(b"two")
    reader = FrameReader()
    got = reader.feed(kind(stream[:5])) + reader.feed(kind(stream[5:]))
    assert got == [b"one", b"two"]
    assert all(type(frame) is bytes for frame in got)


def test_a_frame_does_not_change_with_the_buffer_it_came_from() -> None:
    buffer = bytearray(pack_frame(b"before"))
    (frame,) = FrameReader().feed(buffer)
    buffer[:] = bytes(len(buffer))
    assert frame == b"before"


def test_a_cut_stream_is_seen() -> None:
    reader = FrameReader()
    assert reader.feed(pack_frame(b"x" * 10)[:-1]) == []
    assert reader.buffered == 13


@pytest.mark.parametrize("pieces", [1, 2, 8])
def test_a_length_over_the_limit_is_refused_before_its_bytes(pieces: int) -> None:
    header = (101).to_bytes(4, "little") + b"rest"
    reader = FrameReader(limit=100)
    with pytest.raises(MessageTooLarge, match="101 bytes"):
        for part in range(pieces):
            reader.feed(header[part * 8 // pieces : (part + 1) * 8 // pieces])
    assert reader.buffered == 0


def test_the_limit_itself_is_allowed() -> None:
    assert FrameReader(limit=100).feed(pack_frame(b"x" * 100)) == [b"x" * 100]


def test_a_frame_of_no_bytes_is_malformed() -> None:
    with pytest.raises(MalformedMessage):
        FrameReader().feed(b"\0\0\0\0")
    with pytest.raises(MalformedMessage):
        pack_frame(b"")


def test_a_stream_out_of_step_stays_refused() -> None:
    reader = FrameReader()
    with pytest.raises(MalformedMessage):
        reader.feed(b"\0\0\0\0")
    with pytest.raises(MalformedMessage):
        reader.feed(pack_frame(b"fine"))


def test_packing_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cuebook.wire.frame.FRAME_BYTES_MAX", 10)
    with pytest.raises(MessageTooLarge):
        pack_frame(b"x" * 11)


def test_a_large_frame_in_small_pieces_costs_linear_time() -> None:
    """16 MB in 4 KiB pieces: copying what is there at each piece would move 32 GB."""
    stream = pack_frame(bytes(16 * 1024 * 1024))
    reader, got = FrameReader(), []
    started = time.process_time()
    for place in range(0, len(stream), 4096):
        got += reader.feed(stream[place : place + 4096])
    assert len(got) == 1
    assert time.process_time() - started < 2


def test_an_announced_length_allocates_nothing() -> None:
    reader = FrameReader()
    reader.feed((60_000_000).to_bytes(4, "little") + b"x")
    assert reader.buffered == 5
