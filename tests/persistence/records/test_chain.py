"""The chain: its links are those of the format, and no change of a record, its order or its number goes unseen."""

from __future__ import annotations

import hashlib
import struct

import pytest

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.chain import FIRST_LINK, checked, head_check, link, rows_of
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.row import Row

ENTRIES = [
    Entry(Kind.JOURNAL, 0, b"journal"),
    Entry(Kind.RUN_OPENED, 1, b"run", b""),
    Entry(Kind.COMPLETED, 1, b"head", b"body"),
    Entry(Kind.COMPLETED, 2, b"", b"x" * 5000),
]


def rows() -> list[Row]:
    return rows_of(ENTRIES, 0, FIRST_LINK)


def test_a_link_is_the_hash_that_the_format_documents() -> None:
    before = b"b" * 32
    text = before + struct.pack("<QQQQq", 5, 4, 1, 4, 4) + b"head" + b"body"
    assert link(before, 5, ENTRIES[2]) == hashlib.sha256(text).digest()
    text = before + struct.pack("<QQQQq", 1, 1, 0, 7, -1) + b"journal"
    assert link(before, 1, ENTRIES[0]) == hashlib.sha256(text).digest()


def test_no_body_and_an_empty_body_differ() -> None:
    assert link(FIRST_LINK, 1, Entry(Kind.FAILED, 1, b"h")) != link(FIRST_LINK, 1, Entry(Kind.FAILED, 1, b"h", b""))


def test_rows_come_back_as_the_records_that_were_appended() -> None:
    for bodies in (True, False):
        records = list(checked(rows(), bodies=bodies, gapless=1))
        assert [(each.kind, each.run, each.head, each.body) for each in records] == [
            (each.kind, each.run, each.head, each.body) for each in ENTRIES
        ]
        assert [each.seq for each in records] == [1, 2, 3, 4]


CHANGES = {
    "seq": lambda r: (9, *r[1:]),
    "kind": lambda r: (r[0], 5, *r[2:]),
    "unknown kind": lambda r: (r[0], 99, *r[2:]),
    "run": lambda r: (*r[:2], 8, *r[3:]),
    "hash": lambda r: (*r[:3], b"z" * 32, *r[4:]),
    "head check": lambda r: (*r[:4], r[4] ^ 1, *r[5:]),
    "head": lambda r: (*r[:5], b"heaD", *r[6:]),
    "head is text": lambda r: (*r[:5], "head", *r[6:]),
    "run is text": lambda r: (*r[:2], "1", *r[3:]),
    "run is negative": lambda r: (*r[:2], -1, *r[3:]),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("bodies", [True, False])
def test_any_change_of_a_record_is_named_whether_or_not_its_body_is_read(change: str, bodies: bool) -> None:
    changed = rows()
    changed[2] = CHANGES[change](changed[2])
    with pytest.raises(JournalCorrupt) as caught:
        list(checked(changed, bodies=bodies, gapless=1))
    assert caught.value.seq == 3


@pytest.mark.parametrize("body", [b"bodY", b"", None, "body"])
def test_a_changed_body_is_named(body: object) -> None:
    changed = rows()
    changed[2] = (*changed[2][:6], body, None)  # type: ignore[assignment]
    with pytest.raises((JournalCorrupt, TypeError)):
        list(checked(changed, bodies=True, gapless=1))


@pytest.mark.parametrize("bodies", [True, False])
def test_a_missing_record_is_named(bodies: bool) -> None:
    with pytest.raises(JournalCorrupt) as caught:
        list(checked(rows()[:1] + rows()[2:], bodies=bodies, gapless=1))
    assert caught.value.seq == 2


def test_a_selection_is_checked_against_the_link_it_carries() -> None:
    whole = rows()
    chosen = [(*whole[1][:7], whole[0][3]), (*whole[3][:7], whole[2][3])]
    assert [each.seq for each in checked(chosen, bodies=True)] == [2, 4]
    with pytest.raises(JournalCorrupt):
        list(checked([(*whole[3][:7], whole[0][3])], bodies=True))
    with pytest.raises(JournalCorrupt, match="missing"):
        list(checked([(*whole[3][:7], None)], bodies=True))


def test_a_record_that_is_chosen_with_its_body_is_known_by_its_link_alone() -> None:
    whole = rows()
    chosen = (*whole[2][:4], whole[2][4] + 1, *whole[2][5:7], whole[1][3])
    assert [each.seq for each in checked([chosen], bodies=True)] == [3]
    for kind in (0, "x"):
        with pytest.raises(JournalCorrupt):
            list(checked([(whole[2][0], kind, *chosen[2:])], bodies=True))  # type: ignore[list-item]


def test_the_head_check_covers_all_but_the_body() -> None:
    assert len({head_check(1, 2, 3, b"h", b"x"), head_check(2, 2, 3, b"h", b"x"), head_check(1, 3, 3, b"h", b"x")}) == 3
    assert len({head_check(1, 2, 4, b"h", b"x"), head_check(1, 2, 3, b"g", b"x"), head_check(1, 2, 3, b"h", b"y")}) == 3
