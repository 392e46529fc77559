"""The composition root: one actor system with its Supervisor, its Journals and its crew. The one place that knows
which concrete parts there are.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import anyio

from cuebook.actors.journal import JournalActor, Unanswered
from cuebook.actors.messages import RunAdded, RunChanged
from cuebook.actors.runs.roster import RunTable, WorkerKind
from cuebook.actors.runs.run import Run
from cuebook.actors.runs.slot import Slot
from cuebook.actors.supervisor import Supervisor
from cuebook.actors.worker import WorkerActor
from cuebook.children.port import Output
from cuebook.engines.port import Host
from cuebook.errors import InternalError, JournalBusy, MessagingError
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.stores.media import medium_of
from cuebook.persistence.values.in_messages import carry_values
from cuebook.runtime.cells.mailbox import MailboxSpec
from cuebook.runtime.policy.restarts import Backoff, Restart, RestartIntensity
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.reports.shutdown import ShutdownReport
from cuebook.runtime.system import ActorSystem

__all__ = ["Application", "print_lines"]

_CREDIT_BOUND = MailboxSpec(capacity=1 << 20, bytes_max=1 << 30)
"""What the three say to each other is bounded by credits (calls ahead, bytes uncommitted), not by their mailboxes."""
_INTENSITY = RestartIntensity(restarts_max=10, within_s=10.0)
_BACKOFF = Backoff(max_s=0.5)
"""A run waits for them: what fails again and again is given up within some 3 s, well inside the window."""


def print_lines(printed: bytes, stream: str = "stdout", /) -> None:
    """What calls have printed goes to whatever is `sys.stdout` or `sys.stderr` at this moment: a capture, a cell."""
    target = getattr(sys, stream, None)
    if target is None:
        return
    text = printed.decode("utf-8", "replace")
    with contextlib.suppress(Exception):  # closed, gone, or of the user's own making: the run goes on
        try:
            target.write(text)
        except UnicodeEncodeError as error:
            target.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        target.flush()


@dataclass(slots=True)
class _OpenJournal:
    """A journal that runs of this application use; `users` counts them."""

    file: JournalWriter
    ref: ActorRef
    users: int = 0


class Application:
    """The cast of one runtime, on the running loop.

    Args:
        keeps_warm: whether workers stay for the next run.
        blocking_s: as for ActorSystem.
    """

    def __init__(self, *, keeps_warm: bool = False, blocking_s: float | None = 1.0) -> None:
        self.system = ActorSystem(name="cuebook", blocking_s=blocking_s)
        self.table = RunTable(self._hire)
        self.table.keeps_warm = keeps_warm
        self.output: Output = print_lines
        self._journals: dict[str, _OpenJournal] = {}
        self._journal_numbers: set[int] = set()
        self._door = anyio.Lock()
        self._numbers = 0
        self._context = contextvars.copy_context()
        self._supervisor: ActorRef | None = None
        self._workers: dict[int, WorkerActor] = {}

    async def __aenter__(self) -> Self:
        carry_values()
        self.system.on_failure = self._end_runs
        await self.system.__aenter__()
        self._supervisor = self.system.spawn(
            lambda: Supervisor(self.table),
            name="supervisor",
            mailbox=_CREDIT_BOUND,
            restart=Restart.PERMANENT,
            intensity=_INTENSITY,
            backoff=_BACKOFF,
            on_terminated=self._supervisor_gone,
        )
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc is None or isinstance(exc, Exception):  # when cancelled, each worker ends its host as it ends itself
            self._retire_all()
        try:
            await self.system.__aexit__(exc_type, exc, tb)
        finally:
            with anyio.CancelScope(shield=True):
                async with self._door:  # a run that has just ended may be closing its journal
                    for found in self._journals.values():
                        await found.file.close()
                    self._journals.clear()

    async def stop(self) -> ShutdownReport:
        """Stop every actor in good order; what became of them."""
        self._retire_all()
        return await self.system.stop()

    def _retire_all(self) -> None:
        for slot in self.table.slots.values():
            self.table.retire(slot)

    @property
    def supervisor(self) -> ActorRef:
        """The Supervisor, whichever incarnation."""
        if self._supervisor is None:
            raise RuntimeError("the application is not open: use it in `async with`")
        return self._supervisor

    async def journal(self, path: str, *, is_inner: bool = False) -> tuple[JournalWriter, ActorRef]:
        """The journal file at `path` and its actor, for one run; `release` it when the run is over.

        Args:
            is_inner: asked for from inside a call of this process, which must not write to its own run's journal.

        Raises:
            JournalError: as `JournalWriter.open`.
        """
        key = medium_of(path).name
        if is_inner and JournalWriter.is_open_here(path):
            text = f"{path} is being written to by the run that this call belongs to: give it a path of its own"
            raise JournalBusy(text, pid=os.getpid())
        async with self._door:
            found = self._journals.get(key)
            if found is None:
                file = await self.open_file(path)
                found = self._journals[key] = _OpenJournal(file, self._spawn_journal(file))
            found.users += 1
            return found.file, found.ref

    async def release(self, file: JournalWriter) -> None:
        """One run less uses this journal: the last one closes it, so that other processes may write to it."""
        with anyio.CancelScope(shield=True):
            async with self._door:
                # Not by its path: a call may have changed the working directory since.
                key = next((key for key, found in self._journals.items() if found.file is file), None)
                if key is None:
                    return
                found = self._journals[key]
                found.users -= 1
                if found.users == 0:
                    del self._journals[key]
                    await found.ref.stop()
                    await found.file.close()

    def _spawn_journal(self, file: JournalWriter) -> ActorRef:
        number = next(number for number in itertools.count(1) if number not in self._journal_numbers)
        self._journal_numbers.add(number)
        unanswered = Unanswered()

        def gone(ref: ActorRef, error: BaseException | None) -> None:
            self._journal_numbers.discard(number)
            self._journal_gone(ref, error)

        ref = self.system.spawn(
            lambda: JournalActor(file, unanswered),
            name="journal" if number == 1 else f"journal-{number}",
            mailbox=_CREDIT_BOUND,
            intensity=_INTENSITY,
            backoff=_BACKOFF,
            on_terminated=gone,
        )
        self.system.outlast(ref)
        return ref

    async def open_file(self, path: str) -> JournalWriter:
        """Open the journal at `path`; a simulation opens another store in its place."""
        return await JournalWriter.open(path)

    def next_number(self) -> int:
        """A number that no other run of this runtime is known by."""
        self._numbers -= 1
        return self._numbers

    def check_whole(self) -> None:
        """Raises what the system broke of, where it did."""
        failure = self.system.failure
        if failure is not None:
            raise failure from failure.__cause__

    def begin(self, run: Run, kind: WorkerKind, workers: int) -> None:
        """Let a run go: lease its workers and hand it to the Supervisor."""
        self._context = run.context
        self.table.add(run)
        self.table.lease(run, kind, workers)
        self.supervisor.tell_nowait(RunAdded(run.key))

    def changed(self, key: int) -> None:
        """Something of the run of this key changed from outside: the Supervisor should look at it."""
        with contextlib.suppress(MessagingError):
            self.supervisor.tell_nowait(RunChanged(key))

    def drain_output(self) -> None:
        """Pass on what calls have printed so far."""
        for worker in self._workers.values():
            worker.drain_output()

    def _hire(self, number: int, kind: WorkerKind) -> Slot:
        lives = itertools.count(1)

        def make() -> WorkerActor:
            worker = WorkerActor(
                number, lambda: self._host(number, kind), self.table.works, lambda: self.supervisor, life=next(lives)
            )
            self._workers[number] = worker
            return worker

        ref = self.system.spawn(
            make,
            name=f"worker-{number}",
            mailbox=_CREDIT_BOUND,
            restart=Restart.PERMANENT,
            intensity=RestartIntensity(restarts_max=100, within_s=10.0),
            backoff=_BACKOFF,
        )
        return Slot(number, ref)

    @contextlib.contextmanager
    def printing_by(self, output: Output) -> Iterator[None]:
        """Within this block `output` shows what calls print."""
        before, self.output = self.output, output
        try:
            yield
        finally:
            self.output = before

    def _host(self, number: int, kind: WorkerKind) -> Host:
        return kind.engine.make_host(cores=kind.cores, output=partial(self._show, number))

    def _show(self, number: int, printed: bytes, stream: str = "stdout", /) -> None:
        """What a worker printed is shown where its run was asked for: under that cell of a notebook, say."""
        slot = self.table.slots.get(number)
        run = None if slot is None else self.table.runs.get(slot.run)
        context = self._context if run is None else run.context
        context.copy().run(self.output, printed, stream)

    def _journal_gone(self, ref: ActorRef, error: BaseException | None) -> None:
        for run in list(self.table.runs.values()):
            if run.journal is ref:
                run.end(error or InternalError("the Journal stopped while this run went on"))
                self.changed(run.key)

    def _end_runs(self, error: BaseException) -> None:
        """What all runs need is broken: whoever waits for one hears of that, and of nothing that follows from it."""
        for run in list(self.table.runs.values()):
            run.end(error)

    def _supervisor_gone(self, ref: ActorRef, error: BaseException | None) -> None:
        del ref
        self._end_runs(error or InternalError("the Supervisor stopped while this run went on"))
        if error is not None:
            self.system.fail(error)  # no run could begin any more
