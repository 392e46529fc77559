"""What stands beside a journal: refused by name by whatever opens it, and held where others could put it there."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cuebook.cli.command import main
from cuebook.errors import JournalNotTrusted
from cuebook.persistence.journal.reader import open_reader
from cuebook.persistence.trust.verdicts import BLOBS, LOCK, SQLITE_SIDES
from cuebook.persistence.upkeep.backup import backup
from tests.persistence.stores.held import COMMANDS, foreign
from tests.support.journals import completed, opened, write
from tests.support.salvage import blob_journal
from tests.support.two_users import needs_root


def link(place: Path) -> None:
    place.symlink_to("/etc/passwd")


def dangling_link(place: Path) -> None:
    place.symlink_to(place.with_name("elsewhere"))


def hard_link(place: Path) -> None:
    other = place.with_name("other")
    other.touch()
    os.link(other, place)


def fifo(place: Path) -> None:
    os.mkfifo(place)


def folder(place: Path) -> None:
    place.mkdir()


def file(place: Path) -> None:
    place.touch()


def socket_(place: Path) -> None:
    here = os.getcwd()
    os.chdir(place.parent)  # a socket's name is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(place.name)
    finally:
        os.chdir(here)


def device(place: Path) -> None:
    os.mknod(place, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # /dev/zero: it has no end


NO_FILES = [link, dangling_link, hard_link, fifo, folder, socket_]


NO_FOLDERS = [link, dangling_link, fifo, file, socket_]


OF_ROOT = [pytest.param(device, marks=needs_root), pytest.param(foreign, marks=needs_root)]


PLANTED = [
    *(pytest.param(end, kind, id=f"{end}-{kind.__name__}") for end in (*SQLITE_SIDES, LOCK) for kind in NO_FILES),
    *(pytest.param(BLOBS, kind, id=f"{BLOBS}-{kind.__name__}") for kind in NO_FOLDERS),
    *(
        pytest.param(end, kind, id=f"{end}-{kind.__name__}", marks=needs_root)
        for end in (*SQLITE_SIDES, LOCK, BLOBS)
        for kind in (device, foreign)
    ),
]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "a.cue"
    write(path, [opened(), completed(0)])
    for end in (LOCK, BLOBS):
        if (tmp_path / f"a.cue{end}").exists():
            (tmp_path / f"a.cue{end}").unlink()
    return path


@pytest.mark.parametrize(("end", "kind"), PLANTED)
def test_what_is_planted_beside_a_journal_is_refused_by_name_and_nothing_is_touched(
    journal: Path, end: str, kind: Callable[[Path], None]
) -> None:
    place = journal.with_name(f"{journal.name}{end}")
    kind(place)
    before, planted = journal.read_bytes(), os.lstat(place)
    for name, command in COMMANDS.items():
        with pytest.raises(JournalNotTrusted) as caught:
            command(journal)
        assert str(caught.value).startswith(f"{place} "), name
        assert caught.value.path == str(place)
        assert not journal.with_name("new.cue").exists()
    assert journal.read_bytes() == before
    assert os.lstat(place)[:7] == planted[:7]
    assert not journal.with_name("elsewhere").exists()


@pytest.mark.parametrize("words", ["show", "why", "export", "verify", "watch", "compact", "forget --run 1"])
def test_every_command_says_so_in_a_line(journal: Path, capsys: pytest.CaptureFixture[str], words: str) -> None:
    place = journal.with_name("a.cue-wal")
    fifo(place)
    name, *more = words.split()
    assert main([name, str(journal), *more]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"Error: {place} is a FIFO, where a plain file belongs.")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("kind", [*NO_FILES, *OF_ROOT])
@pytest.mark.parametrize("end", ["", "-wal", "-journal"])
@pytest.mark.parametrize("command", ["backup", "recover", "compact"])
def test_no_unfinished_file_is_written_where_something_else_has_its_name(
    journal: Path, kind: Callable[[Path], None], end: str, command: str
) -> None:
    target = journal if command == "compact" else journal.with_name("new.cue")
    place = target.with_name(f"{target.name}.part{end}")
    kind(place)
    planted = os.lstat(place)
    with pytest.raises(JournalNotTrusted) as caught:
        COMMANDS[command](journal)
    assert str(caught.value).startswith(f"{place} ")
    assert os.lstat(place)[:7] == planted[:7]
    assert not journal.with_name("new.cue").exists()


@pytest.mark.parametrize("command", ["backup", "recover", "compact"])
def test_what_a_killed_program_left_of_an_unfinished_file_is_taken_away(journal: Path, command: str) -> None:
    target = journal if command == "compact" else journal.with_name("new.cue")
    for end in ("", "-journal", "-wal"):
        target.with_name(f"{target.name}.part{end}").write_bytes(b"SQLite format 3\0 and half of it")
    COMMANDS[command](journal)
    assert [name for name in os.listdir(journal.parent) if ".part" in name] == []
    with open_reader(target) as reader:
        assert [record.seq for record in reader.records()] == [1, 2, 3]


# --- blobs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [link, hard_link, fifo, folder, socket_, pytest.param(device, marks=needs_root)])
@pytest.mark.parametrize("command", ["backup", "recover", "verify"])
def test_a_blob_that_is_no_plain_file_is_refused_by_name(
    tmp_path: Path, kind: Callable[[Path], None], command: str
) -> None:
    blobs, digest, _ = blob_journal(tmp_path / "a.cue")
    place = Path(blobs.path_of(digest))
    place.unlink()
    kind(place)
    with pytest.raises(JournalNotTrusted) as caught:
        COMMANDS[command](tmp_path / "a.cue")
    assert str(caught.value).startswith(f"{place} ")


@pytest.mark.parametrize("command", ["backup", "recover", "verify", "compact"])
def test_no_link_leads_out_of_the_blobs(tmp_path: Path, command: str) -> None:
    blobs, digest, _ = blob_journal(tmp_path / "a.cue")
    inner = Path(blobs.path_of(digest)).parent
    secret = tmp_path / "secret"
    inner.rename(secret)
    inner.symlink_to(secret)
    with pytest.raises(JournalNotTrusted, match=f"^{inner} is a link"):
        COMMANDS[command](tmp_path / "a.cue")
    assert sorted(each.name for each in secret.iterdir()) == [digest.hex()[2:]]
    assert not (tmp_path / "new.cue").exists()


def test_a_file_that_is_not_what_its_name_says_is_not_copied_by_a_backup(tmp_path: Path) -> None:
    blobs, digest, other = blob_journal(tmp_path / "a.cue")
    Path(blobs.path_of(digest)).write_bytes(b"a secret that was moved here")
    backup(tmp_path / "a.cue", tmp_path / "new.cue")
    copied = {each.name for each in (tmp_path / "new.cue.blobs").rglob("*") if each.is_file()}
    assert copied == {other.hex()[2:]}
