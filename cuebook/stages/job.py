"""A job: one program, or one order of an application, whose finished work its next run takes over."""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from cuebook.errors import StageError
from cuebook.notices import notice, say
from cuebook.persistence.history.jobs.job import JobState
from cuebook.persistence.identity.digest import blake16, joined
from cuebook.persistence.records.job_heads import StepKept
from cuebook.stages.current import enter, leave, name_for_program
from cuebook.stages.job_book import JobBook
from cuebook.stages.job_name import JobName, checked_job_name, folder_name, script_of_program
from cuebook.stages.progress.stage_news import StageNews
from cuebook.stages.settings import Reset, is_drawn, is_watched, reset_of_environment, warn_of_unknown
from cuebook.stages.versions import Versions
from cuebook.wire.codec import pack, unpack
from cuebook.workplace.location import Workplace, open_workplace

if TYPE_CHECKING:
    from cuebook.stages.progress.live_tree import LiveTree

__all__ = ["Job", "job", "program_job"]

SLEEP = "cuebook.sleep"


class Job:
    """A job that is run here: its stages and steps take over what earlier runs of the same name have finished.

    Made by `job(name)` or `runtime.job(name)`; a context manager, also asynchronous. It is opened by its first stage or
    step, or when it is entered.

    Args:
        name: what it is called.

    Attributes:
        name: of the job.
    """

    def __init__(self, name: JobName) -> None:
        self.name = name.name
        self.is_given = name.is_given
        self._is_lasting = name.is_lasting
        self._opening = threading.Lock()
        self._book: JobBook | None = None
        self._pid = os.getpid()
        self._tokens: list[Any] = []
        self.reset = Reset()
        self.is_watched = False
        self.running: dict[bytes, Future[None]] = {}
        self.calls: dict[str, int] = {}
        self.steps: dict[bytes, int] = {}
        self.used: dict[str, tuple[int, bytes, bytes]] = {}
        self.values: dict[bytes, tuple[bytes, bytes, str]] = {}
        self.is_redone: dict[bytes, str] = {}
        self.is_reset: set[bytes] = set()
        self.said: set[str] = set()
        self.counting = threading.Lock()
        self._tree: LiveTree | None = None

    @classmethod
    def named(cls, name: str) -> Self:
        """A job of this name, which holds where it is entered."""
        return cls(JobName(checked_job_name(name), is_given=True))

    @property
    def book(self) -> JobBook:
        """Its journal, opened when it is first asked for.

        Raises:
            JobBusy: the job is being run. WorkplaceError, JournalError: its journal cannot be used.
        """
        if self._pid != os.getpid():
            raise StageError(
                f"job {self.name} is run by process {self._pid}, and this one is a fork of it: call its stages there"
            )
        with self._opening:
            if self._book is None:
                self._book = self._opened()
            return self._book

    @property
    def workplace(self) -> Workplace:
        """The folder that it is kept in."""
        assert self.book is not None
        return self._workplace

    @property
    def versions(self) -> Versions:
        """The numbers of data sets."""
        return Versions(self.workplace.folder / "datasets")

    @property
    def state(self) -> JobState:
        """All that is kept of it."""
        return self.book.state

    def _opened(self) -> JobBook:
        warn_of_unknown()
        self.reset = reset_of_environment()
        self.is_watched = is_watched()
        self._workplace = open_workplace(script_of_program())
        folder = self._workplace.place("jobs", folder_name(self.name))
        book = JobBook(self.name, folder)
        book.close_at_exit(self._ending)
        if not self._is_lasting:
            notice(
                "this session has no script after which its job could be named, so no later one will find its stages: "
                'name it with job("...") or CUEBOOK_JOB'
            )
        return book

    def _ending(self) -> tuple[str, str]:
        error = getattr(sys, "last_value", None) if self._is_lasting else None
        return _status_of(error)

    def close(self, error: BaseException | None = None) -> None:
        """End this run of the job; what is kept stays. Twice is fine.

        Args:
            error: what it failed with.
        """
        if self._tree is not None:
            self._tree.close()
        book = self._book
        if book is not None and self._pid == os.getpid():
            book.close(*_status_of(error))

    def said_once(self, text: str) -> None:
        """Tell the user, the first time."""
        if text not in self.said:
            self.said.add(text)
            notice(text)

    def show(self, news: StageNews) -> None:
        """Tell what becomes of a stage, where somebody watches."""
        if not self.is_watched:
            return
        with self.counting:
            if self._tree is None and is_drawn():
                from cuebook.stages.progress.live_tree import LiveTree

                self._tree = LiveTree()
        if self._tree is None:
            say(news.line())
        else:
            self._tree.show(news)

    def number_of(self, stage: str) -> int:
        """Which call of a stage this is in this run, from 1."""
        with self.counting:
            self.calls[stage] = number = self.calls.get(stage, 0) + 1
            return number

    def step_number(self, key: bytes) -> int:
        """Which call of equal ones of a step this is in this run, from 1."""
        with self.counting:
            self.steps[key] = number = self.steps.get(key, 0) + 1
            return number

    def __enter__(self) -> Self:
        assert self.book is not None
        self._tokens.append(enter(self))
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        leave(self, self._tokens.pop())
        self.close(exc)

    async def __aenter__(self) -> Self:
        import asyncio

        await asyncio.to_thread(lambda: self.book)
        self._tokens.append(enter(self))
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        import asyncio

        leave(self, self._tokens.pop())
        await asyncio.to_thread(self.close, exc)

    async def sleep(self, seconds: float) -> None:
        """Wait so long, counted from the first time that the job came here, through any number of restarts.

        Args:
            seconds: how long, also days.
        """
        import asyncio

        due = await asyncio.to_thread(self._due, seconds)
        await asyncio.sleep(max(0.0, due - time.time()))

    def _due(self, seconds: float) -> float:
        """When a wait is over that this run has begun, or an earlier one."""
        number = self.step_number(SLEEP.encode())
        key = blake16(joined(b"sleep", [number.to_bytes(8, "little")]))
        found = self.state.steps.get(key)
        if found is not None:
            return float(unpack(self.book.body(found[0])))
        now = time.time()
        self.book.keep_step(StepKept(key, SLEEP, number, now, 0.0), pack(now + seconds))
        return now + seconds

    def __repr__(self) -> str:
        if self._book is None:
            return f"<Job {self.name}, not begun>"
        from cuebook.stages.job_view import job_text

        return job_text(self.state, self.book.run, skipped=self.book.skipped, steps=self.book.steps_skipped)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(repr(self))}</pre>"


def _status_of(error: BaseException | None) -> tuple[str, str]:
    if error is None:
        return "done", ""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", "KeyboardInterrupt"
    if isinstance(error, SystemExit) and not error.code:
        return "done", ""
    if type(error).__name__ == "CancelledError":
        return "interrupted", "cancelled"
    return "failed", f"{type(error).__name__}: {error}"


def job(name: str) -> Job:
    """Name the job that this program is, or a part of it.

    As a statement, `job("prices")`, all stages and steps from here on belong to it, in every thread; `with job("..."):`
    or `async with job("..."):` only those within. A job that has finished may be run again: its stages are taken over
    as far as they are still the same, and each of its steps gives the value that it gave then.

    Args:
        name: any text; equal names are the same job. What is kept of it lies in `.cuebook/`.

    Raises:
        StageError: it is no name. When it is entered, or by its first stage, JobBusy: it is being run by another
            process, or by another part of this one.

    Cost: about 10 ms when it is opened, and 20 us for each stage and run that are kept.
    """
    made = Job.named(name)
    before = name_for_program(made)
    if isinstance(before, Job):
        before.close()  # a cell of a notebook that is run once more begins a new run
    return made


def program_job() -> Job:
    """The job that this program is where it names none."""
    from cuebook.stages.job_name import name_of_program

    return Job(name_of_program())
