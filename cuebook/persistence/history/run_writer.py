"""The records that a run writes about itself, one function for each kind. Knows no file and no option.

What a worker has encoded is taken as it is.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from cuebook.persistence.history.arguments import Block
from cuebook.persistence.history.reuse import Claim
from cuebook.persistence.records.bodies import arguments_body, failed_body, metrics_body
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import (
    Arguments,
    Closing,
    Failed,
    Reason,
    Reuse,
    Reused,
    RunClosed,
    RunOpened,
    Source,
    StateKept,
)

__all__ = [
    "argument_entries",
    "closing_entry",
    "completed_entry",
    "failed_entry",
    "iterator_entries",
    "merged",
    "opening_entry",
    "reused_entries",
    "same_arguments_entry",
    "state_entry",
]

ARGUMENTS_BODY_BYTES_MAX = 8 * 1024 * 1024
RANGES_MAX = 100_000
COMMAND_MAX = 200


def opening_entry(
    number: int,
    function: str,
    fingerprint: bytes,
    algorithm: int,
    *,
    total: int | None,
    reuse: Reuse,
    options: Mapping[str, Any],
    parts: tuple[tuple[str, str, str], ...] = (),
    opaque: tuple[str, ...] = (),
    packages: tuple[tuple[str, str], ...] = (),
    command: str | None = None,
) -> Entry:
    """A run begins, here and now. The parameters: as in `RunOpened`; no `command` is this program's."""
    head = RunOpened(
        number=number,
        function=function,
        fingerprint=fingerprint,
        algorithm=algorithm,
        parts=parts,
        opaque=opaque,
        packages=packages,
        total=total,
        source=Source.ITERATOR if total is None else Source.LIST,
        reuse=reuse,
        options=dict(options),
        host=socket.gethostname(),
        pid=os.getpid(),
        python=platform.python_version(),
        started=time.time(),
        command=(" ".join(sys.argv) if command is None else command)[:COMMAND_MAX],
    )
    return head.entry(number)


def argument_entries(number: int, blocks: Sequence[Block], start: int) -> list[Entry]:
    """The arguments of calls from `start` on, in records of at most about 8 MiB."""
    entries: list[Entry] = []
    body: list[tuple[bytes, bytes | None]] = []
    size = count = 0
    form = -1

    def close() -> None:
        nonlocal start, count, size
        if body:
            head = Arguments(start=start, count=count, form=form)
            entries.append(head.entry(number, arguments_body(body)))
            start += count
            body.clear()
        count = size = 0

    for block in blocks:
        if block.form != form or size > ARGUMENTS_BODY_BYTES_MAX:
            close()
            form = block.form
        body.append((block.identity, block.shown))
        size += len(block.identity) + len(block.shown or b"")
        count += block.count
    close()
    return entries


def same_arguments_entry(number: int, count: int, form: int, source_run: int) -> Entry:
    """The first `count` calls have the same arguments as those of an earlier run."""
    head = Arguments(start=0, count=count, form=form, source_run=source_run, source_start=0)
    return head.entry(number)


def iterator_entries(
    number: int, start: int, blocks: Sequence[Block], claims: Sequence[tuple[int, int] | None]
) -> list[Entry]:
    """A handful of an iterator's calls, from index `start` on: their arguments, and what they take from earlier runs.

    `claims` has the run and index for each item whose result is reused.
    """
    entries = argument_entries(number, blocks, start)
    taken = [Claim(found[0], found[1], start + place, 1) for place, found in enumerate(claims) if found is not None]
    return [*entries, *reused_entries(number, merged(taken))]


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


def reused_entries(number: int, claims: Sequence[Claim]) -> list[Entry]:
    """Calls of this run take results of earlier ones."""
    ranges = [(claim.source_run, claim.source_start, claim.start, claim.count) for claim in claims]
    return [
        Reused(ranges=tuple(ranges[at : at + RANGES_MAX])).entry(number) for at in range(0, len(ranges), RANGES_MAX)
    ]


def completed_entry(number: int, head: bytes, body: bytes) -> Entry:
    """Results of run `number`, as the worker encoded them: they are passed on unopened."""
    return Entry(Kind.COMPLETED, number, head, body)


def failed_entry(
    number: int,
    index: int,
    *,
    attempts: int,
    started: float,
    seconds: float,
    reason: Reason,
    error: tuple[str, str, str],
    exception: bytes | None,
) -> Entry:
    """A call of run `number` has failed for good.

    Parameters:
        attempts, started, seconds: how often it was tried; when the last attempt began (seconds since the epoch), and
            how long it took.
        error: name of the exception's class, its message, and the traceback's text.
        exception: the encoded exception, where it survived the way.
    """
    error_type, error_text, traceback_text = error
    head = Failed(index, attempts, started, seconds, reason, error_type, error_text)
    return head.entry(number, failed_body(traceback_text, exception))


def state_entry(
    number: int,
    index: int,
    state: bytes,
    *,
    state_number: int,
    label: str | None,
    call_key: bytes,
    metrics: Mapping[str, Any],
) -> Entry:
    """A call of run `number` keeps a state: the record of bytes that lie beside the chain, and of plain metrics."""
    head = StateKept(
        index=index,
        number=state_number,
        label=label,
        digest=sha256(state).digest(),
        length=len(state),
        call_key=call_key,
        at=time.time(),
    )
    return head.entry(number, metrics_body(metrics))


def closing_entry(number: int, status: Closing, *, done: int, failed: int, reused: int, reason: str = "") -> Entry:
    """Run `number` is over. The numbers are of its calls; `done` counts the reused ones."""
    return RunClosed(status, time.time(), done, failed, reused, reason).entry(number)
