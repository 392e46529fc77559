"""A Checkpoint that a program made itself, written as a run of its own.

Knows no function: nothing of such a run is ever reused for a call.
"""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import sys
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from cuebook.chunks.records import argument_entries
from cuebook.persistence.arguments import encode_blocks
from cuebook.persistence.blobs import BlobStore
from cuebook.persistence.digest import blake16
from cuebook.persistence.heads import Closing, Completed, Reuse, RunClosed, RunOpened, Source
from cuebook.persistence.journal import JournalFile
from cuebook.persistence.new_journal import say_if_not_private
from cuebook.persistence.record import Entry, Kind
from cuebook.persistence.trust_option import trust_of
from cuebook.persistence.values import ValueEncoder

__all__ = ["INDEX_OPTION", "Progress", "save_run"]

INDEX_OPTION = "index"
_ALGORITHM = 0
"""Number of no identity rules: so no function is ever the one that made these results."""


class Progress(Protocol):
    """What is written."""

    func_name: str
    parameters: list[Any]
    output: list[Any]
    completed: list[bool]
    index: int


def save_run(path: str, progress: Progress) -> None:
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


async def _append(path: str, progress: Progress) -> None:
    file = await JournalFile.open(path)
    try:
        say_if_not_private(file, trust_of(None))
        number = file.next_run()
        entries = [_opening(number, progress), *_arguments(number, progress)]
        entries += _completed(number, progress, BlobStore(str(file.blobs_folder)))
        entries.append(_closing(number, progress))
        await file.append(entries)
    finally:
        await file.close()


def _opening(number: int, progress: Progress) -> Entry:
    head = RunOpened(
        number=number,
        function=progress.func_name,
        fingerprint=blake16(progress.func_name.encode("utf-8", "surrogatepass")),
        algorithm=_ALGORITHM,
        parts=(),
        opaque=(),
        packages=(),
        total=len(progress.parameters),
        source=Source.LIST,
        reuse=Reuse.RUN,
        options={INDEX_OPTION: progress.index},
        host=socket.gethostname(),
        pid=os.getpid(),
        python=platform.python_version(),
        started=time.time(),
        command=" ".join(sys.argv)[:200],
    )
    return Entry(Kind.RUN_OPENED, number, head.encode())


def _arguments(number: int, progress: Progress) -> list[Entry]:
    return argument_entries(number, encode_blocks([list(item) for item in progress.parameters]), 0)


def _completed(number: int, progress: Progress, blobs: BlobStore) -> list[Entry]:
    encoder = ValueEncoder(blobs=blobs)
    now = time.time()
    nothing = array("f", [0.0]).tobytes()
    entries = []
    for index, is_done in enumerate(progress.completed):
        if is_done:
            value = encoder.encode(progress.output[index])
            lengths = len(value).to_bytes(4, "little")
            head = Completed(index, None, 1, now, nothing, nothing, lengths)
            entries.append(Entry(Kind.COMPLETED, number, head.encode(), value))
    return entries


def _closing(number: int, progress: Progress) -> Entry:
    done = sum(map(bool, progress.completed))
    status = Closing.FINISHED if done == len(progress.parameters) else Closing.INTERRUPTED
    head = RunClosed(status=status, at=time.time(), done=done, failed=0, reused=0)
    return Entry(Kind.RUN_CLOSED, number, head.encode())
