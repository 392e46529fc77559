"""States of calls and snapshots of streams, read back: the bytes beside the chain checked against the digest inside it.

Knows no value.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from cuebook.errors import JournalCorrupt
from cuebook.persistence.records.chain import checked_row
from cuebook.persistence.records.families import kept_by
from cuebook.persistence.records.row import Row

__all__ = ["StateSource", "checked_state"]


class StateSource(Protocol):
    """Anything that states can be read from: a store, or a read-only connection."""

    def state(self, seq: int) -> bytes | None:
        """As `Store.state`."""

    def row(self, seq: int) -> Row | None:
        """As `Store.row`."""


def checked_state(store: StateSource, seq: int) -> bytes | None:
    """The bytes of the state that record `seq` tells of; None where they were dropped.

    Raises:
        JournalCorrupt: they are not the bytes that were kept, or record `seq` tells of no state.
    """
    body = store.state(seq)
    if body is None:
        return None
    record = checked_row(store.row(seq), seq)
    told = kept_by(record)
    if told is None:
        raise JournalCorrupt(f"record {seq} tells of no state", seq=seq)
    if hashlib.sha256(body).digest() != told.digest:
        raise JournalCorrupt(f"the state kept by record {seq} is damaged", seq=seq)
    return body
