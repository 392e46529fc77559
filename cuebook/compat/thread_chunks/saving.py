"""A Checkpoint that a program made itself, written as a run of its own.

Knows no function: nothing of such a run is ever reused for a call.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from cuebook.persistence.blobs.port import Blobs
from cuebook.persistence.history.arguments import encode_blocks
from cuebook.persistence.history.run_writer import argument_entries, closing_entry, opening_entry
from cuebook.persistence.identity.digest import blake16
from cuebook.persistence.journal.new_journal import say_if_not_private
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.bodies import completed_record
from cuebook.persistence.records.record import Entry
from cuebook.persistence.records.run_heads import Closing, Reuse
from cuebook.persistence.trust.option import trust_of
from cuebook.persistence.values import ValueEncoder

__all__ = ["INDEX_OPTION", "SavedProgress", "save_run"]

INDEX_OPTION = "index"
_ALGORITHM = 0
"""Number of no identity rules: so no function is ever the one that made these results."""


class SavedProgress(Protocol):
    """What is written."""

    func_name: str
    parameters: list[Any]
    output: list[Any]
    completed: list[bool]
    index: int


def save_run(path: str, progress: SavedProgress) -> None:
    """Append a run with this progress to the journal at `path`, in one transaction.

    Raises:
        JournalError: it cannot be written; nothing of it is there then.
        ValueNotKept: a result cannot be kept.
        ValueError: its lists are not of one length; nothing is written.
    """
    lengths = [len(progress.parameters), len(progress.output), len(progress.completed)]
    if len(set(lengths)) > 1:
        raise ValueError(
            "parameters, output and completed have one item for each call, and these have "
            f"{lengths[0]}, {lengths[1]} and {lengths[2]}"
        )
    with ThreadPoolExecutor(1) as thread:  # a loop may be running here
        thread.submit(asyncio.run, _append(path, progress)).result()


async def _append(path: str, progress: SavedProgress) -> None:
    file = await JournalWriter.open(path)
    try:
        say_if_not_private(file, trust_of(None))
        number = file.next_run()
        entries = [
            _opening(number, progress),
            *argument_entries(number, encode_blocks([list(item) for item in progress.parameters]), 0),
        ]
        entries += _completed(number, progress, file.blobs())
        entries.append(_closing(number, progress))
        await file.append(entries)
    finally:
        await file.close()


def _opening(number: int, progress: SavedProgress) -> Entry:
    fingerprint = blake16(progress.func_name.encode("utf-8", "surrogatepass"))
    return opening_entry(
        number,
        progress.func_name,
        fingerprint,
        _ALGORITHM,
        total=len(progress.parameters),
        reuse=Reuse.RUN,
        options={INDEX_OPTION: progress.index},
    )


def _completed(number: int, progress: SavedProgress, blobs: Blobs) -> list[Entry]:
    encoder = ValueEncoder(blobs=blobs)
    entries = []
    for index, is_done in enumerate(progress.completed):
        if is_done:
            now, value = [time.monotonic()], encoder.encode(progress.output[index])
            head, body = completed_record([index], now, now, [value], is_range=True)
            entries.append(head.entry(number, body))
    return entries


def _closing(number: int, progress: SavedProgress) -> Entry:
    done = sum(map(bool, progress.completed))
    status = Closing.FINISHED if done == len(progress.parameters) else Closing.INTERRUPTED
    return closing_entry(number, status, done=done, failed=0, reused=0)
