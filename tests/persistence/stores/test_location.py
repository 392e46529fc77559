"""Where a journal lies: one place for every spelling, and which disks are shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from cuebook.errors import JournalError
from cuebook.persistence.stores.sqlite import location as module
from cuebook.persistence.stores.sqlite.location import Location, located, make_folder, mount_of


def test_every_spelling_of_a_path_is_one_location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    monkeypatch.chdir(tmp_path)
    spellings = ["folder/a.cue", "./folder/../folder/a.cue", "link/a.cue", tmp_path / "folder" / "a.cue"]
    assert {located(each) for each in spellings} == {Location(tmp_path.resolve() / "folder" / "a.cue")}


def test_a_relative_path_where_the_current_folder_is_gone_is_said_to_be_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(JournalError, match=r"a\.cue is nowhere: the current folder was deleted"):
        located("a.cue")
    assert located(tmp_path / "a.cue") == Location(tmp_path.resolve() / "a.cue")


def test_the_files_beside_a_journal_bear_its_whole_name(tmp_path: Path) -> None:
    found = located(tmp_path / "a.cue")
    assert found.lock_path.name == "a.cue.lock"
    assert found.blobs_folder.name == "a.cue.blobs"


def test_a_folder_and_a_device_are_no_journals(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is a directory"):
        located(tmp_path)
    with pytest.raises(JournalError, match="no regular file"):
        located("/dev/null")


def test_folders_are_made_unless_a_file_is_in_the_way(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot be created"):
        make_folder(tmp_path / "file" / "d")


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:50 / /home rw,relatime - nfs4 server:/home rw,vers=4.2,local_lock=none
31 22 0:51 / /home/me/scratch\\040disk rw - lustre mgs@o2ib:/s rw,localflock
32 22 0:52 / /homes rw - tmpfs tmpfs rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "network", "local"),
    [
        ("/etc/a.cue", "ext4", False, False),
        ("/home/me/a.cue", "nfs4", True, False),
        ("/home/me/scratch disk/a.cue", "lustre", True, True),
        ("/homes/a.cue", "tmpfs", False, False),
    ],
)
def test_the_file_system_is_that_of_the_deepest_mount(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, kind: str, network: bool, local: bool
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    monkeypatch.setattr(module, "_MOUNTS", table)
    found = mount_of(Path(path))
    assert (found.kind, found.is_network, found.locks_are_local) == (kind, network, local)


def test_an_unknown_system_is_taken_for_a_local_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_MOUNTS", tmp_path / "nothing")
    assert not mount_of(tmp_path).is_network
