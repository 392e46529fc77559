"""Backup: a copy of a journal that may be in use, with its blobs; also into another kind of store.

Knows no record, and not what either of them lies in.
"""

from __future__ import annotations

import os

from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.rewriting import note_end
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.stores.port import Medium
from cuebook.persistence.values.blob_references import copy_blobs

__all__ = ["backup"]


def backup(place: str | os.PathLike[str] | Medium, new: str | os.PathLike[str] | Medium) -> int:
    """Copy a journal, as it is committed now, to `new`; gives the number of records in the copy.

    The writer goes on meanwhile. The copy has the same journal id, and is on disk when this returns.

    Raises:
        JournalError: there is no journal, there is something at `new`, or it cannot be written. JournalCorrupt: the
            journal is damaged. JournalNotTrusted: a file of either of them, or a blob, is a link, no plain file, or
            somebody else's.
    Cost: reads the journal and its blobs once and writes them once.
    """
    target = medium_of(new)
    target.check_free()
    target.prepare()
    with open_reader(place) as reader:
        blobs = reader.blobs()
        blobs.check_plain()
        with target.creating() as rows:
            reader.copy_into(rows)
            # Blobs are written before the records that refer to them: those of the copy are all there by now.
            copy_blobs(blobs, target.blobs())
    with open_reader(target, check_end=False) as copied:
        last = copied.record(copied.last_seq)
        note_end(target, copied.journal_id, last.seq, last.hash)
    return last.seq
