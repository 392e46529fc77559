"""The bytes of what a journal says of itself are fixed, and come back as they were."""

from __future__ import annotations

from array import array

import pytest

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.contents_heads import (
    DERIVED,
    CallsKnown,
    Contents,
    KnownBlocks,
    calls_known_entry,
    contents_entry,
    known_blocks,
)
from cuebook.persistence.records.record import Entry, Kind, Record

CONTENTS = contents_entry(300, 7, [301, 4096])
BLOCKS = KnownBlocks(array("Q", [7, 8]), array("Q", [256, 0]), array("I", [1, 0xFFFFFFFF]), bytearray([1, 0]))
CALLS = calls_known_entry((0, 0), (4000, 2), BLOCKS)
GOLDEN = [
    (CONTENTS, "93cd012c0207", "2d010000000000000010000000000000"),
    (
        CALLS,
        "960000cd0fa0020202",
        "07000000000000000800000000000000000100000000000000000000000000000" + "1000000ffffffff0100",
    ),
]


@pytest.mark.parametrize(("entry", "head", "body"), GOLDEN)
def test_their_bytes_are_fixed(entry: Entry, head: str, body: str) -> None:
    assert entry.run == 0 and entry.kind in DERIVED
    assert (entry.head.hex(), (entry.body or b"").hex()) == (head, body)


def test_they_come_back_as_they_were() -> None:
    record = Record(5000, Kind.CONTENTS, 0, CONTENTS.head, CONTENTS.body, b"")
    assert list(Contents.decode(CONTENTS.head).listed(record)) == [301, 4096]
    record = Record(5000, Kind.CALLS_KNOWN, 0, CALLS.head, CALLS.body, b"")
    assert known_blocks(CallsKnown.decode(CALLS.head), record) == BLOCKS


@pytest.mark.parametrize("runs", [-1, (1 << 62) + 1, (1 << 64) - 1])
def test_a_highest_run_that_leaves_no_room_for_the_next_is_damage(runs: int) -> None:
    record = Record(5000, Kind.CONTENTS, 0, CONTENTS.head, CONTENTS.body, b"")
    head = Contents.decode(CONTENTS.head)
    with pytest.raises(JournalCorrupt, match="record 5000"):
        Contents(head.before, head.count, runs).listed(record)
