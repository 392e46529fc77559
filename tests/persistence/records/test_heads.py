"""The bytes of every head are fixed, come back as they were, and are refused when they are malformed."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.head import Head
from cuebook.persistence.records.run_heads import (
    Arguments,
    Closing,
    Completed,
    Failed,
    Forgetting,
    Forgotten,
    JournalOpened,
    Reason,
    Reused,
    RunClosed,
    StateKept,
)
from cuebook.wire.codec import pack, unpack
from tests.support.journals import opened_head

GOLDEN: list[tuple[Head, str]] = [
    (
        JournalOpened(b"i" * 16, 1, 1.5, "0.1.0"),
        "97c4106969696969696969696969696969696901cb3ff8000000000000a5302e312e30c40000c400",
    ),
    (
        JournalOpened(b"i" * 16, 1, 1.5, "0.1.0", b"o" * 16, 9, b"h" * 32),
        (
            "97c4106969696969696969696969696969696901cb3ff8000000000000a5302e312e30c4106f6f6f6f6f6f6f6f6f6f6f6f6f6f6f6f09"
            "c4206868686868686868686868686868686868686868686868686868686868686868"
        ),
    ),
    (
        opened_head(7, total=3),
        (
            "dc001007a5636c65616ec410666666666666666666666666666666660191" + "93ad636f6465206f6620636c65616e"
            "b061626162616261626162616261626162" + "b164656620636c65616e2878293a202e2e2e" + "91aa432066756e6374696f6e"
            "9192a56e756d7079a3322e30" + "03a46c697374a563616c6c7381a77265747269657302a56e6f646531cd1267a6332e31312e37"
            "cb41d954fc40200000ab707974686f6e20782e7079"
        ),
    ),
    (Arguments(256, 3, 0), "95cd01000300c000"),
    (Arguments(0, 512, 1, 3, 5), "9500cd0200010305"),
    (
        Completed(3, None, 2, 1.5, b"s" * 8, b"d" * 8, b"l" * 8),
        "9703c002cb3ff8000000000000c4087373737373737373c4086464646464646464c4086c6c6c6c6c6c6c6c",
    ),
    (
        Completed(None, struct.pack("<2I", 9, 4), 2, 1.5, b"s" * 8, b"d" * 8, b"l" * 8),
        "97c0c408090000000400000002cb3ff8000000000000c4087373737373737373c4086464646464646464c4086c6c6c6c6c6c6c6c",
    ),
    (
        Failed(4, 2, 1.5, 0.25, Reason.WORKER_DIED, "builtins.ValueError", "bad"),
        (
            "970402cb3ff8000000000000cb3fd0000000000000ab776f726b65722064696564b36275696c74696e732e56616c75654572726f72"
            "a3626164"
        ),
    ),
    (Reused(((1, 0, 5, 256), (2, 7, 0, 1))), "91929401" + "0005cd01009402070001"),
    (
        StateKept(4, 2, "half", b"d" * 32, 100, b"k" * 16, 1.5),
        (
            "970402a468616c66c420646464646464646464646464646464646464646464646464646464646464646464c4106b6b6b6b6b6b6b6b6b6b6b"
            "6b6b6b6b6bcb3ff8000000000000"
        ),
    ),
    (
        RunClosed(Closing.INTERRUPTED, 1.5, 3, 1, 2, "SIGINT"),
        "96ab696e746572727570746564cb3ff8000000000000030102a6534947494e54",
    ),
    (Forgotten(Forgetting.CALL, 3, None, 7, 1.5), "95a463616c6c03c007cb3ff8000000000000"),
    (
        Forgotten(Forgetting.FUNCTION, None, "clean", None, 1.5),
        "95a866756e6374696f6ec0a5636c65616ec0cb3ff8000000000000",
    ),
]
KINDS = [type(head).__name__ for head, _ in GOLDEN]


@pytest.mark.parametrize(("head", "golden"), GOLDEN, ids=KINDS)
def test_the_bytes_of_a_head_are_those_of_the_format(head: Head, golden: str) -> None:
    assert head.encode().hex() == golden


@pytest.mark.parametrize(("head", "golden"), GOLDEN, ids=KINDS)
def test_a_head_comes_back_as_it_was(head: Head, golden: str) -> None:
    assert type(head).decode(bytes.fromhex(golden)) == head


@pytest.mark.parametrize("head", [head for head, _ in GOLDEN], ids=KINDS)
def test_a_head_of_another_shape_is_refused(head: Head) -> None:
    values: list[Any] = unpack(head.encode())
    malformed = [b"", b"\xc1", pack(None), pack({}), pack(values[:-1]), pack([*values, 1]), head.encode()[:-1]]
    malformed += [
        pack([*values[:place], {"a": []}, *values[place + 1 :]]) for place in range(len(values)) if place != 10
    ]
    for data in malformed:
        with pytest.raises(JournalCorrupt):
            type(head).decode(data)


@pytest.mark.parametrize(
    "values",
    [
        [None, None, 1, 1.0, bytes(4), bytes(4), bytes(4)],
        [0, bytes(4), 1, 1.0, bytes(4), bytes(4), bytes(4)],
        [-1, None, 1, 1.0, bytes(4), bytes(4), bytes(4)],
        [0, None, 0, 1.0, b"", b"", b""],
        [0, None, 2, 1.0, bytes(8), bytes(4), bytes(8)],
        [None, bytes(5), 1, 1.0, bytes(4), bytes(4), bytes(4)],
        [True, None, 1, 1.0, bytes(4), bytes(4), bytes(4)],
        [0, None, 1, "now", bytes(4), bytes(4), bytes(4)],
    ],
)
def test_completed_calls_whose_arrays_do_not_fit_are_refused(values: list[Any]) -> None:
    with pytest.raises(JournalCorrupt):
        Completed.decode(pack(values))


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(JournalCorrupt):
        RunClosed.decode(pack(["vanished", 1.5, 0, 0, 0, ""]))
