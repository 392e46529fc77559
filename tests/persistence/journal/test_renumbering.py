"""The records of what a compaction makes of streams: removed ones, and the numbers that records had before."""

from __future__ import annotations

from typing import Any

import pytest

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.head import Head
from cuebook.persistence.records.stream_heads import Renumbered, StreamRemoved
from cuebook.wire.codec import pack, unpack

GOLDEN: list[tuple[Head, str]] = [
    (StreamRemoved(1.5), "91cb3ff8000000000000"),
    (
        Renumbered.of_runs((b"i" * 16, b"n" * 16), [(2, 2, 3), (7, 5, 1)], {"Account": (6, 2)}),
        (
            "94c41069696969696969696969696969696969c4106e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6ec43002000000000000000200"
            "000000000000030000000000000007000000000000000500000000000000010000000000000081a74163636f756e74920602"
        ),
    ),
]


@pytest.mark.parametrize(("head", "golden"), GOLDEN)
def test_the_bytes_of_a_head_are_those_of_the_format(head: Head, golden: str) -> None:
    assert head.encode().hex() == golden
    assert type(head).decode(bytes.fromhex(golden)) == head


@pytest.mark.parametrize("head", [head for head, _ in GOLDEN])
def test_a_head_of_another_shape_is_refused(head: Head) -> None:
    values: list[Any] = unpack(head.encode())
    malformed = [b"", pack(None), pack(values[:-1]), pack([*values, 1]), head.encode()[:-1]]
    malformed += [pack([*values[:place], {"a": []}, *values[place + 1 :]]) for place in range(len(values))]
    malformed += [pack([b"i", b"n", bytes(23), {}]), pack([b"i", b"n", b"", {"T": [1, "2"]}])]
    for data in malformed:
        with pytest.raises(JournalCorrupt):
            type(head).decode(data)


def test_a_renumbering_gives_each_record_its_number_or_that_of_the_last_one_before_it() -> None:
    head = Renumbered.of_runs((b"i" * 16, b"n" * 16), [(2, 2, 3), (7, 5, 1)], {})
    assert [head.place_of(seq) for seq in range(9)] == [
        (0, False), (0, False), (2, True), (3, True), (4, True), (4, False), (4, False), (5, True), (5, False),
    ]  # fmt: skip
