"""Which kinds of records there are: of runs, streams, experiments, jobs, contents; and what the journal asks of each.

Whoever adds a kind writes its head (in a module named here), and its fold in `history`. Knows no store and no fold.
"""

from __future__ import annotations

from collections.abc import Iterable

from cuebook.persistence.records import contents_heads, experiment_heads, job_heads, run_heads, stream_heads
from cuebook.persistence.records.head import HEADS, Head, Keep, Owner
from cuebook.persistence.records.record import Entry, Record

__all__ = ["KEEPING", "dropped_by", "kept_by"]

_FAMILIES = (run_heads, stream_heads, experiment_heads, job_heads, contents_heads)

KEEPING = frozenset(kind for kind, head in HEADS.items() if head.keeps is not Head.keeps)
"""The kinds that tell of a state beside the chain."""
_DROPPING = frozenset(kind for kind, head in HEADS.items() if head.drops is not Head.drops)


def kept_by(record: Entry | Record) -> Keep | None:
    """The state that a record tells of; None where it tells of none.

    Raises:
        JournalCorrupt: its head does not decode.
    """
    return HEADS[record.kind].decode(record.head).keeps(record.run) if record.kind in KEEPING else None


def dropped_by(record: Entry | Record) -> Iterable[Owner]:
    """Whose states nobody can ask for any more, now that this record is there.

    Raises:
        JournalCorrupt: its head does not decode.
    """
    return HEADS[record.kind].decode(record.head).drops(record.run) if record.kind in _DROPPING else ()
