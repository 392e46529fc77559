"""What `cuebook exp run --temp` and `--queue`, `exp start`, `kill` and `retry` do."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from cuebook.cli.command import ExitCode, NotThere
from cuebook.cli.experiments.run import one_combination, stages_for
from cuebook.cli.experiments.show import lines_here
from cuebook.errors import ExperimentError
from cuebook.experiments.copies import snapshot
from cuebook.experiments.grids import change_params, finished_as, grid_of
from cuebook.experiments.lines import Lines
from cuebook.experiments.params import Override
from cuebook.experiments.queue import Place, QueueEntry, RunQueue
from cuebook.experiments.queued_run import run_copy
from cuebook.experiments.running import RunReport
from cuebook.experiments.settling import is_running, runner_of
from cuebook.workplace.location import open_workplace

__all__ = ["kill_all", "retry_all", "run_elsewhere", "run_one", "start_queued"]

_LOOK_S, _PATIENCE_S = 0.05, 10.0


def run_elsewhere(command: tuple[str, ...], options: dict[str, Any]) -> int:
    """Run in a copy of the current folder, now or later."""
    root = Path.cwd()
    if options["reset"] or options["force"]:
        raise click.UsageError("a run in a copy begins from scratch anyway: leave out --reset and --force")
    stages = stages_for(root, command, options)
    lines = Lines(open_workplace(root))
    start = str(lines.resolve(options["start"])) if options["start"] else ""
    grid = grid_of(options["overrides"], root) if options["queue"] else one_combination(options["overrides"], root)
    outputs = {output.name for stage in stages for output in stage.outputs}
    queue = RunQueue(lines)
    with lines.workplace.files.in_use():
        files = snapshot(lines.workplace, root, outputs).encode()
        digest = lines.workplace.files.blobs.write(files)
        entry = QueueEntry(
            "",
            str(root),
            command,
            (digest.hex(), len(files)),
            tuple(options["outs"]),
            tuple(options["metrics"]),
            tuple(options["deps"]),
            message=options["message"],
            start=start,
        )
        done = finished_as(lines, root, stages, grid) if options["queue"] and not start else [None] * len(grid)
        for overrides, name in zip(grid, done, strict=True):
            entry = replace(entry, overrides=_texts(overrides))
            if options["queue"]:
                _queue_one(queue, entry, name, options["name"])
    return ExitCode.OK if options["queue"] else _run_now(lines, entry, options["name"])


def _queue_one(queue: RunQueue, entry: QueueEntry, finished: str | None, name: str | None) -> None:
    what = " ".join(entry.overrides)
    if finished is not None:
        click.echo(f"{finished} is finished with the same parameters, code and data: {what or 'not queued'}")
        return
    several = name is not None and queue.find(name) is not None
    added = queue.add(entry, None if several else name)
    click.echo(f"queued {added.name}{f': {what}' if what else ''}")


def _texts(overrides: Sequence[Override]) -> tuple[str, ...]:
    return tuple(f"{file}:{key}={value}" for file, key, value in overrides)


def _run_now(lines: Lines, entry: QueueEntry, name: str | None) -> int:
    """Run in a copy now; its name is that of no other experiment, nor of one that is queued."""
    queue = RunQueue(lines)
    named = queue.add(entry, name)
    queue.remove(named.name)
    return _run_entry(lines, named).exit_code


def start_queued(jobs: int) -> int:
    """Run what waits, so many side by side."""
    lines = lines_here()
    queue = RunQueue(lines)
    for entry in _left_by_others(queue):
        queue.retry(entry, Place.TAKEN)
        click.echo(f"{entry.name} was lost: it waits again")
    return asyncio.run(_Crew(queue, jobs).work())


def _left_by_others(queue: RunQueue) -> list[QueueEntry]:
    """Runs that were taken by somebody who is gone."""
    return [entry for entry in queue.entries(Place.TAKEN) if not queue.is_held(entry.name)]


class _Crew:
    """Processes that run what is queued, one each."""

    def __init__(self, queue: RunQueue, jobs: int) -> None:
        self._queue = queue
        self._jobs = jobs
        self._running: set[asyncio.subprocess.Process] = set()
        self._is_ending = False
        self._failed = 0

    async def work(self) -> int:
        """Until nothing waits; gives the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end)
        await asyncio.gather(*(self._worker() for _ in range(self._jobs)))
        if self._is_ending:
            return ExitCode.INTERRUPTED
        return ExitCode.BAD if self._failed else ExitCode.OK

    async def _worker(self) -> None:
        while not self._is_ending:
            entry = self._queue.take()
            if entry is None:
                return
            click.echo(f"{entry.name} begins")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "cuebook", "exp", "start", "--one", entry.name),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
            self._running.add(process)
            code = await process.wait()
            self._running.discard(process)
            self._say_ended(entry, code)

    def _say_ended(self, entry: QueueEntry, code: int) -> None:
        found = self._queue.find(entry.name)
        if found is not None and found[0] is Place.TAKEN:  # its process was killed before it could say so
            self._queue.end(entry, "lost")
            found = self._queue.find(entry.name)
        outcome = found[1].outcome if found is not None else ""
        if found is not None and self._is_ending and outcome == "interrupted":
            self._queue.retry(found[1], Place.OVER)
        self._failed += outcome != "finished"
        click.echo(f"{entry.name} {outcome} (exit code {code})")

    def _end(self) -> None:
        self._is_ending = True
        for process in self._running:
            process.send_signal(signal.SIGTERM)


def run_one(name: str) -> int:
    """Run one that was taken, to its end."""
    lines = lines_here()
    queue = RunQueue(lines)
    found = queue.find(name)
    if found is None or found[0] is not Place.TAKEN:
        raise NotThere(f"{name} was not taken out of the queue")
    entry = found[1]
    with queue.held(name):
        try:
            report = _run_entry(lines, entry)
        except BaseException:
            queue.end(entry, "failed")
            raise
        queue.end(entry, report.outcome)
    return report.exit_code


def _run_entry(lines: Lines, entry: QueueEntry) -> RunReport:
    def change(root: Path) -> None:
        (overrides,) = grid_of(entry.overrides, root)
        change_params(root, overrides)

    return run_copy(lines.workplace, entry, lambda root: stages_for(root, tuple(entry.command), entry.options), change)


def kill_all(names: tuple[str, ...]) -> None:
    """End experiments that run or wait."""
    lines = lines_here()
    queue = RunQueue(lines)
    for name in names:
        found = queue.find(name)
        if found is not None and found[0] is Place.WAITING and queue.remove(name):
            click.echo(f"{name} waits no more")
            continue
        if name not in lines.names() or not is_running(lines, name):
            raise NotThere(f"{name} neither runs nor waits")
        _kill(lines, name)
        click.echo(f"ended {name}")


def _kill(lines: Lines, name: str) -> None:
    for _ in range(2):  # the second signal ends a program that does not listen
        pid = runner_of(lines, name)
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            if not is_running(lines, name):
                return
            time.sleep(_LOOK_S)
    raise ExperimentError(f"{name} does not end (process {pid})")


def retry_all(names: tuple[str, ...], *, all_failed: bool) -> None:
    """Queue again what did not finish."""
    if bool(names) == all_failed:
        raise click.UsageError("name experiments, or give --failed")
    lines = lines_here()
    queue = RunQueue(lines)
    over = {entry.name: entry for entry in queue.entries(Place.OVER)}
    if missing := [name for name in names if name not in over]:
        raise NotThere(f"{', '.join(missing)}: no queued run that is over has this name")
    chosen = [over[name] for name in names] or [entry for entry in over.values() if entry.outcome != "finished"]
    for entry in chosen:
        if entry.outcome == "finished":
            raise ExperimentError(f"{entry.name} is finished")
        queue.retry(entry, Place.OVER)
        click.echo(f"queued {entry.name} again")
    if not chosen:
        click.echo("nothing has failed")
