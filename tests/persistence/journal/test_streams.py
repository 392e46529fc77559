"""Streams of durable actors in a journal: heads, who may append, the fold, and every tool that copies or shows."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cuebook.api.checkpoint import Checkpoint
from cuebook.api.chunker import chunk
from cuebook.cli.command import main
from cuebook.errors import JournalCorrupt, JournalError, WriterConflict
from cuebook.persistence.history.replay import JournalState, replay, state_of
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.journal.streams import NAME_MAX, opening
from cuebook.persistence.journal.writer import JournalWriter
from cuebook.persistence.records.chain import check_row
from cuebook.persistence.records.head import Head
from cuebook.persistence.records.record import Entry, Kind, Record
from cuebook.persistence.records.stream_heads import (
    Duties,
    Events,
    Received,
    SnapshotKept,
    StreamOpened,
    packed_places,
    unpacked_places,
)
from cuebook.persistence.upkeep.backup import backup
from cuebook.persistence.upkeep.compaction import compact
from cuebook.persistence.upkeep.salvage import recover
from cuebook.persistence.upkeep.verification import verify
from cuebook.testing.memory_medium import MemoryMedium
from cuebook.wire.codec import pack, unpack
from tests.durable.bank import Account, Balance, Deposit, Remind, Saver
from tests.durable.scenes import played

WRITER = b"w" * 16
GOLDEN: list[tuple[Head, str]] = [
    (
        StreamOpened("Account", "a-1", "bank:Account", 1.5),
        "94a74163636f756e74a3612d31ac62616e6b3a4163636f756e74cb3ff8000000000000",
    ),
    (
        Events(7, 2, WRITER, ("bank:Deposited",), None, 1.5),
        "960702c4107777777777777777777777777777777791ae62616e6b3a4465706f7369746564c0cb3ff8000000000000",
    ),
    (
        Events(7, 3, WRITER, ("bank:Deposited", ""), packed_places([0, 1, 0]), 1.5),
        (
            "960703c4107777777777777777777777777777777792ae62616e6b3a4465706f7369746564a0c406000001000000cb3f"
            "f8000000000000"
        ),
    ),
    (
        SnapshotKept(10, b"d" * 32, 99, 2, 1.5),
        "950ac42064646464646464646464646464646464646464646464646464646464646464646302cb3ff8000000000000",
    ),
    (
        Duties((("k", 1.5, b"m", None), ("\0001\0T/i", 1.5, b"m", ["T", "i", "m:T"]), ("k", 0.0, None, None))),
        (
            "919394a16bcb3ff8000000000000c4016dc094a6003100542f69cb3ff8000000000000c4016d93a154a169a36d3a5494"
            "a16bcb0000000000000000c0c0"
        ),
    ),
    (Received((("T/i", 3),)), "919192a3542f6903"),
]
NAMES = [f"{type(head).__name__}-{place}" for place, (head, _) in enumerate(GOLDEN)]


@pytest.mark.parametrize(("head", "golden"), GOLDEN, ids=NAMES)
def test_the_bytes_of_a_head_are_those_of_the_format(head: Head, golden: str) -> None:
    assert head.encode().hex() == golden
    assert type(head).decode(bytes.fromhex(golden)) == head


@pytest.mark.parametrize("head", [head for head, _ in GOLDEN], ids=NAMES)
def test_a_head_of_another_shape_is_refused(head: Head) -> None:
    values: list[Any] = unpack(head.encode())
    malformed = [b"", b"\xc1", pack(None), pack(values[:-1]), pack([*values, 1]), head.encode()[:-1]]
    malformed += [pack([*values[:place], {"a": []}, *values[place + 1 :]]) for place in range(len(values))]
    for data in malformed:
        with pytest.raises(JournalCorrupt):
            type(head).decode(data)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Events, [0, 1, WRITER, ["x"], None, 1.5]),
        (Events, [1, 0, WRITER, ["x"], None, 1.5]),
        (Events, [1, 1, WRITER, [], None, 1.5]),
        (Events, [1, 1, WRITER, [7], None, 1.5]),
        (Events, [1, 2, WRITER, ["x"], b"\0\0", 1.5]),
        (SnapshotKept, [1, b"", 0, 0, 1.5]),
        (Duties, [[["k", 1.5, "text", None]]]),
        (Duties, [[["k", 1.5, b"", ["only one"]]]]),
        (Duties, [[["k", "now", b"", None]]]),
        (Duties, [[[1]]]),
        (Received, [[["T/i", "one"]]]),
    ],
)
def test_a_head_that_makes_no_sense_is_refused(kind: type[Head], values: list[Any]) -> None:
    with pytest.raises(JournalCorrupt):
        kind.decode(pack(values))


def test_a_place_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no name"):
        unpacked_places(packed_places([0, 1]), 1)
    assert list(unpacked_places(packed_places([0, 1]), 2)) == [0, 1]


def events(first: int, count: int, stream: int = -1) -> Entry:
    head = Events(first, count, WRITER, ("",), None, 1.5)
    return Entry(Kind.EVENTS, stream, head.encode(), b"\x01" * count)


def stream_opened(stream: int = -1, id: str = "a") -> Entry:
    return Entry(Kind.STREAM_OPENED, stream, StreamOpened("T", id, "m:T", 1.5).encode())


def snapshot(number: int, body: bytes, stream: int = -1, keep: int = 2) -> Entry:
    head = SnapshotKept(number, hashlib.sha256(body).digest(), len(body), keep, 1.5)
    return Entry(Kind.SNAPSHOT, stream, head.encode())


async def table(file: JournalWriter) -> None:
    number, last = file.streams.take(opening("T", "a", "m:T"), b"1")
    assert (number, last) == (-1, 0)
    opened = file.streams.claim(-1, b"1", 1, 2)
    assert opened is not None
    await file.append([opened, events(1, 2)])
    assert file.streams.claim(-1, b"1", 3, 1) is None
    await file.append([events(3, 1)])
    assert file.streams.take(opening("T", "b", "m:T"), b"1")[0] == -2
    with pytest.raises(WriterConflict, match="event 9 of T 'a' cannot be kept: the next one is 4"):
        file.streams.claim(-1, b"1", 9, 1)
    assert file.streams.take(opening("T", "a", "m:T"), b"2") == (-1, 3)
    with pytest.raises(WriterConflict, match="T 'a' was taken over"):
        file.streams.claim(-1, b"1", 4, 1)
    assert file.streams.claim(-1, b"2", 4, 1) is None
    file.streams.give_back(-1, 4, was_opened=False)
    with pytest.raises(WriterConflict):
        file.streams.claim(-1, b"2", 4, 1)
    assert file.streams.take(opening("T", "a", "m:T"), b"3") == (-1, 3)
    assert file.streams.claim(-1, b"3", 4, 1) is None


@pytest.mark.parametrize("is_file", [True, False])
def test_one_writer_appends_to_a_stream_and_the_next_number_only(tmp_path: Path, is_file: bool) -> None:
    async def main() -> None:
        place = tmp_path / "x.cue"
        async with await JournalWriter.open(place if is_file else MemoryMedium()) as file:
            await table(file)

    asyncio.run(main())


def test_numbers_of_streams_are_found_again_and_never_given_twice(tmp_path: Path) -> None:
    async def main() -> None:
        for last in (0, 1):
            async with await JournalWriter.open(tmp_path / "x.cue") as file:
                assert file.streams.take(opening("T", "b", "m:T"), b"1") == (-1, last)
                assert file.streams.take(opening("T", "a", "m:T"), b"1") == (-2, last)
                for number in (-1, -2):
                    entry = file.streams.claim(number, b"1", last + 1, 1)
                    await file.append([*([entry] if entry else []), events(last + 1, 1, number)])

    asyncio.run(main())


def test_a_stream_that_was_never_kept_leaves_no_gap_in_the_numbers(tmp_path: Path) -> None:
    async def main() -> None:
        async with await JournalWriter.open(tmp_path / "x.cue") as file:
            assert file.streams.take(opening("T", "only asked", "m:T"), b"1") == (-1, 0)
            assert file.streams.take(opening("T", "kept", "m:T"), b"1") == (-2, 0)
            entry = file.streams.claim(-2, b"1", 1, 1)
            assert entry is not None
            await file.append([entry, events(1, 1, -2)])
        async with await JournalWriter.open(tmp_path / "x.cue") as file:
            assert file.streams.take(opening("T", "new", "m:T"), b"1")[0] != -2
            assert file.streams.take(opening("T", "kept", "m:T"), b"1") == (-2, 1)

    asyncio.run(main())


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(JournalError, match="too long"):
        opening("T", "x" * NAME_MAX, "m:T")


def folded(*entries: Entry) -> JournalState:
    return replay(
        Record(seq, entry.kind, entry.run, entry.head, entry.body, b"") for seq, entry in enumerate(entries, 1)
    )


def test_the_fold_of_a_stream() -> None:
    owed = Entry(Kind.DUTIES, -1, Duties((("a", 2.0, b"m", None), ("b", 3.0, b"m", None))).encode())
    done = Entry(Kind.DUTIES, -1, Duties((("a", 0.0, None, None),)).encode())
    had = Entry(Kind.RECEIVED, -1, Received((("T/b", 1),)).encode())
    state = folded(stream_opened(), events(1, 3), snapshot(3, b""), events(4, 2), owed, done, had)
    stream = state.streams[-1]
    assert (stream.events, stream.first, list(stream.duties)) == (5, 1, ["b"])
    assert [head.number for _, head in stream.snapshots] == [3]
    assert state.runs == {}


@pytest.mark.parametrize(
    "entries",
    [
        [events(1, 1)],
        [stream_opened(), stream_opened()],
        [stream_opened(1)],
        [stream_opened(), events(1, 2), events(4, 1)],
        [stream_opened(), events(1, 2), events(2, 1)],
        [stream_opened(), events(1, 2), snapshot(5, b"")],
        [stream_opened(), snapshot(5, b""), events(7, 1)],
    ],
)
def test_records_that_contradict_a_stream_are_damage(entries: list[Entry]) -> None:
    with pytest.raises(JournalCorrupt):
        folded(*entries)


async def bank(runtime: Any) -> None:
    saver = await runtime.spawn(Saver, "s-1")
    account = await runtime.spawn(Account, "a-1")
    for number in range(25):
        await saver.ask(Deposit(1))
        await account.ask(Deposit(2))
    await account.ask(Remind("k", 3600.0, 1))


async def still(runtime: Any) -> None:
    saver = await runtime.spawn(Saver, "s-1")
    account = await runtime.spawn(Account, "a-1")
    assert [await saver.ask(Balance()), await account.ask(Balance())] == [25, 50]


def double(x: int) -> int:
    return 2 * x


@pytest.fixture
def cue(tmp_path: Path) -> Path:
    path = tmp_path / "both.cue"
    played(path, bank)
    assert chunk(double, [[1], [2]], path=path, where="thread") == [2, 4]
    return path


def test_runs_and_actors_share_a_journal_and_neither_disturbs_the_other(cue: Path) -> None:
    assert verify(cue).ok
    assert Checkpoint.load(cue).output == [2, 4]
    played(cue, still)
    assert chunk(double, [[1], [2], [3]], path=cue, where="thread") == [2, 4, 6]
    found = Checkpoint.load(cue)
    assert found.output == [2, 4, 6]
    with open_reader(cue) as reader:
        assert sorted(state_of(reader).runs) == [1, 2]


def test_show_lists_durable_actors(cue: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(cue)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("run")
    assert shown[2].split() == ["actor", "last", "kept", "events", "snapshots", "owes"]
    assert {tuple(line.split()[:1] + line.split()[3:]) for line in shown[3:]} == {
        ("Saver/s-1", "25", "2", "0"),
        ("Account/a-1", "25", "0", "1"),
    }
    assert main(["show", "--json", str(cue)]) == 0
    objects = json.loads(capsys.readouterr().out)["actors"]
    saver = next(each for each in objects if each["id"] == "s-1")
    assert (saver["events"], saver["snapshots"], saver["class"]) == (25, [10, 20], "tests.durable.bank:Saver")


def test_a_journal_of_actors_alone_is_shown_and_has_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "actors.cue"
    played(path, bank)
    assert main(["show", str(path)]) == 0
    assert capsys.readouterr().out.startswith("actor")
    assert [main([name, str(path)]) for name in ("why", "watch", "export")] == [3, 3, 3]


def test_a_backup_has_the_actors(cue: Path, tmp_path: Path) -> None:
    backup(cue, tmp_path / "copy.cue")
    played(tmp_path / "copy.cue", still)


def test_compaction_keeps_streams_and_drops_events_only_when_told(cue: Path) -> None:
    def count(kind: Kind) -> int:
        with open_reader(cue) as reader:
            return len(list(reader.records(kinds=(kind,))))

    before = count(Kind.EVENTS)
    compact(cue)
    assert count(Kind.EVENTS) == before
    played(cue, still)
    compact(cue, drop_events=True)
    assert count(Kind.EVENTS) == before - 10  # what the older of the two snapshots has in it
    assert count(Kind.SNAPSHOT) == 2
    assert verify(cue).ok
    played(cue, still, still)
    assert Checkpoint.load(cue).output == [2, 4]
    with open_reader(cue) as reader:
        assert len(next(iter(s for s in state_of(reader).streams.values() if s.opened.id == "a-1")).duties) == 1


def test_the_command_drops_events_when_told(cue: Path) -> None:
    assert main(["compact", "--drop-events", str(cue)]) == 0
    played(cue, still)


def test_a_stream_whose_dropped_events_are_needed_says_so(cue: Path) -> None:
    import sqlite3

    from cuebook.errors import ActorStopped

    async def later(runtime: Any) -> None:
        saver = await runtime.spawn(Saver, "s-1")
        with pytest.raises(ActorStopped, match="its first events were dropped, and no snapshot can be read"):
            await saver.ask(Balance())

    compact(cue, drop_events=True)
    with contextlib.closing(sqlite3.connect(cue)) as database, database:
        database.execute("DELETE FROM states")
    played(cue, later)


def test_recovery_keeps_whole_streams_and_the_bytes_of_snapshots(cue: Path, tmp_path: Path) -> None:
    found = recover(cue, tmp_path / "new.cue")
    assert found.lost == ()
    assert verify(tmp_path / "new.cue").ok
    with open_reader(tmp_path / "new.cue") as reader:
        assert len(reader.states()) == 2
    played(tmp_path / "new.cue", still)


def test_a_damaged_event_is_named_and_what_depends_on_it_is_not_kept_by_recovery(cue: Path, tmp_path: Path) -> None:
    import sqlite3

    with open_reader(cue) as reader:
        record = list(reader.records(kinds=(Kind.EVENTS,)))[-1]
    with contextlib.closing(sqlite3.connect(cue)) as database, database:
        (trigger,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'records_never_updated'").fetchone()
        database.execute("DROP TRIGGER records_never_updated")
        database.execute("UPDATE records SET body = x'ff' WHERE seq = ?", (record.seq,))
        database.execute(trigger)
    report = verify(cue)
    assert (report.ok, report.bad_record) == (False, record.seq)
    recover(cue, tmp_path / "new.cue")
    with open_reader(tmp_path / "new.cue") as reader:
        balances = sorted(stream.events for stream in state_of(reader).streams.values())
    assert balances == [24, 25]
    assert check_row  # the chain is what found it


def test_a_journal_of_this_format_is_read_by_every_later_version(tmp_path: Path) -> None:
    path = tmp_path / "golden.cue"
    shutil.copy(Path(__file__).parent.parent.parent / "golden" / "format1-streams.journal", path)

    async def later(runtime: Any) -> None:
        account = await runtime.spawn(Saver, "golden")
        assert await account.ask(Balance()) == 60
        assert await account.ask(Deposit(1)) == 61

    assert verify(path).ok
    with open_reader(path) as reader:
        [stream] = state_of(reader).streams.values()
    assert (stream.events, [head.number for _, head in stream.snapshots]) == (14, [10])
    assert list(stream.duties) == ["later"]
    played(path, later)


def test_the_store_selects_a_streams_records_of_one_kind(tmp_path: Path) -> None:
    async def main() -> None:
        for place in (tmp_path / "x.cue", MemoryMedium()):
            async with await JournalWriter.open(place) as file:
                await file.append([stream_opened(-1), events(1, 1), stream_opened(-2, "b"), events(1, 1, -2)])
                await file.append([events(2, 1), snapshot(2, b"s")], states={1: b"s"})
                await file.append([events(3, 1)])
                assert [record.seq for record in file.select(Kind.EVENTS, -1)] == [3, 6, 8]
                assert [record.seq for record in file.select(Kind.EVENTS, -1, after=3, limit=1)] == [6]
                assert [record.seq for record in file.select(Kind.EVENTS, -1, newest=True, limit=2)] == [8, 6]
                assert [record.seq for record in file.select(Kind.EVENTS, None)] == [3, 5, 6, 8]
                assert [record.seq for record in file.select(Kind.SNAPSHOT, -1)] == [7]
                assert file.select(Kind.SNAPSHOT, -2) == []
                assert file.next_run() == 1

    asyncio.run(main())
