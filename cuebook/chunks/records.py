"""The records that a run writes about itself. Knows their heads, no file."""

from __future__ import annotations

import os
import platform
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

from cuebook.actors.run import Run, StopKind
from cuebook.chunks.options import Options
from cuebook.persistence.arguments import Block
from cuebook.persistence.fingerprint import ALGORITHM, Fingerprint
from cuebook.persistence.heads import Arguments, Closing, Reuse, Reused, RunClosed, RunOpened, Source
from cuebook.persistence.record import Entry, Kind
from cuebook.persistence.reuse import Claim
from cuebook.persistence.run_parts import PARTS_OF
from cuebook.runtime.codec import pack

__all__ = [
    "argument_entries",
    "closing_entries",
    "iterator_entries",
    "merged",
    "opening_entry",
    "portions",
    "reused_entry",
    "same_arguments_entry",
]

ARGUMENTS_BODY_BYTES_MAX = 8 * 1024 * 1024
PORTION_BYTES_MAX = 16 * 1024 * 1024
RANGES_MAX = 100_000


def opening_entry(
    number: int,
    print_: Fingerprint,
    options: Options,
    total: int | None,
    *,
    inner: dict[str, Any],
    command: str,
) -> Entry:
    """A run begins.

    Args:
        inner: options that nobody has given (see `run_parts`); `parts_of` is an earlier run with the same fingerprint,
            whose record has its parts.
        command: the command line, without secrets.
    """
    settings: dict[str, Any] = {
        "where": options.engine.name,
        "chunk_size": options.chunk_size,
        "batch": options.batch,
        "retries": options.retries,
        "timeout": options.timeout,
        "version": options.version,
        **({"ignore": sorted(options.ignore)} if options.ignore else {}),
        **inner,
    }
    has_parts = PARTS_OF not in inner
    head = RunOpened(
        number=number,
        function=print_.name,
        fingerprint=print_.digest,
        algorithm=ALGORITHM,
        parts=tuple((part.label, part.digest, part.detail) for part in print_.parts) if has_parts else (),
        opaque=print_.opaque if has_parts else (),
        packages=print_.packages if has_parts else (),
        total=total,
        source=Source.ITERATOR if total is None else Source.LIST,
        reuse=Reuse(options.reuse),
        options=settings,
        host=socket.gethostname(),
        pid=os.getpid(),
        python=platform.python_version(),
        started=time.time(),
        command=command[:200],
    )
    return Entry(Kind.RUN_OPENED, number, head.encode())


def argument_entries(number: int, blocks: Sequence[Block], start: int) -> list[Entry]:
    """The arguments of calls from `start` on, in records of at most about 8 MiB."""
    entries: list[Entry] = []
    body: list[list[Any]] = []
    size = count = 0
    form = -1

    def close() -> None:
        nonlocal start, count, size
        if body:
            head = Arguments(start=start, count=count, form=form)
            entries.append(Entry(Kind.ARGUMENTS, number, head.encode(), pack(body)))
            start += count
            body.clear()
        count = size = 0

    for block in blocks:
        if block.form != form or size > ARGUMENTS_BODY_BYTES_MAX:
            close()
            form = block.form
        body.append([block.identity, block.shown])
        size += len(block.identity) + len(block.shown or b"")
        count += block.count
    close()
    return entries


def portions(entries: Sequence[Entry]) -> Iterator[list[list[Any]]]:
    """Records in messages that a mailbox takes: the arguments of a long list are more than one message may hold."""
    rows: list[list[Any]] = []
    size = 0
    for entry in entries:
        if size > PORTION_BYTES_MAX:
            yield rows
            rows, size = [], 0
        rows.append([int(entry.kind), entry.head, entry.body])
        size += len(entry.head) + len(entry.body or b"")
    yield rows


def same_arguments_entry(number: int, count: int, form: int, source_run: int) -> Entry:
    """The first `count` calls have the same arguments as those of an earlier run."""
    head = Arguments(start=0, count=count, form=form, source_run=source_run, source_start=0)
    return Entry(Kind.ARGUMENTS, number, head.encode())


def iterator_entries(
    number: int, start: int, blocks: Sequence[Block], claims: Sequence[tuple[int, int] | None]
) -> list[Entry]:
    """A handful of an iterator's calls, from index `start` on: their arguments, and what they take from earlier runs.

    `claims` has the run and index for each item whose result is reused.
    """
    entries = argument_entries(number, blocks, start)
    taken = [Claim(found[0], found[1], start + place, 1) for place, found in enumerate(claims) if found is not None]
    return [*entries, *reused_entry(number, merged(taken))]


def merged(claims: Sequence[Claim]) -> list[Claim]:
    """Neighbouring claims as one.

    >>> merged([Claim(1, 0, 5, 1), Claim(1, 1, 6, 1), Claim(2, 2, 7, 1)])
    [Claim(source_run=1, source_start=0, start=5, count=2), Claim(source_run=2, source_start=2, start=7, count=1)]
    """
    joined: list[Claim] = []
    for claim in claims:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.source_run == claim.source_run
            and last.source_start + last.count == claim.source_start
            and last.start + last.count == claim.start
        ):
            joined[-1] = Claim(last.source_run, last.source_start, last.start, last.count + claim.count)
        else:
            joined.append(claim)
    return joined


def reused_entry(number: int, claims: Sequence[Claim]) -> list[Entry]:
    """Calls of this run take results of earlier ones."""
    return [
        Entry(
            Kind.REUSED,
            number,
            Reused(
                ranges=tuple((c.source_run, c.source_start, c.start, c.count) for c in claims[at : at + RANGES_MAX])
            ).encode(),
        )
        for at in range(0, len(claims), RANGES_MAX)
    ]


_CLOSINGS = {
    StopKind.FAILED: Closing.FAILED,
    StopKind.INTERRUPTED: Closing.INTERRUPTED,
    StopKind.BROKEN: Closing.FAILED,
}


def closing_entries(run: Run) -> list[Entry]:
    """The run is over."""
    stop = run.stop
    head = RunClosed(
        status=Closing.FINISHED if stop is None else _CLOSINGS[stop.kind],
        at=time.time(),
        done=run.done + run.reused,
        failed=run.failed,
        reused=run.reused,
        reason="" if stop is None else stop.reason,
    )
    return [Entry(Kind.RUN_CLOSED, run.number, head.encode())]
