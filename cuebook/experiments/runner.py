"""One attempt of an experiment: starts its programs, makes their checkpoints, and says how it ended.

Whoever asks for a checkpoint goes on when it is committed. Knows no workspace's head and no command line.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cuebook.checkpoints.program import RUNNER
from cuebook.errors import CheckpointRefused, CuebookError
from cuebook.experiments.params import flattened, read_params
from cuebook.experiments.process.orphans import end_all
from cuebook.experiments.process.program import OutputLog, Program
from cuebook.experiments.process.signal_file import SignalFile
from cuebook.experiments.process.triggers import TriggerServer
from cuebook.experiments.stages import ProgramStage
from cuebook.experiments.writer import Kept, LineWriter
from cuebook.notices import say
from cuebook.persistence.records.experiment_heads import CheckpointKept
from cuebook.workplace.capture import Capture
from cuebook.workplace.file_store import FileStore
from cuebook.workplace.manifest import Manifest

__all__ = ["Attempt", "AttemptEnding", "ExperimentRunner"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SIGNALS_LEFT = 128


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is to be run.

    Attributes:
        root: the workspace. stages: in order; those of `skipped` are done.
        outputs: names of all outputs. files: where their contents go.
        socket: where triggers are taken. log: path of the log.
        goes_on: whether it goes on from a checkpoint. state: the program's state at that one.
        metrics: files of metrics that `--metrics` names.
    """

    root: Path
    stages: tuple[ProgramStage, ...]
    outputs: tuple[bytes, ...]
    files: FileStore
    socket: str
    log: Path
    goes_on: bool = False
    state: bytes | None = None
    skipped: frozenset[str] = frozenset()
    metrics: tuple[bytes, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttemptEnding:
    """How an attempt ended.

    Attributes:
        outcome: `finished`, `failed`, `killed` or `interrupted`.
        code: exit code of the program; -n where signal n ended it. exit_code: for our own process.
        why: in words, where it is not plain.
    """

    outcome: str
    code: int
    exit_code: int
    why: str = ""


class ExperimentRunner:
    """Runs an attempt, and appends its checkpoints."""

    def __init__(self, attempt: Attempt, writer: LineWriter) -> None:
        self._attempt = attempt
        self._writer = writer
        self._capture = Capture(attempt.root, attempt.files)
        self._turn = asyncio.Lock()
        self._stage = attempt.stages[0]
        self._program: Program | None = None
        self._signal: signal.Signals | None = None
        self._broken = ""
        self._signal_file = SignalFile(attempt.root, self._file_seen)
        self._file_answered: asyncio.Task[None] | None = None
        self._log = OutputLog(attempt.log)
        self._last: Manifest | None = None

    async def run(self) -> AttemptEnding:
        """Run all stages, in order, until one does not end well."""
        server = TriggerServer(self._attempt.socket, self)
        await server.start()
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        try:
            for stage in self._attempt.stages:
                if stage.name not in self._attempt.skipped:
                    ending = await self._run_stage(stage)
                    if ending is not None:
                        return ending
            return AttemptEnding("finished", 0, 0)
        finally:
            server.close()
            async with self._turn:  # a checkpoint that is being made is made
                for number in _SIGNALS:
                    loop.remove_signal_handler(number)
                    signal.signal(number, signal.SIG_IGN)  # what is left to do is short, and has to be done
            self._log.close()

    async def checkpoint(
        self, request: dict[str, Any], state: bytes | None, is_wanted: Callable[[], bool]
    ) -> dict[str, Any]:
        """As `CheckpointPort.checkpoint`."""
        kept = Kept(self._stage.name, request.get("label"), dict(request.get("metrics") or {}), state)
        head = await self._kept(kept, is_wanted)
        return {"number": head.number, "id": head.id}

    async def start_state(self) -> bytes | None:
        """As `CheckpointPort.start_state`."""
        return self._attempt.state

    async def first(self) -> None:
        """Keep what is there before the first attempt."""
        with self._attempt.files.in_use():
            outputs = self._attempt.outputs
            manifest = await asyncio.to_thread(self._capture.take, outputs, optional=outputs)
            await self._writer.keep(manifest, Kept(state=self._attempt.state))
            self._last = manifest

    async def _run_stage(self, stage: ProgramStage) -> AttemptEnding | None:
        """None where it ended well, and there is more to do."""
        self._stage = stage
        if stage.name:
            say(f"stage {stage.name}: {stage.commands[0]}")
        self._signal_file.watch()
        try:
            for command in stage.commands:
                code = await self._run_program(command, stage)
                ending = self._ending(code, is_shell=isinstance(command, str))
                if ending is not None and code == 0 and not self._broken:  # it was asked to end, and did so in order
                    await self._wrapped_up(stage, ends=False)
                if ending is not None:
                    return ending
            return await self._wrapped_up(stage)
        finally:
            self._signal_file.close()

    async def _run_program(self, command: str | tuple[str, ...], stage: ProgramStage) -> int:
        program = Program(command, self._attempt.root / stage.folder, self._environment(), self._log)
        await program.start()
        self._program = program
        if self._signal is not None:  # it came before there was anyone to pass it on to
            program.send(self._signal)
        code = await program.wait()
        self._program = None
        await asyncio.to_thread(end_all, self._attempt.socket)
        await program.drain()
        if self._file_answered is not None:
            await asyncio.wait([self._file_answered])
        return code

    def _ending(self, code: int, *, is_shell: bool) -> AttemptEnding | None:
        if self._broken:
            return AttemptEnding("failed", code, 1, self._broken)
        if self._signal is not None:
            return AttemptEnding("interrupted", code, _SIGNALS_LEFT + self._signal)
        if code == 0:
            return None
        if code < 0 or (is_shell and code > _SIGNALS_LEFT):
            number = -code if code < 0 else code - _SIGNALS_LEFT
            return AttemptEnding("killed", -number, _SIGNALS_LEFT + number, f"by {_signal_name(number)}")
        return AttemptEnding("failed", code, code, f"exit code {code}")

    async def _wrapped_up(self, stage: ProgramStage, *, ends: bool = True) -> AttemptEnding | None:
        """The checkpoint of a stage that ended well, where it has written anything since its last one."""
        try:
            await self._kept(Kept(stage.name, ends=ends), lambda: True)
        except CuebookError as error:
            return AttemptEnding("failed", 0, 1, str(error))
        return None

    async def _kept(self, kept: Kept, is_wanted: Callable[[], bool]) -> CheckpointKept:
        async with self._turn:
            with self._attempt.files.in_use():
                manifest = await asyncio.to_thread(
                    self._capture.take, self._attempt.outputs, optional=self._optional(ends=kept.ends)
                )
                metrics = {**await asyncio.to_thread(self._metrics), **kept.metrics}
                if not is_wanted():
                    raise CheckpointRefused("whoever asked for it no longer waits")
                if kept.ends and manifest == self._last and self._stage is self._attempt.stages[-1]:
                    return self._writer.line.checkpoints[-1][0]
                head = await self._writer.keep(manifest, replace(kept, metrics=metrics))
                self._last = manifest
        named = f" {kept.label!r}" if kept.label else ""
        say(f"checkpoint {head.id} ({head.number}){named}")
        return head

    def _optional(self, *, ends: bool) -> frozenset[bytes]:
        needed = {each.name for each in self._stage.outputs if ends or each.is_required}
        return frozenset(self._attempt.outputs) - needed

    def _metrics(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in (*self._stage.metrics, *self._attempt.metrics):
            path = self._attempt.root / os.fsdecode(name)
            if path.is_file():
                found.update(flattened(read_params(path)))
        return found

    def _file_seen(self) -> None:
        if self._file_answered is None or self._file_answered.done():
            self._file_answered = asyncio.get_running_loop().create_task(self._answer_file())

    async def _answer_file(self) -> None:
        try:
            await self._kept(Kept(self._stage.name), lambda: self._signal is None)
        except CuebookError as error:
            # The file says nothing but "done": a program that cannot be told otherwise must not go on.
            if self._signal is None:
                self._broken = str(error)
                self._stop(signal.SIGTERM)
            return
        self._signal_file.answer()

    def _signalled(self, number: signal.Signals) -> None:
        again = self._signal is not None
        self._signal = self._signal or signal.Signals(number)
        self._stop(signal.SIGKILL if again else signal.Signals(number))

    def _stop(self, number: signal.Signals) -> None:
        if self._program is not None:
            self._program.send(number)

    def _environment(self) -> dict[str, str]:
        env = {**os.environ, "PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED", "1"), **self._attempt.env}
        env |= {RUNNER: self._attempt.socket, "DVC_CHECKPOINT": "1", "DVC_ROOT": str(self._attempt.root)}
        env["CUEBOOK_EXPERIMENT"] = self._writer.line.opened.name
        env.pop("CUEBOOK_RESUME", None)
        if self._attempt.goes_on:
            env["CUEBOOK_RESUME"] = "1"
        return env


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
