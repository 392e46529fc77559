"""Rows of a store, made up: no chain holds them together, and no store asks for one."""

from __future__ import annotations

from typing import Any

from cuebook.persistence.records.row import Row
from cuebook.persistence.stores.port import Store


def row(seq: int, kind: int = 4, run_number: int = 1, body: bytes | None = b"body") -> Row:
    return (seq, kind, run_number, b"%032d" % seq, seq * 7, b"head", body, None)


def read(store: Store, **query: Any) -> list[tuple[int, bytes | None]]:
    """Number and body of the rows that a scan gives."""
    with store.reading() as reading:
        return [(found[0], found[6]) for found in reading.scan(**query)]
