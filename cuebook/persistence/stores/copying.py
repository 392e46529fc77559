"""Rows and states copied from one store into another, whatever these are. Knows no chain: a row is copied as it is."""

from __future__ import annotations

from cuebook.persistence.records.row import Row
from cuebook.persistence.stores.port import NewRows, Reading

__all__ = ["copy_rows"]

_BATCH_BYTES = 16 << 20
_BATCH_ROWS = 4096


def copy_rows(reading: Reading, new: NewRows) -> None:
    """Copy all rows, in order, with the states that are there when each row's turn comes.

    Cost: memory of a batch of rows, 16 MiB or one row.
    """
    kept = frozenset(reading.states())
    rows: list[Row] = []
    states: list[tuple[int, bytes]] = []
    size = 0
    for row in reading.scan():
        state = reading.state(row[0]) if row[0] in kept else None
        rows.append(row)
        if state is not None:
            states.append((row[0], state))
        size += len(row[6] or b"") + len(state or b"")
        if size > _BATCH_BYTES or len(rows) >= _BATCH_ROWS:
            new.insert(rows, states)
            rows, states, size = [], [], 0
    if rows:
        new.insert(rows, states)
