"""States of calls and snapshots of streams, read back: the bytes beside the chain checked against the digest inside it.

Knows no value.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.chain import checked_row
from cuebook.persistence.records.record import Kind, Record
from cuebook.persistence.records.row import Row
from cuebook.persistence.records.run_heads import StateKept
from cuebook.persistence.records.stream_heads import SnapshotKept

__all__ = ["StateSource", "checked_state", "kept_digest"]


class StateSource(Protocol):
    """Anything that states can be read from: a store, or a read-only connection."""

    def state(self, seq: int) -> bytes | None:
        """As `Store.state`."""

    def row(self, seq: int) -> Row | None:
        """As `Store.row`."""


def kept_digest(record: Record) -> bytes | None:
    """The digest of the state that a record tells of; None where it tells of none."""
    if record.kind is Kind.SNAPSHOT:
        return SnapshotKept.decode(record.head).digest
    return StateKept.decode(record.head).digest if record.kind is Kind.STATE else None


def checked_state(store: StateSource, seq: int) -> bytes | None:
    """The bytes of the state that record `seq` tells of; None where they were dropped.

    Raises:
        JournalCorrupt: they are not the bytes that were kept, or record `seq` tells of no state.
    """
    body = store.state(seq)
    if body is None:
        return None
    record = checked_row(store.row(seq), seq)
    digest = kept_digest(record)
    if digest is None:
        raise JournalCorrupt(f"record {seq} tells of no state", seq=seq)
    if hashlib.sha256(body).digest() != digest:
        raise JournalCorrupt(f"the state kept by record {seq} is damaged", seq=seq)
    return body
