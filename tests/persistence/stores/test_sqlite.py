"""The store on disk: append-only by its own triggers, durable, private, and never in the way of a process that ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cuebook.errors import JournalBusy, JournalCorrupt, JournalError, JournalFull
from cuebook.persistence.records.row import Row
from cuebook.persistence.stores.sqlite import writing as module
from cuebook.persistence.stores.sqlite.location import Mount
from cuebook.persistence.stores.sqlite.schema import APPLICATION_ID
from cuebook.persistence.stores.sqlite.writing import SqliteStore
from tests.support.journals import run

pytestmark = pytest.mark.quick


def row(seq: int, body: bytes = b"body") -> Row:
    return (seq, 4, 1, b"%032d" % seq, 0, b"head", body, None)


def stored(path: Path, count: int = 3) -> None:
    async def work() -> None:
        store = SqliteStore(path)
        await store.open()
        await store.insert([row(seq) for seq in range(1, count + 1)])
        await store.close()

    run(work())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET head = x'00' WHERE seq = 2",
        "DELETE FROM records WHERE seq = 2",
        "DELETE FROM records",
        "INSERT OR REPLACE INTO records VALUES (2, 4, 1, x'00', 0, x'00', x'00')",
        "REPLACE INTO records VALUES (3, 4, 1, x'00', 0, x'00', x'00')",
        "INSERT INTO records VALUES (2, 4, 1, x'00', 0, x'00', x'00') ON CONFLICT DO UPDATE SET head = x'00'",
        "INSERT INTO records VALUES (0, 4, 1, x'00', 0, x'00', x'00')",
        "INSERT INTO records VALUES (9, 4, 1, x'00', 0, x'00', x'00')",
        "INSERT INTO records VALUES (NULL, 4, 1, x'00', 0, x'00', x'00')",
        "UPDATE states SET body = x'00'",
    ],
)
def test_the_file_itself_refuses_whatever_is_no_append(tmp_path: Path, statement: str) -> None:
    stored(tmp_path / "a.cue")
    connection = sqlite3.connect(tmp_path / "a.cue")
    connection.execute("INSERT INTO states VALUES (1, x'01')")
    before = connection.execute("SELECT * FROM records").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match="append-only|never updated"):
        connection.execute(statement)
    assert connection.execute("SELECT * FROM records").fetchall() == before
    connection.close()


def test_the_file_is_marked_as_a_journal_in_wal_mode_and_private(tmp_path: Path) -> None:
    stored(tmp_path / "sub" / "folder" / "a.cue")
    path = tmp_path / "sub" / "folder" / "a.cue"
    assert path.stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_the_files_beside_an_open_store_are_private_too(tmp_path: Path) -> None:
    async def work() -> None:
        store = SqliteStore(tmp_path / "a.cue")
        await store.open()
        await store.insert([row(1)])
        assert modes(tmp_path) == {"a.cue": 0o600, "a.cue-wal": 0o600, "a.cue-shm": 0o600}
        await store.close()

    run(work())


def test_the_writer_syncs_each_commit_in_full(tmp_path: Path) -> None:
    async def work() -> None:
        store = SqliteStore(tmp_path / "a.cue")
        await store.open()
        assert store._writer is not None
        assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._writer.execute("PRAGMA recursive_triggers").fetchone() == (1,)
        await store.close()

    run(work())


def test_a_clean_close_leaves_one_file(tmp_path: Path) -> None:
    stored(tmp_path / "a.cue")
    assert [path.name for path in tmp_path.iterdir()] == ["a.cue"]


def test_on_a_network_file_system_a_rollback_journal_is_used_and_that_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "mount_of", lambda path: Mount("nfs4", is_network=True, locks_are_local=False))

    async def work() -> None:
        for expected in ([row(1)], [row(2)]):
            store = SqliteStore(tmp_path / "a.cue")
            await store.open()
            assert store._writer is not None
            assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("delete",)
            assert store._writer.execute("PRAGMA synchronous").fetchone() == (3,)
            await store.insert(expected)
            await store.close()

    with caplog.at_level("WARNING"):
        run(work())
    assert len([record for record in caplog.records if "network_file_system" in record.getMessage()]) == 1


def test_a_full_disk_is_told_as_such_and_stores_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        store = SqliteStore(tmp_path / "a.cue")
        await store.open()
        await store.insert([row(1)])
        assert store._writer is not None
        store._writer.execute("PRAGMA max_page_count = 20")
        with pytest.raises(JournalFull, match="disk is full"):
            await store.insert([row(2, bytes(10)), row(3, bytes(200_000))])
        assert (await store.open()).seq == 1
        await store.insert([row(2)])
        await store.close()

    run(work())


LIMITED = """
import asyncio, resource, signal, sys
from cuebook.persistence.stores.sqlite.writing import SqliteStore
from cuebook.errors import JournalError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def row(seq, body): return (seq, 4, 1, b"h" * 32, 0, b"head", body, None)
async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    await store.insert([row(1, b"first")])
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    try:
        await store.insert([row(2, bytes(500_000))])
    except JournalError as error:
        print(type(error).__name__)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print((await store.open()).seq)
    await store.insert([row(2, b"second")])
    await store.close()
asyncio.run(main())
"""


def test_a_write_that_the_system_refuses_stores_nothing_and_the_store_goes_on_after_reopening(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "a.cue")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.split() == ["JournalError", "1"]


def test_a_foreign_lock_on_the_file_is_told_as_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUSY_SECONDS", 0.02)
    stored(tmp_path / "a.cue")

    async def work() -> None:
        store = SqliteStore(tmp_path / "a.cue")
        await store.open()
        other = sqlite3.connect(tmp_path / "a.cue", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalBusy, match="another program"):
            await store.insert([row(4)])
        other.execute("ROLLBACK")
        other.close()
        assert (await store.open()).seq == 3
        await store.close()

    run(work())


def test_a_writer_that_bypassed_the_lock_is_noticed(tmp_path: Path) -> None:
    stored(tmp_path / "a.cue")

    async def work() -> None:
        store = SqliteStore(tmp_path / "a.cue")
        await store.open()
        other = sqlite3.connect(tmp_path / "a.cue", isolation_level=None)
        other.execute("INSERT INTO records VALUES (4, 4, 1, x'00', 0, x'00', x'00')")
        other.close()
        with pytest.raises(JournalError, match="someone else"):
            await store.insert([row(4)])
        await store.close()

    run(work())


def test_a_cancelled_insert_returns_only_when_its_fate_is_settled(tmp_path: Path) -> None:
    async def work() -> None:
        store = SqliteStore(tmp_path / "a.cue")
        await store.open()
        inserting = asyncio.create_task(store.insert([row(seq, bytes(1000)) for seq in range(1, 2001)]))
        await asyncio.sleep(0)
        inserting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await inserting
        with pytest.raises(JournalError, match="opened again"):
            await store.insert([row(2001)])
        assert (await store.open()).seq in {0, 2000}
        await store.close()

    run(work())


OPEN_AND = """
import asyncio, sys, threading
from cuebook.persistence.stores.sqlite.writing import SqliteStore
async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    await store.insert([(1, 4, 1, b"h" * 32, 0, b"head", b"body", None)])
    {}
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("ending", "code"),
    [("raise RuntimeError('boom')", 1), ("sys.exit(3)", 3), ("return", 0), ("sys.modules['kept'] = store", 0)],
)
def test_a_store_left_open_does_not_keep_its_process_from_exiting(tmp_path: Path, ending: str, code: int) -> None:
    command = [sys.executable, "-c", OPEN_AND.format(ending), str(tmp_path / "a.cue")]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == code, done.stderr
    assert time.monotonic() - began < 2 + 1  # the interpreter's own start is not what is measured
    with contextlib.closing(sqlite3.connect(tmp_path / "a.cue")) as other:
        assert other.execute("SELECT count(*) FROM records").fetchone() == (1,)


def test_an_open_that_fails_leaves_no_thread_and_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "a.cue").write_text("not a database, but a text that is long enough to be looked at" * 20)

    async def work() -> None:
        for _ in range(5):
            with pytest.raises(JournalCorrupt):
                await SqliteStore(tmp_path / "a.cue").open()

    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    run(work())
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert after <= before + 1


def test_a_cancelled_insert_waits_for_the_report_of_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop may be closed when it has ended: a report to it would then end the connection's thread."""
    settled, report = threading.Event(), threading.Event()

    def slowly(writer: sqlite3.Connection, commit: Any = module._WritingConnection.commit) -> None:
        commit(writer)
        settled.set()
        report.wait(30)

    async def work() -> None:
        store = SqliteStore(tmp_path / "a.cue")
        await store.open()
        monkeypatch.setattr(module._WritingConnection, "commit", slowly)
        insert = asyncio.create_task(store.insert([row(1)]))
        while not settled.is_set():
            await asyncio.sleep(0.001)
        insert.cancel()
        for _ in range(20):
            await asyncio.sleep(0)
        assert not insert.done()
        report.set()
        with pytest.raises(asyncio.CancelledError):
            await insert
        await store.close()

    run(work())


def test_an_opening_that_is_cancelled_before_its_thread_has_begun_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it opens is closed again, and its report does not reach a loop that is closed."""
    begin = threading.Event()

    def late(store: SqliteStore, connect: Any = SqliteStore._connect) -> Any:
        begin.wait(30)
        return connect(store)

    async def work() -> None:
        store = SqliteStore(tmp_path / "a.cue")
        monkeypatch.setattr(SqliteStore, "_connect", late)
        opening = asyncio.create_task(store.open())
        await asyncio.sleep(0)
        opening.cancel()
        threading.Timer(0.05, begin.set).start()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert begin.is_set() and store._thread is None and store._writer is None and store._files is None

    run(work())


def test_a_close_that_is_cancelled_at_any_moment_ends_the_thread_all_the_same(tmp_path: Path) -> None:
    async def work(turns: int) -> bool:
        store = SqliteStore(tmp_path / "a.cue")
        await store.open()
        thread: Any = store._thread
        closing = asyncio.create_task(store.close())
        for _ in range(turns):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        is_left = thread.is_alive() and closing.cancelled()
        thread.join()
        return is_left

    assert not any(run(work(turns)) for turns in range(1, 60))


def test_the_writing_thread_never_keeps_the_interpreter_from_exiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(module, "_warn", lambda event, **_: said.append(event))

    async def work() -> bool:
        store = SqliteStore(tmp_path / "a.cue")
        await store.open()
        assert store._thread is not None
        is_daemon = store._thread.daemon
        await store.close()
        return is_daemon

    assert not threading.current_thread().daemon
    assert run(work())
    assert said == []
    monkeypatch.setattr(module, "_in_daemon", lambda make: make())  # as if a later release made its thread elsewhere
    assert not run(work())
    assert said == ["journal_thread_outlives_main"]


def test_a_reading_is_kept_for_the_next_one_but_not_beyond_the_opening_that_it_is_of(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "a.cue")

    async def work() -> None:
        await store.open()
        with store.reading() as first:
            pass
        with store.reading() as again, store.reading() as another:
            assert again is first
            assert another is not first
        with store.reading() as late:
            await store.close()
            await store.open()
        with store.reading() as fresh:
            assert fresh is not late
            assert fresh.end() == 0
        with pytest.raises(ZeroDivisionError), store.reading() as failed:
            raise ZeroDivisionError
        with store.reading() as after:
            assert after is not failed
        await store.close()

    run(work())
