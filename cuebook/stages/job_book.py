"""The journal of one job, opened by whoever runs it: what earlier runs have kept, and what this one keeps.

Knows no stage's function. May be used from any thread.
"""

from __future__ import annotations

import atexit
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import Any

from cuebook.api.loop_thread import LoopThread
from cuebook.errors import JobBusy, JournalBusy, JournalCorrupt
from cuebook.persistence.history.jobs.job import JobRun, JobState, KeptStage
from cuebook.persistence.history.replay import replay
from cuebook.persistence.identity.files import FileStamp, remember
from cuebook.persistence.identity.secrets.hiding import Hiding
from cuebook.persistence.journal.group_commit import GroupCommit
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.bodies import metrics_body
from cuebook.persistence.records.job_heads import JobClosed, JobOpened, StageKept, StageState, StepKept
from cuebook.persistence.records.record import Entry
from cuebook.persistence.trust.option import trust_of
from cuebook.persistence.trust.texts import not_trusted
from cuebook.stages.job_name import JOURNAL

__all__ = ["JobBook"]

AT_EXIT_S = 10.0


class JobBook:
    """What one run of a job knows and keeps.

    Args:
        name: of the job. folder: where its journal lies.

    Attributes:
        state: what is kept, also by this run.
        run: the number of this run.
        hiding: keys the digests of the job's secrets.
        skipped: numbers of the records that this run has taken over. steps_skipped: how many kept steps.

    Raises:
        JobBusy: the job is being run.
        JournalNotTrusted: others can have written what would be taken over. JournalError: its journal cannot be used.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.path = folder / JOURNAL
        self.folder = folder
        self._loop = LoopThread()
        self._lock = threading.Lock()
        self._keeping = threading.Lock()
        self._pid = os.getpid()
        self._done = threading.Event()
        self._is_over = threading.Event()
        self.skipped: list[int] = []
        self.steps_skipped = 0
        self._commits = GroupCommit(self._loop.submit, lambda entries: self._file.append(entries))
        try:
            self._file = self._loop.submit(self._opened(name)).result()
        except BaseException:
            self._loop.close()
            raise
        try:
            self._begin(name)
        except BaseException:
            self._loop.submit(self._file.close()).result()
            self._loop.close()
            raise

    async def _opened(self, name: str) -> JournalWriter:
        if JournalWriter.is_open_here(self.path):
            raise JobBusy(f"job {name} is being run by this program already; wait until it is over")
        try:
            return await JournalWriter.open(self.path)
        except JournalBusy as error:
            where = f"process {error.pid}" if error.pid is not None else "another process"
            since = f" since {error.since}" if error.since else ""
            text = f"job {name} is being run by {where}{since}; wait until it is over, then run it again"
            raise JobBusy(text, host=error.host, pid=error.pid, since=error.since) from error

    def _begin(self, name: str) -> None:
        self.state: JobState = replay(self._file.records(bodies=False)).job
        before = self.state.newest
        verdict = self._file.verdict()
        if verdict.writers > trust_of(None) and (self.state.stages or self.state.steps or self.state.states):
            raise not_trusted(verdict, self._file.path, f"{self._file.name} holds what job {name} would take over")
        key = before.opened.key if before is not None else Hiding.new_key()
        self.hiding = Hiding(key)
        self.run = max(self._file.next_run(), before.number + 1 if before is not None else 1)
        for kept in self.state.by_seq.values():
            remember(
                (read.name, FileStamp(read.digest, *read.known[:4], bool(read.known[4])))
                for read in kept.head.reads
                if read.form == "file" and len(read.known) == 5
            )
        command = self.hiding.hidden_command(sys.argv)
        host, parent = socket.gethostname(), before.number if before is not None else 0
        head = JobOpened(name, time.time(), os.getpid(), host, command, key, parent)
        self._commits.add(head.entry(self.run)).result()
        self.state.runs[self.run] = JobRun(self.run, head)

    def keep_stage(self, head: StageKept, body: bytes) -> KeptStage:
        """Keep what a stage has done; it is on disk when this returns."""
        seq = self._commits.add(head.entry(self.run, body)).result()
        with self._lock:
            return self.state.add_stage(seq, self.run, head)

    def keep_state(
        self, stage: str, lineage: bytes, data: bytes, *, label: str | None, metrics: Mapping[str, Any]
    ) -> int:
        """Keep the state of a stage that runs; gives its number, from 1, when it is on disk."""
        with self._keeping:
            kept = self.state.states.get(lineage)
            number = kept[-1][1].number + 1 if kept else 1
            head = StageState(lineage, stage, number, label, sha256(data).digest(), len(data), time.time())
            entry = head.entry(self.run, metrics_body(metrics))
            (seq,) = self._loop.submit(self._appended(entry, data)).result()
            with self._lock:
                self.state.add_state(seq, self.run, head)
        return number

    def state_bytes(self, seq: int) -> bytes:
        """The bytes of a state that was kept.

        Raises:
            JournalCorrupt: they are missing or damaged.
        """
        data = self._file.state(seq)
        if data is None:
            raise JournalCorrupt(f"the state of record {seq} is not there", seq=seq)
        return data

    async def _appended(self, entry: Entry, state: bytes) -> list[int]:
        return await self._file.append([entry], states={0: state})

    def keep_step(self, head: StepKept, body: bytes) -> None:
        """Keep what a step has done; it is on disk when this returns."""
        self.start_keeping_step(head, body).result()

    def start_keeping_step(self, head: StepKept, body: bytes) -> Future[int]:
        """As `keep_step`, but answers later; it is kept even if nobody waits for the answer."""

        def noted(seq: int) -> None:
            with self._lock:
                self.state.add_step(seq, self.run, head)

        return self._commits.add(head.entry(self.run, body), noted)

    def body(self, seq: int) -> bytes:
        """The body of a record.

        Raises:
            JournalCorrupt: it is damaged.
        """
        return self._file.record(seq).body or b""

    def skip(self, seq: int) -> None:
        """Note that what a record has was taken over."""
        with self._lock:
            self.skipped.append(seq)

    def close(self, status: str, error: str = "") -> None:
        """Note how the run has ended, and let go of the journal. Twice is fine."""
        if self._done.is_set():
            return
        self._done.set()
        try:
            self._loop.submit(self._closed(status, error)).result()
        finally:
            self._loop.close()
            atexit.unregister(self._wait_at_exit)

    def close_at_exit(self, ending: object) -> None:
        """Have `ending()` -> (status, error) asked when the program's main thread ends, and the journal closed then."""

        def at_exit() -> None:
            import asyncio

            if not self._done.is_set():
                self._done.set()
                status, error = ending()  # type: ignore[operator]
                self._at_exit = asyncio.get_running_loop().create_task(self._closed(status, error))

        self._loop.at_exit = at_exit
        atexit.register(self._wait_at_exit)

    def _wait_at_exit(self) -> None:
        # The loop's thread would be left where it stands: the interpreter does not wait for it.
        if self._pid == os.getpid() and self._is_over.wait(AT_EXIT_S):
            atexit.unregister(self._wait_at_exit)

    async def _closed(self, status: str, error: str) -> None:
        head = JobClosed(time.time(), status, self.hiding.hide(error), tuple(self.skipped), self.steps_skipped)
        try:
            await self._file.append([head.entry(self.run)])
        finally:
            try:
                await self._file.close()
            finally:
                self._is_over.set()
