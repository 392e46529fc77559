"""Which file a `path=` of thread-chunks means, and what is said where an old pickle lies there.

Knows nothing of what is in a journal.
"""

from __future__ import annotations

import os
from pathlib import Path

from cuebook.errors import JournalCorrupt
from cuebook.persistence.journal.writer import JournalWriter

__all__ = ["checkpoint_path", "explained"]

_PROTOCOL_MIN, _PROTOCOL_MAX = 2, 5
_LOOK_BYTES = 4096


def checkpoint_path(path: str | os.PathLike[str]) -> str:
    """The path of the file: one without an extension gets `_Checkpoint.pkl`.

    >>> checkpoint_path("sums"), checkpoint_path("out/sums_"), checkpoint_path("sums.pkl")
    ('sums_Checkpoint.pkl', 'out/sums_Checkpoint.pkl', 'sums.pkl')
    """
    text = os.fspath(path)
    stem, extension = os.path.splitext(text)  # noqa: PTH122 - the text as given, not a tidied path
    if extension:
        return text
    name = os.path.basename(stem)
    return f"{text}{'' if not name or name.endswith('_') else '_'}Checkpoint.pkl"


def explained(error: JournalCorrupt, path: str) -> JournalCorrupt:
    """The error to raise where the file at `path` is no journal: an old pickle is called by its name.

    The file is looked at, never unpickled, and not at all while this process has it open as a journal.
    """
    if JournalWriter.is_open_here(path):
        return error
    try:
        with Path(path).open("rb") as file:
            start = file.read(_LOOK_BYTES)
    except OSError:
        return error
    if len(start) < 2 or start[0] != 0x80 or not _PROTOCOL_MIN <= start[1] <= _PROTOCOL_MAX:
        return error
    what = "a checkpoint of thread-chunks (a pickle)" if b"thread_chunks" in start else "a pickle"
    return JournalCorrupt(
        f"{path} is {what}, not a cuebook journal. It was neither opened, as a pickle can execute code, nor changed. "
        "Give another path=, or move it away and run again; its results are read with the Checkpoint.load of "
        "thread-chunks itself"
    )
