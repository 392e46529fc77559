"""Ten new calls in a journal of 1,000,000 results of other runs of the same function, each result a record of its own.

Goals: under 60 ms cold (the first run of a process, whose start is not counted), under 20 ms warm, and memory under
50 MB above that of an empty journal. The first process that comes after so many calls takes them into the journal's own
index, which is its own row. `CALLS` says how many results.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.bench_growth import completed, written
from benchmarks.harness import folder, row, title
from cuebook.persistence.history.arguments import encode_blocks
from cuebook.persistence.history.run_writer import argument_entries, closing_entry
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.records.record import Entry, Kind
from cuebook.persistence.records.run_heads import Closing, RunOpened

CALLS = int(os.environ.get("CALLS", "1000000"))
RUNS = 100

PROGRAM = """
import asyncio, json, resource, sys, time
from cuebook import Runtime

def call(number):
    return 2 * number

async def main():
    spent = []
    async with Runtime(sys.argv[1], where="thread", progress_bar=False) as runtime:
        for run in range(4):
            began = time.process_time()
            await runtime.chunk(call, [[10**9 + 10 * run + each] for each in range(10)])
            spent.append(time.process_time() - began)
    print(json.dumps([spent[0], min(spent[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))

if __name__ == "__main__":
    asyncio.run(main())
"""


def main() -> None:
    title(f"bench_large_journal: ten new calls beside {CALLS:,} results in {RUNS} runs: ms of CPU, MB at most")
    row("", "cold", "warm", "memory")
    with folder() as where:
        program = where / "program.py"
        program.write_text(PROGRAM)
        empty = measured(program, where / "empty.cue")
        row("an empty journal", *shown(empty))
        large = filled(where / "large.cue", opened_by(where / "empty.cue"))
        row("this one, calls not known yet", *shown(measured(program, large)))
        row("this one", *shown(measured(program, large)))


def measured(program: Path, path: Path) -> tuple[float, float, float]:
    """The first run of a process, a later one, and the most memory."""
    said = subprocess.run([sys.executable, str(program), str(path)], check=True, capture_output=True, text=True).stdout
    cold, warm, memory = json.loads(said)
    return cold, warm, memory


def shown(figures: tuple[float, float, float]) -> tuple[str, ...]:
    cold, warm, memory = figures
    return f"{cold * 1000:.0f}", f"{warm * 1000:.0f}", f"{memory / 1024:.0f}"


def opened_by(path: Path) -> RunOpened:
    """How a run of the function is opened."""
    with open_reader(path) as reader:
        return RunOpened.decode(next(iter(reader.records(kinds=(Kind.RUN_OPENED,)))).head)


def filled(path: Path, head: RunOpened) -> Path:
    """The journal, with runs that are as that one."""

    def entries() -> Iterator[Entry]:
        each = CALLS // RUNS
        for number in range(1, RUNS + 1):
            yield replace(head, number=number, total=each).entry(number)
            calls = [[number * each + call] for call in range(each)]
            yield from argument_entries(number, encode_blocks(calls), 0)
            yield from (completed(number, index) for index in range(each))
            yield closing_entry(number, Closing.FINISHED, done=each, failed=0, reused=0)

    return written(path, entries())


if __name__ == "__main__":
    main()
