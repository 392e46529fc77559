"""`exp run` in one workspace: settle what was left, decide, prepare, run, and leave the workspace as it is to be.

Knows no command line. One process runs in a workspace at a time; the others are told who.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cuebook.errors import CuebookError, ExperimentError, WorkplaceBusy
from cuebook.experiments.deciding import Decision, What, Wish, decide
from cuebook.experiments.heads import WorkspaceHead, note_of_this_process
from cuebook.experiments.inputs import Inputs, git_state, inputs_of, written_since
from cuebook.experiments.lines import Lines, Ref, checked_experiment_name
from cuebook.experiments.process.guardian import PATIENCE_S, Guardian
from cuebook.experiments.process.triggers import TriggerSocket
from cuebook.experiments.runner import Attempt, AttemptEnding, ExperimentRunner
from cuebook.experiments.settling import bring_back, note_runner, settle_lost
from cuebook.experiments.stages import ProgramStage
from cuebook.experiments.writer import LineWriter, taken_text
from cuebook.notices import say
from cuebook.persistence.records.experiment_heads import AttemptBegun, ExperimentOpened
from cuebook.workplace.location import Workplace
from cuebook.workplace.manifest import Manifest, shown
from cuebook.workplace.restore import Restored

__all__ = ["RunReport", "RunRequest", "run_experiment"]

_RESTORING = "a guardian"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What is to be run, and how.

    Attributes:
        root: the workspace. stages: in order.
        wish: from scratch, from where. name: of a new experiment; None for one that is made up. message: kept with it.
        metrics: files of metrics beside those of the stages.
        shown_root: the workspace that the experiment is shown in, where it runs in a copy of it.
    """

    root: Path
    stages: tuple[ProgramStage, ...]
    wish: Wish = field(default_factory=Wish)
    name: str | None = None
    message: str = ""
    metrics: tuple[bytes, ...] = ()
    shown_root: Path | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What became of it.

    Attributes:
        ref: the checkpoint that the workspace has now. exit_code: for our own process.
        outcome: as `AttemptEnding.outcome`, or `finished` where there was nothing to do.
    """

    ref: Ref
    exit_code: int
    outcome: str


def run_experiment(workplace: Workplace, request: RunRequest) -> RunReport:
    """Run it, to its end.

    Raises:
        WorkplaceBusy: somebody else runs in this workspace. ExperimentError: it cannot be run as asked for.
        JournalError, WorkplaceError: its journal or its files cannot be read or written.

    The process must have one thread: it forks.
    """
    lines = Lines(workplace)
    head = WorkspaceHead(workplace, request.root)
    take_workspace(head)
    try:
        say_settled(settle_lost(lines, head, request.root), request.root)
        return _run_locked(lines, head, request)
    finally:
        head.lock.release()


def take_workspace(head: WorkspaceHead) -> None:
    """Take the lock of a workspace; a guardian that still ends a lost run is waited for.

    Raises:
        WorkplaceBusy: somebody else has it: who.
    """
    note = note_of_this_process("cuebook exp")
    holder = head.lock.take(note)
    if holder is None:
        return
    if not holder.startswith(_RESTORING):
        raise WorkplaceBusy(f"this workspace is in use by {holder}")
    say(f"waiting for {holder}")
    head.lock.take(note, waits=True)


def say_settled(settled: object, root: Path) -> None:
    """Say what was done for a run whose runner was gone."""
    from cuebook.experiments.settling import SettledRun

    if isinstance(settled, SettledRun):
        aside = f"; what was written after it is in {settled.aside}" if settled.aside else ""
        say(f"the last run in {root} was lost: its outputs are those of {settled.ref} again{aside}")


def _run_locked(lines: Lines, head: WorkspaceHead, request: RunRequest) -> RunReport:
    inputs = inputs_of(request.root, request.stages, request.metrics)
    ref = head.read()
    line = None if ref is None else lines.load(ref.name)
    decision = decide(request.wish, ref, line, inputs)
    if decision.what is What.NOTHING and decision.start is not None:
        say(f"{decision.why}, and nothing it depends on has changed: --force runs it again, --reset from scratch")
        return RunReport(decision.start, 0, "finished")
    trigger = TriggerSocket()
    try:
        name = _named(lines, request, decision)
        _prepare(lines, request, decision, name)
        note_runner(lines, name, trigger.path)
        guardian = Guardian(lambda: _guard(lines, head, request.root))
        try:
            return asyncio.run(_attempted(_Run(lines, head, request, decision, name, inputs), trigger.path))
        finally:
            guardian.dismiss()
    finally:
        trigger.remove()


@dataclass(frozen=True, slots=True)
class _Run:
    lines: Lines
    head: WorkspaceHead
    request: RunRequest
    decision: Decision
    name: str
    inputs: Inputs


def _guard(lines: Lines, head: WorkspaceHead, root: Path) -> None:
    head.lock.note(note_of_this_process(f"{_RESTORING} that brings back its outputs"))
    settle_lost(lines, head, root, patience_s=PATIENCE_S)


def _named(lines: Lines, request: RunRequest, decision: Decision) -> str:
    """The experiment's name; the folder of a new one is there, and nothing was begun in it."""
    if decision.what is What.GO_ON and decision.start is not None:
        return decision.start.name
    lines.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        name = checked_experiment_name(request.name or f"exp-{secrets.token_hex(3)}")
        try:
            (lines.folder / name).mkdir(mode=0o700)
        except FileExistsError:
            if request.name is None:
                continue
            if lines.load(name) is not None:
                raise ExperimentError(taken_text(name)) from None
        return name  # also of a folder that was made by a run which was killed before it began anything


def _prepare(lines: Lines, request: RunRequest, decision: Decision, name: str) -> None:
    """Give the workspace the outputs that the attempt is to begin with."""
    current = WorkspaceHead(lines.workplace, request.root).read()
    if decision.start is not None:
        say(f"goes on from {decision.start}" + (f" as {name}; {decision.why}" if decision.what is What.BRANCH else ""))
        done = bring_back(lines, request.root, lines.manifest_of(decision.start), name, current=current)
    else:
        outputs = [each for stage in request.stages for each in stage.outputs]
        gone = tuple(each.name for each in outputs if request.wish.resets or not each.persists)
        done = bring_back(lines, request.root, Manifest(gone, ()), name, current=current)
    say_aside(done)


def say_aside(done: Restored) -> None:
    """Say where what was in the way is now."""
    if done.folder is not None and done.aside:
        names = ", ".join(shown(name) for name in done.aside[:3]) + (" and more" if len(done.aside) > 3 else "")
        say(f"{names} as it was is kept in {done.folder}")


async def _attempted(run: _Run, socket_path: str) -> RunReport:
    writer, attempt = await _begun(run, socket_path)
    try:
        runner = ExperimentRunner(attempt, writer)
        if not writer.line.checkpoints:
            await runner.first()
        start = run.decision.start
        number = start.number if run.decision.what is What.GO_ON and start is not None else 0
        facts = {"params": run.inputs.params, "deps": run.inputs.deps, "commands": list(run.inputs.commands)}
        facts["git"] = git_state(run.request.shown_root or run.request.root)
        begun = AttemptBegun(time.time(), socket.gethostname(), os.getpid(), number, run.inputs.digest, facts)
        await writer.begin(begun)
        run.head.write(Ref(run.name, number))
        say(f"experiment {run.name}")
        try:
            ending = await runner.run()
        except CuebookError as error:
            ending = AttemptEnding("failed", 0, 1, str(error))
        return await _ended(run, writer, ending)
    finally:
        await writer.close()


async def _begun(run: _Run, socket_path: str) -> tuple[LineWriter, Attempt]:
    request, start = run.request, run.decision.start
    if run.decision.what is What.GO_ON:
        writer = await LineWriter.open(run.lines, run.name)
    else:
        writer = await LineWriter.create(run.lines, _opened(run))
    state = None if start is None else _state_at(run.lines, start)
    attempt = Attempt(
        request.root,
        request.stages,
        _output_names(request.stages),
        run.lines.workplace.files,
        socket_path,
        run.lines.log_of(run.name),
        goes_on=start is not None and (start.number > 0 or bool(writer.line.opened.parent)),
        state=state,
        skipped=frozenset(writer.line.stages_done),
        metrics=request.metrics,
        env={"CUEBOOK_DIR": str(run.lines.workplace.folder)},
    )
    return writer, attempt


def _opened(run: _Run) -> ExperimentOpened:
    root = run.request.shown_root or run.request.root
    facts = {
        "workspace": os.path.relpath(root, run.lines.workplace.root),
        "outputs": list(_output_names(run.request.stages)),
        "commands": list(run.inputs.commands),
        "git": git_state(root),
        "message": run.request.message,
    }
    return ExperimentOpened(run.name, time.time(), str(run.decision.start or ""), facts)


def _output_names(stages: Sequence[ProgramStage]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(output.name for stage in stages for output in stage.outputs))


def _state_at(lines: Lines, ref: Ref) -> bytes | None:
    line = lines.load(ref.name)
    heads = [] if line is None else [head for head, _ in line.checkpoints if head.number == ref.number]
    return lines.workplace.files.blobs.read(*heads[0].state) if heads and heads[0].state else None


async def _ended(run: _Run, writer: LineWriter, ending: AttemptEnding) -> RunReport:
    last = writer.line.last
    assert last is not None
    ref, aside = Ref(run.name, last.number), ""
    if ending.outcome != "finished":
        manifest = run.lines.manifest_of(ref)
        done = await asyncio.to_thread(bring_back, run.lines, run.request.root, manifest, run.name)
        aside = "" if done.folder is None else str(done.folder)
    written = written_since(run.request.root, run.inputs.deps, run.inputs.named)
    await writer.end(ending.outcome, ending.code, aside, written=written)
    run.head.write(ref)
    _say_ended(ref, last.id, ending, aside)
    return RunReport(ref, ending.exit_code, ending.outcome)


def _say_ended(ref: Ref, checkpoint: str, ending: AttemptEnding, aside: str) -> None:
    why = f" ({ending.why})" if ending.why else ""
    count = "no checkpoint" if ref.number == 0 else f"{ref.number} checkpoint{'s' if ref.number > 1 else ''}"
    say(f"experiment {ref.name} {ending.outcome}{why}: {count}")
    if ending.outcome == "finished":
        return
    what = f"checkpoint {checkpoint}" if ref.number else "the beginning"
    say(f"the workspace has the outputs of {what}" + (f"; what was written later is in {aside}" if aside else ""))
