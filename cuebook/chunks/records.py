"""What a run of the durable map says of itself in its journal: its options and its end. Knows no file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cuebook.actors.runs.progress import StopKind
from cuebook.actors.runs.run import Run
from cuebook.chunks.options import Options
from cuebook.errors import JournalFull
from cuebook.persistence.history import run_writer
from cuebook.persistence.history.replay import JournalState
from cuebook.persistence.history.run_parts import PARTS_OF
from cuebook.persistence.identity.fingerprint import ALGORITHM, Fingerprint
from cuebook.persistence.journal.core import CutShort
from cuebook.persistence.records.record import Entry
from cuebook.persistence.records.run_heads import DISK_FULL, Closing, Reuse

__all__ = ["closing_entries", "endings_of_cut_short", "opening_entry", "portions"]

PORTION_BYTES_MAX = 16 * 1024 * 1024


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
        "retries": options.retry.times,
        "timeout": options.timeout,
        "version": options.version,
        **({"ignore": sorted(options.ignore)} if options.ignore else {}),
        **inner,
    }
    has_parts = PARTS_OF not in inner
    return run_writer.opening_entry(
        number,
        print_.name,
        print_.digest,
        ALGORITHM,
        total=total,
        reuse=Reuse(options.reuse),
        options=settings,
        parts=tuple((part.label, part.digest, part.detail) for part in print_.parts) if has_parts else (),
        opaque=print_.opaque if has_parts else (),
        packages=print_.packages if has_parts else (),
        command=command,
    )


def portions(entries: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    """Records in portions for one transaction each: the arguments of a long list are more than one should hold."""
    portion: list[Entry] = []
    size = 0
    for entry in entries:
        if size > PORTION_BYTES_MAX:
            yield tuple(portion)
            portion, size = [], 0
        portion.append(entry)
        size += len(entry.head) + len(entry.body or b"")
    yield tuple(portion)


_CLOSINGS = {
    StopKind.FAILED: Closing.FAILED,
    StopKind.INTERRUPTED: Closing.INTERRUPTED,
    StopKind.BROKEN: Closing.FAILED,
}


def endings_of_cut_short(history: JournalState, cut_short: CutShort) -> list[Entry]:
    """The last records of runs that could not write theirs, as the journal had no room."""
    left = [
        run
        for run in history.runs.values()
        if run.closed is None and run.number <= cut_short.runs_max and run.is_of(cut_short.holder)
    ]
    return [
        run_writer.closing_entry(
            run.number,
            Closing.FAILED,
            done=run.done.count(),
            failed=len(run.failures),
            reused=run.reused_count,
            reason=cut_short.trouble,
        )
        for run in left
    ]


def closing_entries(run: Run) -> list[Entry]:
    """The run is over."""
    stop = run.stop
    status = Closing.FINISHED if stop is None else _CLOSINGS[stop.kind]
    reason = "" if stop is None else stop.reason
    if stop is not None and isinstance(stop.error, JournalFull):
        reason = DISK_FULL
    done, failed, reused = run.done + run.reused, run.failed, run.reused
    return [run_writer.closing_entry(run.number, status, done=done, failed=failed, reused=reused, reason=reason)]
