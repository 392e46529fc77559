"""The Journal actor: one transaction for all that waits, and every append is answered whatever becomes of the actor."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from cuebook.actors.journal import JournalActor, Unanswered
from cuebook.actors.messages import Append, Appended, AppendFailed, Recover, Recovered
from cuebook.errors import JournalFull
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.record import Entry, Kind
from cuebook.runtime.cells.actor import Actor
from cuebook.runtime.refs.ref import ActorRef
from cuebook.runtime.system import ActorSystem
from tests.support.journals import completed, opened


class Asker(Actor):
    """Tells the Journal what it is given, and notes the answers, as the Supervisor does."""

    def __init__(self, journal: ActorRef, answers: list[Any]) -> None:
        self.journal = journal
        self.answers = answers

    def receive(self, message: Any) -> None:
        if isinstance(message, Append):
            self.journal.tell_nowait(message)
        else:
            self.answers.append(message)


class Gated:
    """A journal file whose commits wait for `gate`, and that may be told to fail."""

    def __init__(self, file: JournalWriter) -> None:
        self.file = file
        self.gate = asyncio.Event()
        self.commits: list[int] = []
        self.error: Exception | None = None
        self.streams = file.streams

    def start_append(self, entries: list[Entry], *, states: Any) -> asyncio.Task[list[int]]:
        return asyncio.create_task(self._append(entries, states))

    async def _append(self, entries: list[Entry], states: Any) -> list[int]:
        self.commits.append(len(entries))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return await self.file.append(entries, states=states)

    def records(self, **options: Any) -> Any:
        return self.file.records(**options)


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def played(tmp_path: Path, play: Any) -> None:
    """Run `play(file, journal, asker, answers)` with a journal of one open run."""

    async def main() -> None:
        async with await JournalWriter.open(tmp_path / "x.cue") as real, ActorSystem() as system:
            await real.append([opened()])
            file, unanswered, answers = Gated(real), Unanswered(), []
            journal = system.spawn(lambda: JournalActor(file, unanswered), name="journal")  # type: ignore[arg-type]
            asker = system.spawn(lambda: Asker(journal, answers), name="asker")
            await play(file, journal, asker, answers)

    asyncio.run(main())


def test_what_waits_while_the_disk_is_busy_goes_into_one_transaction(tmp_path: Path) -> None:
    async def play(file: Gated, journal: ActorRef, asker: ActorRef, answers: list[Any]) -> None:
        for number in range(20):
            await asker.tell(Append(1, number, (completed(number),)))
            if number == 0:
                await until(lambda: file.commits)
        file.gate.set()
        await until(lambda: len(answers) == 20)
        assert file.commits == [1, 19]
        assert [answer.ticket for answer in answers] == list(range(20))
        assert [answer.seq for answer in answers] == list(range(answers[0].seq, answers[0].seq + 20))

    played(tmp_path, play)


def test_a_journal_killed_amid_a_commit_answers_it_in_its_next_life_and_commits_it_once(tmp_path: Path) -> None:
    async def play(file: Gated, journal: ActorRef, asker: ActorRef, answers: list[Any]) -> None:
        await asker.tell(Append(1, 0, (completed(0),)))
        await until(lambda: file.commits)
        for number in range(1, 4):
            await asker.tell(Append(1, number, (completed(number),)))
        journal.kill()
        await asyncio.sleep(0.03)
        file.gate.set()
        await until(lambda: len(answers) == 4)
        assert all(isinstance(answer, Appended) for answer in answers)
        assert sorted(answer.ticket for answer in answers) == [0, 1, 2, 3]
        assert len(list(file.records(kinds=(Kind.COMPLETED,)))) == 4

    played(tmp_path, play)


def test_a_commit_that_fails_is_told_to_each_of_its_appends_and_the_next_one_is_tried(tmp_path: Path) -> None:
    async def play(file: Gated, journal: ActorRef, asker: ActorRef, answers: list[Any]) -> None:
        file.gate.set()
        file.error = JournalFull("no space")
        await asker.tell(Append(1, 7, (completed(0),)))
        await until(lambda: answers)
        [failed] = answers
        assert isinstance(failed, AppendFailed)
        assert (failed.ticket, failed.error, failed.text) == (7, "JournalFull", "no space")
        file.error = None
        await asker.tell(Append(1, 8, (completed(0),)))
        await until(lambda: len(answers) == 2)
        assert isinstance(answers[1], Appended)

    played(tmp_path, play)


def test_a_question_sees_every_append_before_it(tmp_path: Path) -> None:
    async def play(file: Gated, journal: ActorRef, asker: ActorRef, answers: list[Any]) -> None:
        file.gate.set()
        for number in range(10):
            journal.tell_nowait(Append(1, number, (completed(number),)))
        found = await journal.ask(Recover(1, 0))
        assert isinstance(found, Recovered)
        assert len(found.records) == 10
        later = await journal.ask(Recover(1, found.records[-1].seq))
        assert later.records == ()

    played(tmp_path, play)


def test_an_ask_is_answered_as_a_reply_also_where_an_actor_asks(tmp_path: Path) -> None:
    """A call in a thread or a coroutine has its worker's context: its own chunk() must get its answers all the same."""

    async def play(file: Gated, journal: ActorRef, asker: ActorRef, answers: list[Any]) -> None:
        file.gate.set()

        class Asking(Actor):
            async def receive(self, message: Any) -> Any:
                return await journal.ask(message, timeout=10)

        async with ActorSystem() as other:
            asking = other.spawn(Asking, name="asking")
            answer = await asking.ask(Append(1, 5, (completed(0),)))
        assert isinstance(answer, Appended)
        assert answer.ticket == 5

    played(tmp_path, play)


def test_after_records_that_nobody_waits_for_were_not_kept_the_rest_of_their_run_is_refused(tmp_path: Path) -> None:
    async def play(file: Gated, journal: ActorRef, asker: ActorRef, answers: list[Any]) -> None:
        file.gate.set()
        file.error = JournalFull("no space")
        journal.tell_nowait(Append(1, 0, (completed(0),)))
        await until(lambda: file.commits)
        file.error = None
        await asker.tell(Append(1, 8, (completed(1),)))
        await asker.tell(Append(2, 9, (opened(2),)))
        await until(lambda: len(answers) == 2)
        assert [(type(answer), answer.ticket) for answer in answers] == [(AppendFailed, 8), (Appended, 9)]
        assert answers[0].text == "no space"
        await asker.tell(Append(1, 10, (opened(1),)))
        await asker.tell(Append(1, 11, (completed(1),)))
        await until(lambda: len(answers) == 4)
        assert [type(answer) for answer in answers[2:]] == [Appended, Appended]

    played(tmp_path, play)
