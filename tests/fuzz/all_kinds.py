"""Small journals that hold records of all kinds among them, each in its place in a folder, and what reads them."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cuebook
from cuebook import chunk, last_checkpoint, make_checkpoint
from cuebook.api.runtime import Runtime
from cuebook.cli.command import main
from cuebook.experiments import Workspace
from cuebook.persistence.journal import contents
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.recall import calls_part, known_calls
from cuebook.persistence.records.record import Kind
from tests.durable.bank import Balance, Deposit, Remind, Saver, Transfer

READING = ("show", "show --json", "show --failures", "why", "why --json", "export --all", "export --csv --all")
READING += ("verify", "profile --json", "watch", "actors list {}", "actors export {}")
WRITING = ("compact", "compact --drop-events", "recover {} -o {}.new", "backup {} {}.other", "forget --run 1")
OF_STREAMS = ("actors show {} golden", "actors events {} golden", "actors state {} golden", "actors remove {} other")
OF_EXPERIMENTS = ("exp show", "exp show --json", "exp show --csv", "exp list", "exp diff one:2 one:3", "exp logs one")
OF_JOBS = ("job list", "job show steps", "job show steps --json", "dataset list", "lineage loaded", "gc --dry-run")
EVERYWHERE = ("forget --call 1", "show --run 1", "export --run 2")
TRAINING = """
import cuebook
step, total = cuebook.last_checkpoint((0, 0))
while step < 3:
    step, total = step + 1, total + step
    open("o", "w").write(str(total))
    cuebook.make_checkpoint((step, total), label=f"step {step}", metrics={"total": total})
"""


@dataclass(frozen=True)
class Sample:
    """One journal.

    Attributes:
        root: the folder that is the place of work.
        place: of the journal in it.
        commands: that read it, `{}` for its path.
        lock: what stands in the file beside it, which says where it ended; None: there is none.
    """

    root: Path
    place: str
    commands: tuple[str, ...]
    lock: bytes | None = None

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.root / self.place

    def restore(self, data: bytes) -> None:
        """Make it of these bytes, with nothing beside it but its lock."""
        for name in (f"{self.path.name}.new", f"{self.path.name}.other"):
            for end in ("", ".lock", "-wal", "-shm"):
                self.path.with_name(name + end).unlink(missing_ok=True)
        for end in ("-wal", "-shm", "-journal", ".lock", ".part"):
            Path(f"{self.path}{end}").unlink(missing_ok=True)
        self.path.write_bytes(data)
        if self.lock is not None:
            Path(f"{self.path}.lock").write_bytes(self.lock)

    def run(self, command: str) -> int:
        """Its exit code."""
        words = command.split()
        if "{}" in command:
            return main([word.format(self.path) for word in words])
        return main([*words[:1], *([] if words[0] in _OF_THE_PLACE else [str(self.path)]), *words[1:]])

    def main(self, words: list[str]) -> int:
        """The exit code of the command with these words."""
        return main(words)

    def moved(self, root: Path) -> Sample:
        """The same, in a copy of its folder."""
        shutil.copytree(self.root, root, symlinks=True, ignore_dangling_symlinks=True)
        return Sample(root, self.place, self.commands, Path(f"{self.path}.lock").read_bytes())


_OF_THE_PLACE = {"exp", "job", "dataset", "lineage", "gc"}


@contextmanager
def at_work(root: Path) -> Iterator[None]:
    """This folder is the place of work."""
    before, there = Path.cwd(), os.environ.get("CUEBOOK_DIR")
    os.chdir(root)
    os.environ["CUEBOOK_DIR"] = str(root / ".cuebook")
    try:
        yield
    finally:
        os.chdir(before)
        if there is None:
            del os.environ["CUEBOOK_DIR"]
        else:
            os.environ["CUEBOOK_DIR"] = there


@contextmanager
def listed_soon() -> Iterator[None]:
    """Small journals say where records and calls are, as large ones do."""
    bounds = {(contents, "_FIRST_RECORDS"): 24, (calls_part, "BLOCKS_MAX"): 1, (known_calls, "BLOCKS_MAX"): 1}
    before = {(module, name): getattr(module, name) for module, name in bounds}
    try:
        for (module, name), bound in bounds.items():
            setattr(module, name, bound)
        yield
    finally:
        for (module, name), bound in before.items():
            setattr(module, name, bound)


def f(n: int) -> int:
    if n == 3:
        make_checkpoint((n, "half"), label="half", metrics={"n": n})
        raise ValueError(f"no {last_checkpoint(())}")
    return n


@cuebook.step
def ordered(n: int) -> int:
    return n


@cuebook.stage
def loaded(n: int) -> list[int]:
    make_checkpoint(n, metrics={"n": n})
    return [n]


@cuebook.stage
def broken(rows: list[int]) -> int:
    make_checkpoint(rows, label="rows")
    raise ValueError("not to be done")


def samples(folder: Path) -> list[Sample]:
    """A journal of runs, one of streams, one of an experiment, one of a job."""
    root = folder / "here"
    root.mkdir()
    with at_work(root), listed_soon():
        _runs(root / "runs.cue")
        _streams(root / "streams.cue")
        _job()
        (root / "train.py").write_text(TRAINING)
        command = [sys.executable, "train.py"]
        assert Workspace(root).run(command, outs=["o"], name="one").exit_code == 0
        assert main(["exp", "gc", "--last", "2"]) == 0
    (experiment,) = [str(each.relative_to(root)) for each in root.glob(".cuebook/experiments/*/journal")]
    (job,) = [str(each.relative_to(root)) for each in root.glob(".cuebook/jobs/*/job.cuebook")]
    every = READING + WRITING
    found = [
        Sample(root, "runs.cue", every + EVERYWHERE),
        Sample(root, "streams.cue", every + OF_STREAMS),
        Sample(root, experiment, OF_EXPERIMENTS + every),
        Sample(root, job, OF_JOBS + every),
    ]
    missing = set(Kind).difference(*(_kinds(each.path) for each in found))
    assert not missing, missing
    return found


def _runs(path: Path) -> None:
    for count in (4, 5, 5, 6):
        chunk(f, [[n] for n in range(count)], path=path, where="thread", errors="collect", progress_bar=False)
    assert main(["forget", str(path), "--call", "1"]) == 0


def _streams(path: Path) -> None:
    async def live() -> None:
        async with Runtime(path) as runtime:
            account = runtime.entity(Saver, "golden")
            for _ in range(11):
                await account.ask(Deposit(5))
            await account.ask(Remind("later", 1e6, 7))
            await account.ask(Transfer("other", 3))
            await runtime.promise("kept").set(1)
            while await runtime.entity(Saver, "other").ask(Balance()) != 3:
                await asyncio.sleep(0.01)

    asyncio.run(live())
    assert main(["compact", str(path), "--drop-events"]) == 0
    asyncio.run(_one_more(path))
    assert main(["actors", "remove", str(path), "third"]) == 0


async def _one_more(path: Path) -> None:
    async with Runtime(path) as runtime:
        await runtime.entity(Saver, "third").ask(Deposit(5))
        await runtime.entity(Saver, "golden").ask(Deposit(5))


def _job() -> None:
    with cuebook.job("steps"):
        ordered(1)
        rows = loaded(2)
        try:
            broken(rows)
        except ValueError:
            pass


def _kinds(path: Path) -> set[Kind]:
    with open_reader(path) as reader:
        return {record.kind for record in reader.records()}
