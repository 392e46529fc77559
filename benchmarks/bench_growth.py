"""What grows with what a journal holds, and with what a program does: each cost at N, per thing, for growing N.

A figure that stays as N grows by tens is a linear cost; one that grows with N is a quadratic one. `SWEEP_MAX` (default
100,000; the judged sweep is 1,000,000) says how far to go. Each row stops where one more step would take over a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cuebook
from benchmarks import growth_in_actors
from benchmarks.harness import folder, row, title
from cuebook import Actor, Checkpoint, Message, Runtime, message
from cuebook.cli.command import main as main_command
from cuebook.persistence.history.arguments import encode_blocks
from cuebook.persistence.history.replay import state_of
from cuebook.persistence.history.run_writer import argument_entries, closing_entry
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.bodies import completed_record, failed_body
from cuebook.persistence.records.record import Entry
from cuebook.persistence.records.run_heads import (
    Closing,
    Failed,
    Reason,
    Reuse,
    Reused,
    RunOpened,
    Source,
    StateKept,
)
from cuebook.persistence.records.stream_heads import Duties, Events, StreamOpened

MAX = int(os.environ.get("SWEEP_MAX", "100000"))
STEPS = [step for step in (1_000, 10_000, 100_000, 1_000_000) if step <= MAX]
ROW_S = 60.0


def main() -> None:
    title("bench_growth: us for each one, of so many (linear where it stays)")
    row("", *(f"{step:,}" for step in STEPS))
    for name, measure in {**MEASURES, **growth_in_actors.MEASURES}.items():
        figures: list[str] = []
        for step in STEPS:
            with folder() as where:
                seconds = measure(where, step)
            figures.append(f"{seconds / step * 1e6:.1f}")
            if seconds * 10 > ROW_S:
                break
        row(name, *figures)


def opened(number: int, total: int | None) -> Entry:
    head = RunOpened(
        number, "f", b"f" * 16, 2, (), (), (), total, Source.LIST, Reuse.CALLS, {}, "host", 1, "3.11", 1.0, "f.py"
    )
    return head.entry(number)


def written(path: Path, entries: Iterator[Entry]) -> Path:
    async def write() -> None:
        async with await JournalWriter.open(path) as journal:
            batch: list[Entry] = []
            for entry in entries:
                batch.append(entry)
                if len(batch) == 4096:
                    await journal.append(batch)
                    batch = []
            await journal.append(batch)

    asyncio.run(write())
    return path


def completed(number: int, index: int) -> Entry:
    head, body = completed_record([index], [0.0], [0.001], [b"\x01"], is_range=True)
    return head.entry(number, body)


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def folded(path: Path) -> float:
    with open_reader(path) as reader:
        return seconds_of(lambda: state_of(reader))


def calls_read(where: Path, count: int) -> float:
    """Records of one result each, read."""

    def entries() -> Iterator[Entry]:
        yield opened(1, count)
        yield from argument_entries(1, encode_blocks([[n] for n in range(count)]), 0)
        yield from (completed(1, n) for n in range(count))

    return folded(written(where / "x.cue", entries()))


def runs_read(where: Path, count: int) -> float:
    """Runs of one call each, each of which took its result from the one before, read."""

    def entries() -> Iterator[Entry]:
        for number in range(1, count + 1):
            yield opened(number, 1)
            yield from argument_entries(number, encode_blocks([[1]]), 0)
            yield completed(1, 0) if number == 1 else Reused(((number - 1, 0, 0, 1),)).entry(number)
            yield closing_entry(number, Closing.FINISHED, done=1, failed=0, reused=0)

    return folded(written(where / "x.cue", entries()))


def failures_read(where: Path, count: int) -> float:
    """Failures, half of which were mended later, read."""

    def entries() -> Iterator[Entry]:
        yield opened(1, count)
        for index in range(count):
            head = Failed(index, 1, 1.0, 0.1, Reason.RAISED, "ValueError", "no")
            yield head.entry(1, failed_body("Traceback", None))
        yield from (completed(1, index) for index in range(0, count, 2))

    return folded(written(where / "x.cue", entries()))


def checkpoints_read(where: Path, count: int) -> float:
    """Checkpoints of a thousand calls in turn, read."""

    def entries() -> Iterator[Entry]:
        yield opened(1, 1000)
        for number in range(count):
            head = StateKept(number % 1000, number // 1000 + 1, None, b"d" * 32, 1, b"k" * 16, 1.0)
            yield head.entry(1)

    return folded(written(where / "x.cue", entries()))


def labels_read(where: Path, count: int) -> float:
    """Checkpoints of one call, each with a label of its own, read."""

    def entries() -> Iterator[Entry]:
        yield opened(1, 1)
        for number in range(count):
            yield StateKept(0, number + 1, f"label {number}", b"d" * 32, 1, b"k" * 16, 1.0).entry(1)

    return folded(written(where / "x.cue", entries()))


def streams_read(where: Path, count: int) -> float:
    """Durable actors of one event and one reminder each, read."""

    def entries() -> Iterator[Entry]:
        for number in range(1, count + 1):
            yield StreamOpened("Account", str(number), "module:Account", 1.0).entry(-number)
            yield Events(1, 1, b"w" * 16, ("Added",), None, 1.0).entry(-number, b"\x01")
            yield Duties((("key", 1e12, b"frame", None),)).entry(-number)

    return folded(written(where / "x.cue", entries()))


def steps_read(where: Path, count: int) -> float:
    """Steps of one job, done before, taken over."""

    def work() -> None:
        with cuebook.job("steps"):
            for number in range(count):
                stepped(number)

    before = os.environ.get("CUEBOOK_DIR")
    os.environ["CUEBOOK_DIR"] = str(where / ".cuebook")
    try:
        work()
        return seconds_of(work)
    finally:
        os.environ.pop("CUEBOOK_DIR")
        if before is not None:
            os.environ["CUEBOOK_DIR"] = before


@cuebook.step
def stepped(number: int) -> int:
    return number


def small(number: int) -> int:
    return number


def broken(number: int) -> int:
    raise ValueError(number)


def twice(number: int) -> int:
    call = cuebook.current_call()
    if call is not None and call.attempt == 1:
        raise ValueError(number)
    return number


def failures_made(where: Path, count: int) -> float:
    """Calls that fail, each kept with its traceback."""
    return _made(where, broken, count, errors="collect")


def retries_made(where: Path, count: int) -> float:
    """Calls that fail once and are tried again."""
    return _made(where, twice, count, retries=1, backoff=0)


def failures_shown(where: Path, count: int) -> float:
    """`cuebook show --failures` of so many."""
    failures_made(where, count)
    return _asked(where, "show", "--failures")


def runs_shown(where: Path, count: int) -> float:
    """`cuebook show` of so many runs."""
    runs_read(where, count)
    return _asked(where, "show")


def last_run_explained(where: Path, count: int) -> float:
    """`cuebook why` of the last of so many runs."""
    runs_read(where, count)
    return _asked(where, "why")


def _asked(where: Path, command: str, *options: str) -> float:
    """Seconds of a command of its own."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        return seconds_of(lambda: main_command([command, str(where / "x.cue"), *options]))


def _made(where: Path, func: Callable[[int], int], count: int, **options: Any) -> float:
    async def run() -> float:
        async with Runtime(where / "x.cue", workers=2, batch=64, progress_bar=False) as runtime:
            await runtime.chunk(small, [[-1], [-2]])
            began = time.perf_counter()
            await runtime.chunk(func, [[n] for n in range(count)], **options)
            return time.perf_counter() - began

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        return asyncio.run(run())


def calls_made(where: Path, count: int) -> float:
    """Calls in worker processes, made and kept."""
    return _made(where, small, count)


def calls_resumed_from_an_iterator(where: Path, count: int) -> float:
    """The same from a generator, all of them done before."""

    async def run() -> float:
        async with Runtime(where / "x.cue", workers=2, batch=64, progress_bar=False) as runtime:
            await runtime.chunk(small, [[n] for n in range(count)])
        async with Runtime(where / "x.cue", workers=2, progress_bar=False) as runtime:
            began = time.perf_counter()
            await runtime.chunk(small, ([n] for n in range(count)))
            return time.perf_counter() - began

    return asyncio.run(run())


def noisy(lines: int) -> int:
    for number in range(lines):
        print(number)
    return lines


def lines_of_output(where: Path, count: int) -> float:
    """Lines that a call prints, to its program's output."""
    return _printing(noisy, count)


def output_without_a_newline(where: Path, count: int) -> float:
    """Characters of one line without an end."""
    return _printing(endless, count)


def _printing(func: Callable[[int], int], count: int) -> float:
    """Seconds of one call that prints so much, on a worker that is there."""

    async def run() -> float:
        async with Runtime(workers=1, progress_bar=False) as runtime:
            await runtime.chunk(small, [[1]])
            began = time.perf_counter()
            await runtime.chunk(func, [[count]])
            return time.perf_counter() - began

    before, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115 - closed below
    try:
        return asyncio.run(run())
    finally:
        sys.stdout.close()
        sys.stdout = before


def endless(length: int) -> int:
    for _ in range(length // 100):
        print("x" * 100, end="")
    return length


@message
class Start(Message[int]):
    """So many children."""

    count: int


class Family(Actor):
    """Starts children."""

    def on_start_children(self, start: Start) -> int:
        for _ in range(start.count):
            self.context.spawn(Actor)
        return start.count


def children_started(where: Path, count: int) -> float:
    """Children of one actor, started and ended."""

    async def run() -> float:
        began = time.perf_counter()
        async with Runtime(progress_bar=False) as runtime:
            family = await runtime.spawn(Family)
            await family.ask(Start(min(count, 100_000)), timeout=600)
        return (time.perf_counter() - began) * max(1.0, count / 100_000)

    return asyncio.run(run())


def loaded(where: Path, count: int) -> float:
    """`Checkpoint.load` and its output, of so many results."""

    async def run() -> None:
        async with Runtime(where / "x.cue", workers=2, batch=64, progress_bar=False) as runtime:
            await runtime.chunk(small, [[n] for n in range(count)])

    asyncio.run(run())
    return seconds_of(lambda: len(Checkpoint.load(where / "x.cue").output))


MEASURES: dict[str, Callable[[Path, int], float]] = {
    "calls, read": calls_read,
    "runs that refer to one another, read": runs_read,
    "failures, read": failures_read,
    "checkpoints, read": checkpoints_read,
    "checkpoints of one call with labels, read": labels_read,
    "durable actors, read": streams_read,
    "runs, by `cuebook show`": runs_shown,
    "runs, by `cuebook why` of the last": last_run_explained,
    "failures, made and kept": failures_made,
    "failures, by `cuebook show --failures`": failures_shown,
    "retries": retries_made,
    "steps of a job, taken over": steps_read,
    "calls, made and kept": calls_made,
    "calls, resumed from a generator": calls_resumed_from_an_iterator,
    "results, loaded": loaded,
    "lines of output": lines_of_output,
    "characters of one line": output_without_a_newline,
    "children of one actor": children_started,
}
"""By name: the seconds that so many took."""


if __name__ == "__main__":
    main()
