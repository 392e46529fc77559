"""What reads bytes that others may have written: each target takes any bytes, and may raise a CuebookError and no more."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import enum
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cuebook.engines.calls.protocol import Quit, Returned, StateSaved, StateWanted
from cuebook.errors import CuebookError
from cuebook.persistence.history.arguments import Block, block_keys, encode_blocks, shown_calls
from cuebook.persistence.history.replay import JournalState, apply
from cuebook.persistence.records.bodies import (
    durations_of,
    ends_of,
    failed_body,
    open_arguments,
    open_failed,
    starts_of,
)
from cuebook.persistence.records.chain import check_row, checked, rows_of
from cuebook.persistence.records.head import HEADS
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.run_heads import Completed, Failed, Reason
from cuebook.persistence.records.stream_heads import Events
from cuebook.persistence.values import ValueDecoder, ValueEncoder
from cuebook.persistence.values.blob_references import blob_references
from cuebook.persistence.values.whole import split_values
from cuebook.processes.protocol import open_frame
from cuebook.wire.codec import pack, unpack
from cuebook.wire.frame import FrameReader, pack_frame
from cuebook.wire.message import decode, encode
from cuebook.workplace.manifest import Manifest
from tests.support.journals import arguments, closed, completed, opened, state

Target = Callable[[bytes], None]


class Colour(enum.Enum):
    RED = 1


@dataclass
class Point:
    x: int
    y: list[int]


def _cycle() -> list[object]:
    found: list[object] = []
    found.append(found)
    return found


VALUES = (
    None, True, 7, -(1 << 70), 1.5, "text", b"bytes", [1, [2]], (1, (2,)), {"a": 1, 2: [3]}, {1, 2}, frozenset({"x"}),
    decimal.Decimal("1.5"), uuid.UUID(int=7), dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), dt.timedelta(1, 2, 3),
    complex(1, 2), range(5), slice(1, 2), Colour.RED, Point(1, [2]), ValueError("no"), Path("/a"), _cycle(), 7**900,
    bytearray(b"x"), bytes(300), "\x1b[31m",
)  # fmt: skip


def encoded_values() -> list[bytes]:
    """Values of every form, as journals hold them."""
    encoder = ValueEncoder(pickle=True)
    return [encoder.encode(value) for value in VALUES]


def entries() -> list[Entry]:
    """Records of a run."""
    return [opened(), arguments(0, 3), completed(0, b"\x01"), _failed(), state(2, b"s"), closed()]


def _failed() -> Entry:
    head = Failed(1, 1, 1.5, 0.5, Reason.RAISED, "ValueError", "no")
    return head.entry(1, failed_body("Traceback", None))


def heads() -> list[bytes]:
    """Heads of records, and before each the place of its kind among all."""
    kinds = list(HEADS)
    return [bytes([kinds.index(entry.kind)]) + entry.head for entry in entries()]


def read_head(data: bytes) -> None:
    """A head, of the kind that the first byte says."""
    kinds = list(HEADS)
    cls = HEADS[kinds[data[0] % len(kinds)]] if data else Completed
    head = cls.decode(data[1:])
    list(head.drops(1))
    head.keeps(1)
    if isinstance(head, Completed):
        assert len(durations_of(head)) == len(starts_of(head)) == head.count == len(ends_of(head)) - 1
        assert len(head.places) == head.count
    if isinstance(head, Events):
        assert Events.unpacked(data[1:])[1] == head.count


def read_value(data: bytes) -> None:
    """A value, with nothing unpickled."""
    decoder = ValueDecoder(trusted=False)
    for read in (decoder.decode, lambda part: decoder.decode_many(part, 2), lambda part: split_values(part, 2)):
        with contextlib.suppress(CuebookError):
            repr(read(data))
    list(blob_references(data))


def bodies() -> list[bytes]:
    """Bodies of records."""
    blocks = encode_blocks([[1], ["x"]]) + encode_blocks([[b"x" * 70_000], [{"a": {1}}]])
    listed = [pack([[block.identity, block.shown]]) for block in blocks]
    return [failed_body("Traceback", b"\x01"), *listed, *(block.identity for block in blocks), pack([])]


def read_body(data: bytes) -> None:
    """The body of a record."""
    for read in (open_failed, open_arguments):
        with contextlib.suppress(CuebookError):
            read(data, 1)
    for form in (0, 1):
        for count in (1, 2, 256):
            block = Block(count, form, data, data)
            with contextlib.suppress(CuebookError):
                assert len(block_keys(block)) == count
            with contextlib.suppress(CuebookError):
                assert len(shown_calls(block, ValueDecoder(trusted=False))) == count
    with contextlib.suppress(CuebookError):
        Manifest.decode(data)


def frames() -> list[bytes]:
    """What workers and their owners send each other."""
    messages = [Quit(), Returned(1, [2, 3]), StateSaved(1, 0, 1, None, b"s"), StateWanted(1, 0, 1)]
    return [*map(encode, messages), b"\x92\x01\x02", pack_frame(b"payload"), pack_frame(b"x" * 10) * 3]


def read_frame(data: bytes) -> None:
    """A frame of a worker, of a process of actors, and what a socket gives."""
    for read in (decode, open_frame):
        with contextlib.suppress(CuebookError):
            read(data)
    reader = FrameReader(1 << 20)
    with contextlib.suppress(CuebookError):
        for start in range(0, len(data), 7):
            reader.feed(data[start : start + 7])
    assert reader.buffered <= (1 << 20) + 64


def folded(seed: bytes) -> None:
    """Records of a run in any order, with changed heads and bodies, folded and checked."""
    chance = random.Random(seed)
    chosen = [chance.choice(entries()) for _ in range(chance.randint(1, 8))]
    changed = [
        Entry(each.kind, chance.choice((each.run, 0, 1, 2)), _changed_head(each.head, chance), each.body)
        for each in chosen
    ]
    rows = rows_of(changed, 0, bytes(32))
    found = JournalState()
    with contextlib.suppress(CuebookError):
        for record in checked(rows, bodies=True, gapless=1):
            apply(found, record)
    for row in rows:
        place = chance.randrange(7)
        hostile = (*row[:place], chance.choice((None, -1, b"", b"x", 1 << 62)), *row[place + 1 :])
        with contextlib.suppress(CuebookError):
            record = check_row(hostile, bytes(32))  # type: ignore[arg-type]
            assert isinstance(record, Record) and record.kind in Kind


def _changed_head(head: bytes, chance: random.Random) -> bytes:
    fields = unpack(head)
    fields[chance.randrange(len(fields))] = chance.choice(
        (None, -1, 0, 1 << 33, 1 << 63, 1e300, "x", b"x", [], {}, [[1]])
    )
    return pack(fields)


TARGETS: dict[str, tuple[Callable[[], list[bytes]], Target]] = {
    "heads": (heads, read_head),
    "values": (encoded_values, read_value),
    "bodies": (bodies, read_body),
    "frames": (frames, read_frame),
    "records": (lambda: [b"seed", b"another"], folded),
}
"""By name: true bytes to begin with, and what reads others."""
