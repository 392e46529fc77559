"""Bodies and arrays of records: they come back as they were, on any machine, and damage is named."""

from __future__ import annotations

import math
import struct

import pytest

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records import arrays
from cuebook.persistence.records.arrays import packed, unpacked
from cuebook.persistence.records.bodies import (
    arguments_body,
    completed_record,
    durations_of,
    ends_of,
    failed_body,
    metrics_body,
    open_arguments,
    open_failed,
    open_metrics,
    starts_of,
)
from cuebook.wire.codec import pack


@pytest.mark.parametrize(
    ("code", "values"), [("H", [1, 65535]), ("I", [1, 1 << 31]), ("Q", [1, 1 << 40]), ("f", [0.5, 2.0])]
)
def test_arrays_are_little_endian(code: str, values: list[int]) -> None:
    data = packed(code, values)

    assert data == struct.pack(f"<2{code}", *values)
    assert list(unpacked(code, data)) == values


@pytest.mark.parametrize("code", ["H", "I", "Q", "f"])
def test_a_machine_of_the_other_byte_order_swaps_both_ways(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = packed(code, [1, 2])
    monkeypatch.setattr(arrays, "_IS_BIG_ENDIAN", not arrays._IS_BIG_ENDIAN)

    assert packed(code, [1, 2]) == b"".join(plain[at : at + len(plain) // 2][::-1] for at in (0, len(plain) // 2))
    assert list(unpacked(code, packed(code, [1, 2]))) == [1, 2]


def test_what_is_too_large_for_a_float_of_32_bits_is_infinite() -> None:
    assert list(unpacked("f", packed("f", [1.0, 1e300, -1e300]))) == [1.0, math.inf, -math.inf]


def test_an_array_that_is_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        unpacked("I", b"\0\0\0")


@pytest.mark.parametrize(("indexes", "is_range"), [([4, 5, 6], True), ([6, 4, 9], False)])
def test_results_come_back_by_place(indexes: list[int], is_range: bool) -> None:
    head, body = completed_record(indexes, [1.0, 2.0, 4.0], [1.5, 2.25, 5.0], [b"a", b"", b"ccc"], is_range=is_range)

    ends = ends_of(head)

    assert list(type(head).decode(head.encode()).places) == indexes
    assert [body[start:end] for start, end in zip(ends, ends[1:], strict=False)] == [b"a", b"", b"ccc"]
    assert list(durations_of(head)) == [0.5, 0.25, 1.0]
    assert list(starts_of(head)) == [0.0, 1.0, 3.0]


@pytest.mark.parametrize("exception", [None, b"", b"pickled"])
def test_a_failure_comes_back(exception: bytes | None) -> None:
    assert open_failed(failed_body("Traceback ...", exception), 7) == ("Traceback ...", exception)


def test_a_failure_without_a_body_has_no_traceback() -> None:
    assert open_failed(None, 7) == ("", None)


def test_blocks_of_arguments_come_back() -> None:
    blocks = [(b"\x91\x01", None), (b"k" * 16, b"shown")]

    assert open_arguments(arguments_body(blocks), 7) == blocks
    assert open_arguments(None, 7) == []


DAMAGED = [b"\xc1", pack(3), pack([[1, 2, 3]]), b"\x92\x91\x01"]


@pytest.mark.parametrize(
    ("opened", "body"),
    [
        *[(open_failed, body) for body in [b"", *DAMAGED]],
        *[(open_metrics, body) for body in [b"", *DAMAGED, b"\x81\x01\x02"]],
        *[(open_arguments, body) for body in [pack([1, 2]), *DAMAGED]],
    ],
)
def test_a_damaged_body_is_named_by_its_record(opened, body: bytes) -> None:
    with pytest.raises(JournalCorrupt, match="record 7 "):
        opened(body, 7)


def test_metrics_come_back_and_a_checkpoint_of_before_has_none() -> None:
    metrics = {"loss": 0.5, "step": 3, "best": True, "note": "é", "none": None}
    assert open_metrics(metrics_body(metrics), 7) == metrics
    assert metrics_body({}) is None
    assert open_metrics(None, 7) == {}
