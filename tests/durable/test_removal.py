"""A durable actor that is removed: nothing of it is read again, its bytes go with a compaction, its id begins anew."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from cuebook.api.runtime import Runtime
from cuebook.cli.command import main
from cuebook.errors import ActorFailed, ActorStopped
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.verification import verify
from tests.durable.bank import Account, Balance, Deposit, Remind, Saver, Transfer
from tests.durable.scenes import played
from tests.durable.test_read_side import Add, Till, Total, amounts, read

pytestmark = pytest.mark.quick

SECRET = "ada-of-somewhere"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "actors.cue"


def test_a_removed_actor_begins_anew_in_this_run_and_the_next_and_others_stay(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        for id in (SECRET, "bob"):
            await runtime.entity(Saver, id).ask(Deposit(5))
        assert await runtime.remove(Saver, SECRET) is True
        assert await runtime.remove(Saver, SECRET) is False
        assert await runtime.remove(Saver, "nobody") is False
        assert await runtime.entity(Saver, SECRET).ask(Balance()) == 0
        assert await runtime.entity(Saver, SECRET).ask(Deposit(1)) == 1

    async def later(runtime: Runtime) -> None:
        assert await runtime.entity(Saver, SECRET).ask(Balance()) == 1
        assert await runtime.entity(Saver, "bob").ask(Balance()) == 5
        assert await runtime.remove(Saver, SECRET) is True  # while it is at work

    async def at_last(runtime: Runtime) -> None:
        assert await runtime.entity(Saver, SECRET).ask(Balance()) == 0
        assert await runtime.entity(Saver, "bob").ask(Balance()) == 5

    played(path, scene, later, at_last)
    compact(path)
    assert verify(path).ok
    played(path, at_last)


def test_messages_that_come_during_its_removal_are_handled_by_its_old_life_or_its_new_one(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        account = runtime.entity(Account, "a")
        for _ in range(5):
            await account.ask(Deposit(1000))
            is_over = False

            async def deposit() -> int:
                count = 0
                while not is_over:
                    with contextlib.suppress(ActorFailed, ActorStopped):
                        await account.ask(Deposit(1))
                        count += 1
                return count

            depositing = [asyncio.ensure_future(deposit()) for _ in range(4)]
            await asyncio.sleep(0.01)
            assert await runtime.remove(Account, "a")
            assert (await account.ask(Balance())) < 1000
            is_over = True
            assert sum(await asyncio.gather(*depositing)) > 0
            assert (await account.ask(Balance())) < 1000

    async def later(runtime: Runtime) -> None:
        assert (await runtime.entity(Account, "a").ask(Balance())) < 1000

    played(path, scene, later)
    assert verify(path).ok


@pytest.mark.parametrize("cls", [Account, Saver])
def test_its_bytes_leave_the_journal_with_the_next_compaction(path: Path, cls: type[Account]) -> None:
    async def scene(runtime: Runtime) -> None:
        await runtime.entity(cls, SECRET).ask(Deposit(5))
        await runtime.entity(cls, SECRET).ask(Remind("k", 900.0, 1))
        await runtime.entity(cls, "bob").ask(Deposit(5))
        await runtime.remove(cls, SECRET)

    played(path, scene)
    compact(path)
    left = b"".join(each.read_bytes() for each in path.parent.rglob("*") if each.is_file())
    assert SECRET.encode() not in left
    assert b"bob" in left


def test_what_it_owed_is_owed_no_more(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        await runtime.entity(Account, "a").ask(Remind("k", 0.05, 100))
        await runtime.remove(Account, "a")

    async def later(runtime: Runtime) -> None:
        await runtime.host(Account)
        await asyncio.sleep(0.05)
        assert await runtime.entity(Account, "a").ask(Balance()) == 0

    played(path, scene, later)


def test_deliveries_of_its_next_life_are_no_repetitions_of_those_of_its_last(path: Path) -> None:
    async def life(runtime: Runtime, received: int) -> None:
        await runtime.entity(Account, "a").ask(Deposit(10))
        for _ in range(3):
            await runtime.entity(Account, "a").ask(Transfer("b", 1))
        async with asyncio.timeout(20):
            while await runtime.entity(Account, "b").ask(Balance()) != received:
                await asyncio.sleep(0.002)

    async def first(runtime: Runtime) -> None:
        await life(runtime, 3)
        await runtime.remove(Account, "a")

    async def second(runtime: Runtime) -> None:
        await life(runtime, 6)

    played(path, first)
    compact(path)
    played(path, second)


def test_who_follows_or_reads_from_the_beginning_gets_nothing_of_it(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        await runtime.entity(Till, "a").ask(Add([1, 2]))
        await runtime.entity(Till, "b").ask(Add([3]))
        first = (await read(runtime))[0].offset
        await runtime.remove(Till, "a")
        await runtime.entity(Till, "a").ask(Add([4]))
        assert amounts(await read(runtime)) == amounts(await read(runtime, first)) == [3, 4]

    played(path, scene)
    compact(path)

    async def later(runtime: Runtime) -> None:
        assert amounts(await read(runtime)) == [3, 4]
        assert await runtime.entity(Till, "a").ask(Total()) == 4

    played(path, later)


def test_only_durable_actors_of_a_runtime_with_a_path_are_removed(path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        with pytest.raises(TypeError, match="durable"):
            await runtime.remove(int, "a")  # type: ignore[arg-type]

    played(path, scene)

    async def without() -> None:
        async with Runtime() as runtime:
            with pytest.raises(ValueError, match="path="):
                await runtime.remove(Account, "a")

    asyncio.run(without())


def test_the_command_removes_one_and_refuses_a_journal_that_is_in_use(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene(runtime: Runtime) -> None:
        await runtime.entity(Account, "a").ask(Deposit(5))
        await runtime.entity(Account, "b").ask(Deposit(6))
        command = [sys.executable, "-m", "cuebook", "actors", "remove", str(path), "Account/a"]
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode != 0
        assert "in use by process" in refused.stderr

    played(path, scene)
    assert main(["actors", "remove", str(path), "a"]) == 0
    assert "Account/a" in capsys.readouterr().out
    assert main(["actors", "remove", str(path), "a"]) != 0
    capsys.readouterr()
    main(["actors", "list", str(path)])
    listed = capsys.readouterr().out
    assert "Account/b" in listed
    assert "Account/a" not in listed
