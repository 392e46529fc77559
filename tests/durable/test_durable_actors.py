"""Durable actors by what they promise: state comes back, answers follow the disk, refusals and failures differ."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cuebook.api.runtime import Runtime
from cuebook.durable.effects import Effect, persist
from cuebook.errors import ActorFailed, JournalFull, Rejected, UnhandledMessage
from cuebook.persistence.records.record import Kind
from cuebook.runtime.reports.deadletters import DeadReason
from tests.durable.bank import Account, Balance, Break, Close, Deposit, Deposited, Slowly, Unheard, Withdraw
from tests.durable.scenes import played

pytestmark = pytest.mark.quick


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actors.cue"


def test_the_state_comes_back_in_the_next_run_of_the_program(path: Path) -> None:
    async def first(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        assert [await account.ask(Deposit(5)), await account.ask(Deposit(7)), await account.ask(Withdraw(2))] == [
            5,
            12,
            10,
        ]

    async def second(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        other = await runtime.spawn(Account, "a-2")
        assert await account.ask(Balance()) == 10
        assert await other.ask(Balance()) == 0

    played(path, first, second)


def test_a_rejected_command_changes_nothing_and_the_actor_goes_on(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Deposit(5))
        with pytest.raises(Rejected, match="only 5"):
            await account.ask(Withdraw(6))
        with pytest.raises(Rejected, match="more than 0"):
            await account.ask(Deposit(-1))
        assert await account.ask(Balance()) == 5
        assert account.statistics().restarts == 0

    played(path, scene)


def test_an_event_that_cannot_be_kept_rejects_its_command_whole(path: Path) -> None:
    class Odd(Account):
        def on_break(self, command: Break) -> Effect:
            return persist(Deposited(1), Deposited(line for line in "ab"))  # type: ignore[arg-type]

    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Odd, "a-1")
        await account.ask(Deposit(5))
        with pytest.raises(Rejected, match="cannot be kept"):
            await account.ask(Break("x"))
        assert await account.ask(Balance()) == 5
        assert account.statistics().restarts == 0

    played(path, scene)


@pytest.mark.parametrize("where", ["handler", "reply", "apply"])
def test_a_failure_before_the_commit_keeps_nothing_of_its_command_and_folds_again(path: Path, where: str) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Deposit(5))
        with pytest.raises(ActorFailed):
            await account.ask(Break(where))
        assert await account.ask(Balance()) == 5
        assert account.statistics().restarts == 1

    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        assert await account.ask(Balance()) == 5

    played(path, scene, later)


def test_a_callback_that_raises_after_the_commit_fails_the_actor_and_the_events_stay(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        assert await account.ask(Break("then")) == "kept"
        assert await account.ask(Balance()) == 1
        assert account.statistics().restarts == 1

    played(path, scene)


@pytest.mark.parametrize("is_async", [False, True])
def test_commands_before_one_that_fails_are_answered_and_those_after_it_are_handled(path: Path, is_async: bool) -> None:
    class Slow(Account):
        async def on_break(self, command: Break) -> Effect:  # type: ignore[override]
            return super().on_break(command)

    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Slow if is_async else Account, "a-1")
        await account.ask(Balance())
        asks = [account.ask(Deposit(1)) for _ in range(10)]
        asks += [account.ask(Break("handler"))]
        asks += [account.ask(Deposit(1)) for _ in range(10)]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        assert answers[:10] == list(range(1, 11))
        assert isinstance(answers[10], ActorFailed)
        assert answers[11:] == list(range(11, 21))

    played(path, scene)


def test_a_poison_command_is_a_dead_letter_and_hurts_no_other(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.tell(Break("handler"))
        assert await account.ask(Deposit(3)) == 3
        assert dict(runtime.app.system.dead_letters.counts) == {DeadReason.POISON: 1}

    played(path, scene)


def test_callbacks_run_after_the_commit_and_never_in_a_recovery(path: Path) -> None:
    seen: list[Any] = []

    async def first(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1", seen)
        await account.ask(Deposit(5))
        await account.ask(Withdraw(1))
        assert [state.balance for state in seen] == [4]

    async def second(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1", seen)
        await account.ask(Balance())
        assert len(seen) == 1

    played(path, first, second)


def test_an_async_handler_is_kept_like_any_other(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        assert await asyncio.gather(*(account.ask(Slowly(1)) for _ in range(5))) == [1, 2, 3, 4, 5]

    played(path, scene)


def test_the_effect_stop_ends_the_actor_for_good_after_the_answer(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Deposit(1))
        assert await account.ask(Close()) == "closed"
        await account.stop()
        assert not account.is_alive
        again = await runtime.spawn(Account, "a-1")
        assert await again.ask(Balance()) == 1

    played(path, scene)


def test_a_command_without_handler_is_told_so_and_the_actor_goes_on(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        with pytest.raises(UnhandledMessage, match="Unheard"):
            await account.ask(Unheard())
        assert await account.ask(Deposit(1)) == 1

    played(path, scene)


def test_what_only_asks_writes_nothing(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Balance())
        ledger = await runtime._durable.opened.ledger()
        assert ledger.file.last_seq == 1

    played(path, scene)


def test_a_hundred_commands_at_once_are_a_few_records(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        assert await asyncio.gather(*(account.ask(Deposit(1)) for _ in range(100))) == list(range(1, 101))
        ledger = await runtime._durable.opened.ledger()
        assert len(list(ledger.file.records(kinds=(Kind.EVENTS,)))) < 20

    played(path, scene)


class Held:
    """The commits of a journal wait for `gate`, and fail as they are told."""

    def __init__(self, file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.begun = asyncio.Event()
        append = file._core.append

        async def held(*args: Any) -> list[int]:
            self.begun.set()
            await self.gate.wait()
            if self.error is not None:
                raise self.error
            done: list[int] = await append(*args)
            return done

        monkeypatch.setattr(file._core, "append", held)


def test_no_answer_not_even_of_a_question_shows_what_is_not_on_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Deposit(5))
        held = Held((await runtime._durable.opened.ledger()).file, monkeypatch)
        asks = [asyncio.ensure_future(account.ask(each)) for each in (Deposit(1), Balance(), Withdraw(100))]
        await held.begun.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not any(ask.done() for ask in asks)
        held.gate.set()
        assert await asks[0] == 6
        assert await asks[1] == 6
        with pytest.raises(Rejected, match="only 6"):
            await asks[2]

    played(path, scene)


def test_a_journal_that_cannot_be_written_fails_all_that_wait_and_the_state_is_folded_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        await account.ask(Deposit(5))
        held = Held((await runtime._durable.opened.ledger()).file, monkeypatch)
        held.error = JournalFull("no space")
        asks = [asyncio.ensure_future(account.ask(each)) for each in (Deposit(1), Balance())]
        await held.begun.wait()
        held.gate.set()
        for failed in await asyncio.gather(*asks, return_exceptions=True):
            assert isinstance(failed, ActorFailed)
            assert isinstance(failed.__cause__, JournalFull)
        held.error = None
        assert await account.ask(Balance()) == 5
        assert await account.ask(Deposit(1)) == 6
        assert account.statistics().restarts == 1

    played(path, scene)


def test_what_was_asked_before_a_stop_is_committed_and_answered(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        asks = [asyncio.ensure_future(account.ask(Deposit(1))) for _ in range(50)]
        await asyncio.sleep(0)
        assert await account.stop()
        assert [await ask for ask in asks] == list(range(1, 51))

    async def later(runtime: Runtime) -> None:
        assert await (await runtime.spawn(Account, "a-1")).ask(Balance()) == 50

    played(path, scene, later)


def test_what_was_told_before_the_runtime_ends_is_committed(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        for _ in range(50):
            account.tell_nowait(Deposit(1))

    async def later(runtime: Runtime) -> None:
        assert await (await runtime.spawn(Account, "a-1")).ask(Balance()) == 50

    played(path, scene, later)


def test_a_killed_actor_folds_what_was_committed_and_nothing_twice(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        for round_ in range(5):
            asks = [asyncio.ensure_future(account.ask(Deposit(1))) for _ in range(20)]
            for _ in range(round_ * 3):
                await asyncio.sleep(0)
            account.kill()
            answers = await asyncio.gather(*asks, return_exceptions=True)
            told = sum(isinstance(answer, int) for answer in answers)
            balance = await account.ask(Balance())
            assert told <= balance - sum(scene.done) <= 20  # type: ignore[attr-defined]
            scene.done.append(balance - sum(scene.done))  # type: ignore[attr-defined]
            await asyncio.sleep(0.03)

    scene.done = []  # type: ignore[attr-defined]
    played(path, scene)


def test_a_second_actor_of_one_id_is_refused_by_its_name(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        await runtime.spawn(Account, "a-1")
        with pytest.raises(ValueError, match="Account/a-1"):
            await runtime.spawn(Account, "a-1")

    played(path, scene)


def test_of_two_writers_of_one_id_the_older_is_told_and_nothing_is_kept_of_it(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        older = await runtime.spawn(Account, "a-1", name="older")
        assert await older.ask(Deposit(1)) == 1
        newer = await runtime.spawn(Account, "a-1", name="newer")
        assert await newer.ask(Deposit(10)) == 11
        with pytest.raises(ActorFailed, match="taken over by another actor"):
            await older.ask(Deposit(100))
        assert await older.ask(Balance()) == 11

    played(path, scene)


def test_a_program_that_is_cancelled_amid_commits_ends_and_keeps_what_it_answered(path: Path) -> None:
    told: list[int] = []

    async def program() -> None:
        async with Runtime(path) as runtime:
            account = await runtime.spawn(Account, "a-1")

            async def ask() -> None:
                while True:
                    told.append(await account.ask(Deposit(1)))

            await asyncio.gather(*(ask() for _ in range(10)))

    async def main() -> None:
        running = asyncio.ensure_future(program())
        while len(told) < 50:
            await asyncio.sleep(0.001)
        running.cancel()
        async with asyncio.timeout(30):
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(main())

    async def later(runtime: Runtime) -> None:
        account = await runtime.spawn(Account, "a-1")
        assert await account.ask(Balance()) >= max(told)

    played(path, later)


def test_a_no_of_a_further_actor_is_the_cause_of_a_failure_and_nothing_is_kept_of_the_command(path: Path) -> None:
    class Middle(Account):
        async def on_slowly(self, command: Slowly) -> Effect:
            await self.context.system.actor("Account/a").ask(Withdraw(command.amount))
            return persist(Deposited(command.amount)).reply(lambda state: state.balance)

    async def scene(runtime: Runtime) -> None:
        await runtime.spawn(Account, "a")
        middle = await runtime.spawn(Middle, "m")
        for _ in range(5):
            with pytest.raises(ActorFailed, match="Middle/m failed on this message") as failed:
                await middle.ask(Slowly(5))
            assert isinstance(failed.value.__cause__, Rejected)
            assert failed.value.__cause__.actor == "Account/a"
            with pytest.raises(Rejected, match="there are only 0") as own:
                await middle.ask(Withdraw(5))
            assert own.value.actor == "Middle/m"
        assert await middle.ask(Balance()) == 0
        assert middle.statistics().restarts == 0

    played(path, scene)
