"""The job that each peer does, how it is told of it, and how it answers. Needs nothing but the standard library.

A peer is a script: its environment is named in it (PEP 723), it is started with the job as JSON, and its last line is a
JSON object with what it measured. What is timed is the calls alone: imports, servers and workers are there before.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

RUN, RESUME = "run", "resume"


def square(x: int) -> int:
    """The call: so short that only what surrounds it is measured."""
    return x * x + 1


def nap(_: int) -> None:
    """A call that keeps a worker busy until each of the others has one too."""
    time.sleep(0.3)


@dataclass
class Job:
    """So many calls on so many workers, kept in a folder, and then taken from there by a second process.

    Attributes:
        calls, workers: how many.
        folder: where results are kept; the same in both phases.
        phase: "run", or "resume": all calls were made by an earlier process.
        launched: when the process was started, seconds since the epoch.
    """

    calls: int
    workers: int
    folder: Path
    phase: str
    launched: float
    seconds: float | None = field(default=None, init=False)
    start_s: float = field(default=0.0, init=False)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Around the calls alone."""
        self.start_s = time.time() - self.launched
        begin = time.perf_counter()
        yield
        self.seconds = time.perf_counter() - begin

    def answer(self, results: Sequence[int], packages: Sequence[str]) -> None:
        """Print what was measured; results that are wrong are no answer."""
        if list(results) != [square(x) for x in range(self.calls)]:
            raise SystemExit(f"wrong results: {list(results)[:5]} ...")
        versions = {name: version(name) for name in packages}
        print(json.dumps({"seconds": self.seconds, "start_s": self.start_s, "versions": versions}), flush=True)


def main(run: Callable[[Job], Sequence[int]], *packages: str) -> None:
    """What a peer's script does: the job of the command line."""
    told = json.loads(sys.argv[1])
    job = Job(told["calls"], told["workers"], Path(told["folder"]), told["phase"], told["launched"])
    job.answer(run(job), packages)
