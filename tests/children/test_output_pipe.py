"""What a worker prints is cut where it may be shown, and no byte of it is lost, doubled or held for long."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuebook.children.output_pipe import LINE_BYTES_MAX, OutputPipe, Printed


@pytest.mark.parametrize(
    ("chunks", "shown", "rest"),
    [
        ([b"one\n"], [b"one\n"], b""),
        ([b"on", b"e\ntwo"], [b"", b"one\n"], b"two"),
        ([b"10 %\r20 %"], [b"10 %\r"], b"20 %"),
        ([b"line\r", b"\n"], [b"line\r", b"\n"], b""),
        ([b"x" * LINE_BYTES_MAX], [b""], b"x" * LINE_BYTES_MAX),
        ([b"x" * (LINE_BYTES_MAX + 1)], [b"x" * (LINE_BYTES_MAX + 1)], b""),
        (["é".encode()[:1]], [b""], b""),
        ([b"a" + "€".encode()[:2], "€".encode()[2:]], [b"", b""], "a€".encode()),
        ([b"a\xff\xfe"], [b""], b"a\xff\xfe"),
    ],
)
def test_lines_go_on_at_once_and_the_rest_is_held(chunks: list[bytes], shown: list[bytes], rest: bytes) -> None:
    printed = Printed()
    assert [printed.feed(chunk) for chunk in chunks] == shown
    assert printed.rest() == rest


@given(st.lists(st.tuples(st.binary(max_size=8), st.booleans()), max_size=20))
def test_however_it_comes_every_byte_is_shown_once_and_in_order(pieces: list[tuple[bytes, bool]]) -> None:
    printed = Printed()
    shown = b"".join(printed.feed(piece) + (printed.rest() if is_late else b"") for piece, is_late in pieces)
    assert shown + printed.last() == b"".join(piece for piece, _ in pieces)


@given(st.text(alphabet="aé€😀\n", max_size=30), st.integers(1, 5))
def test_no_character_is_cut_in_two(text: str, size: int) -> None:
    printed, data = Printed(), text.encode()
    for start in range(0, len(data), size):
        printed.feed(data[start : start + size]).decode()
        printed.rest().decode()


def test_a_pipe_shows_lines_at_once_the_rest_soon_and_closes_what_it_was_given() -> None:
    before = os.listdir("/proc/self/fd")
    asyncio.run(pipe_lives())
    assert len(os.listdir("/proc/self/fd")) == len(before)


async def pipe_lives() -> None:
    out, into = os.pipe()
    shown: list[tuple[bytes, str]] = []
    came = asyncio.Event()

    def show(printed: bytes, stream: str = "", /) -> None:
        shown.append((printed, stream))
        came.set()

    pipe = OutputPipe(out, "stderr", show)
    os.write(into, b"line\nunfin")
    for expected in (b"line\n", b"unfin"):
        await asyncio.wait_for(came.wait(), 20)
        came.clear()
        assert shown.pop() == (expected, "stderr")
    os.write(into, b"ished\nlast")
    pipe.drain()
    os.write(into, "é".encode()[:1])
    pipe.close()
    pipe.close()
    os.close(into)
    assert b"".join(part for part, _ in shown) == b"ished\nlast" + "é".encode()[:1]
