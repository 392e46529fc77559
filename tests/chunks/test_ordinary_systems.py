"""Trust on ordinary systems, played by owners and modes: nobody needs an option where he is alone, or loses a night.

Where others can write, a new journal says so, plain results are taken as long as that is a group, and what is refused
is refused before any call, with a way out that works.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.two_users import ATTACKER, GROUP, VICTIM, Users, give, needs_root, public, shared_folder

pytestmark = needs_root

PLAIN = """
made = []
def plain(n): made.append(n); return {"n": n}
print(chunk(plain, [[1], [2]], path=path, where="thread"), sorted(made))
"""
ORDERS = "print([each.number for each in chunk(ordered, [[1], [2]], path=path, where='thread')])"
ROOT = 0


@pytest.fixture(scope="module")
def users() -> Iterator[Users]:
    with public() as scratch, contextlib.closing(Users(scratch)) as found:
        yield found


@pytest.fixture
def ground() -> Iterator[Path]:
    with public() as found:
        yield found


def alone(users: Users, uid: int, path: Path, **more: object) -> None:
    """Two runs and all that reads: as if there were no rule."""
    played = users.play(uid, PLAIN, path, **more)
    assert (played.out, played.err) == ("[{'n': 1}, {'n': 2}] [1, 2]\n", "")
    assert users.play(uid, PLAIN, path, **more).out == "[{'n': 1}, {'n': 2}] []\n"
    for _ in range(2):
        played = users.play(uid, ORDERS, path, **more)
        assert (played.out, played.err) == ("[1, 2]\n", "")
    assert "Order" in users.play(uid, "print(Checkpoint.load(path).output)", path, **more).out
    for words in ("show", "why", "export", "verify"):
        assert users.play(uid, f"raise SystemExit(command({words!r}, path))", path, **more).code == 0
    assert users.play(uid, "raise SystemExit(command('backup', path, path + '.b'))", path, **more).code == 0
    assert users.play(uid, "raise SystemExit(command('compact', path))", path, **more).code == 0
    assert users.play(uid, ORDERS, f"{path}.b", **more).out == "[1, 2]\n"


@pytest.mark.parametrize(
    ("mode", "umask"), [(0o755, 0o022), (0o700, 0o077), (0o775, 0o002), (0o770, 0o007), (0o750, 0o027)]
)
def test_in_a_home_of_any_distribution(users: Users, ground: Path, mode: int, umask: int) -> None:
    """Debian, Fedora, Ubuntu, Arch: also with private groups, where every ordinary folder is 0775."""
    home = shared_folder(ground, "home", mode, VICTIM, VICTIM)
    alone(users, VICTIM, home / "deep" / "er" / "a.cue", umask=umask)
    alone(users, VICTIM, home / "a.cue", umask=umask)


def test_a_journal_of_a_private_group_may_be_group_writable(users: Users, ground: Path) -> None:
    """As one copied with `cp` under umask 002 is."""
    home = shared_folder(ground, "home", 0o775, VICTIM, VICTIM)
    assert users.play(VICTIM, ORDERS, home / "a.cue", umask=0o002).code == 0
    give(home / "a.cue", VICTIM, mode=0o664)
    alone(users, VICTIM, home / "a.cue", umask=0o002)


def test_in_tmp(users: Users, ground: Path) -> None:
    alone(users, VICTIM, shared_folder(ground, "tmp", 0o1777) / "a.cue")


def test_in_a_home_below_folders_that_are_shown_as_nobodys(users: Users, ground: Path) -> None:
    """NFS without a mapping of names, Apptainer: what lies above is nobody's, one's own is one's own."""
    above = shared_folder(ground, "nfs", 0o755, 65534, 65534)
    alone(users, VICTIM, shared_folder(above, "home", 0o700, VICTIM, VICTIM) / "a.cue")


def test_below_a_folder_that_is_open_to_all(users: Users, ground: Path) -> None:
    """A volume of a pod: 0777 and not sticky; one's own folder in it is one's own."""
    above = shared_folder(ground, "volume", 0o777)
    alone(users, VICTIM, shared_folder(above, "work", 0o755, VICTIM, VICTIM) / "a.cue")


def test_as_root_in_a_container(users: Users, ground: Path) -> None:
    alone(users, ROOT, shared_folder(ground, "app", 0o755) / "a.cue")
    alone(users, ROOT, shared_folder(ground, "tmp", 0o1777) / "a.cue")


def test_a_mount_that_shows_everything_as_this_users(users: Users, ground: Path) -> None:
    """vfat, exFAT, CIFS with uid= and file_mode=0755."""
    mount = shared_folder(ground, "usb", 0o755, VICTIM, VICTIM)
    assert users.play(VICTIM, ORDERS, mount / "a.cue").code == 0
    give(mount / "a.cue", VICTIM, mode=0o755)
    alone(users, VICTIM, mount / "a.cue")


def warned(users: Users, uid: int, path: Path, reason: str, **more: object) -> None:
    """A new journal says that it is not private; plain results are taken; nothing is made again without a word."""
    played = users.play(uid, PLAIN, path, **more)
    assert played.out == "[{'n': 1}, {'n': 2}] [1, 2]\n"
    assert played.err.startswith(f"cuebook: the new journal {path} is not private: ")
    assert reason in played.err
    assert played.err.count("\n") == 1


def refused(users: Users, uid: int, path: Path, reason: str, trust: str, **more: object) -> None:
    """What needs code is refused before any call, and the way out that is named works."""
    environ = {"CUEBOOK_TRUST": trust}
    assert users.play(uid, ORDERS, path, environ=environ, **more).out == "[1, 2]\n"
    played = users.play(uid, ORDERS, path, **more)
    assert played.out == ""
    assert played.err.startswith(f"JournalNotTrusted: {path} holds ")
    assert reason in played.err
    assert f'trust="{trust}" (or CUEBOOK_TRUST={trust} in the environment)' in played.err
    assert users.play(uid, ORDERS, path, environ=environ, **more).out == "[1, 2]\n"


def read(users: Users, uid: int, path: Path, **more: object) -> None:
    """Commands work, in a copy, and leave nothing behind."""
    before = sorted(os.listdir(path.parent))
    for words in ("show", "why", "export", "verify", "watch"):
        played = users.play(uid, f"raise SystemExit(command({words!r}, path))", path, **more)
        assert (played.code, played.err) == (0, ""), played
    assert sorted(os.listdir(path.parent)) == before


@pytest.mark.parametrize("owner", [ROOT, ATTACKER])
def test_in_a_group_folder_of_a_cluster(users: Users, ground: Path, owner: int) -> None:
    """2775, of root or of the project's leader."""
    folder = shared_folder(ground, "project", 0o2775, owner, GROUP)
    path, more = folder / "a.cue", {"groups": [GROUP], "umask": 0o002}
    warned(users, VICTIM, path, f"its folder {folder}", **more)
    assert users.play(VICTIM, PLAIN, path, **more).out == "[{'n': 1}, {'n': 2}] []\n"
    refused(users, VICTIM, path, f"its folder {folder}", "group", **more)
    read(users, VICTIM, path, **more)
    # One's own folder within it is private, and no word is said.
    alone(users, VICTIM, folder / "mine" / "a.cue", groups=[GROUP], umask=0o002)


def test_as_root_in_a_container_on_a_users_folder(users: Users, ground: Path) -> None:
    folder = shared_folder(ground, "mounted", 0o755, VICTIM, VICTIM)
    reason = f"its folder {folder} belongs to uid {VICTIM}, who can replace it"
    warned(users, ROOT, folder / "a.cue", f"{reason}.")
    assert users.play(ROOT, PLAIN, folder / "a.cue").out == "[{'n': 1}, {'n': 2}] []\n"
    refused(users, ROOT, folder / "a.cue", reason, "group")
    assert f"run as uid {VICTIM}" in users.play(ROOT, ORDERS, folder / "a.cue").err


def test_where_the_share_makes_root_nobody(users: Users, ground: Path) -> None:
    """What root makes there is nobody's."""
    folder = shared_folder(ground, "squashed", 0o777, 65534, 65534)
    path = folder / "a.cue"
    assert users.play(ROOT, PLAIN, path).code == 0
    give(path, 65534, mode=0o600)
    played = users.play(ROOT, PLAIN, path)
    assert played.out == ""
    assert f"{path} belongs to " in played.err
    assert "CUEBOOK_TRUST=anyone" in played.err
    played = users.play(ROOT, PLAIN, path, environ={"CUEBOOK_TRUST": "anyone"})
    assert played.out == "[{'n': 1}, {'n': 2}] []\n"


@pytest.mark.parametrize("uid", [VICTIM, ROOT])
def test_on_a_mount_without_owners_that_is_open_to_all(users: Users, ground: Path, uid: int) -> None:
    """drvfs, CIFS and vfat where everything is shown as 0777."""
    mount = shared_folder(ground, "mnt", 0o777, uid, uid)
    path = mount / "a.cue"
    warned(users, uid, path, f"its folder {mount} is open to all (mode 0777)")
    give(path, uid, mode=0o777)
    played = users.play(uid, PLAIN, path)
    assert played.out == ""
    assert f"everybody can write to {path} (mode 0777)" in played.err
    anyone = {"CUEBOOK_TRUST": "anyone"}
    assert users.play(uid, PLAIN, path, environ=anyone).out == "[{'n': 1}, {'n': 2}] []\n"
    refused(users, uid, path, "everybody can write to", "anyone")
    read(users, uid, path)


def test_a_colleagues_journal_is_read_and_nothing_in_it_is_run(users: Users, ground: Path) -> None:
    home = shared_folder(ground, "colleague", 0o755, ATTACKER, ATTACKER)
    path = home / "a.cue"
    assert users.play(ATTACKER, ORDERS, path).code == 0
    give(path, ATTACKER, mode=0o644)
    read(users, VICTIM, path)
    read(users, ROOT, path)
    shown = users.play(VICTIM, "c = Checkpoint.load(path); print(c.done, c.parameters, c.output)", path)
    assert shown.out.startswith("2 [[1], [2]] [<pickle: __main__.Order, ")
    taken = users.play(VICTIM, "print([o.number for o in Checkpoint.load(path, trust='anyone').output])", path)
    assert taken.out == "[1, 2]\n"
    backed = users.play(VICTIM, "raise SystemExit(command('backup', path, arguments[1]))", path, ground / "x" / "b.cue")
    assert backed.code == 1  # there is no folder to write to
    mine = shared_folder(ground, "mine", 0o755, VICTIM, VICTIM)
    assert users.play(VICTIM, "raise SystemExit(command('backup', path, arguments[1]))", path, mine / "b.cue").code == 0
    assert users.play(VICTIM, "print(Checkpoint.load(path).done)", mine / "b.cue").out == "2\n"


def test_a_colleagues_live_journal_is_watched(users: Users, ground: Path) -> None:
    home = shared_folder(ground, "colleague", 0o755, ATTACKER, ATTACKER)
    path = home / "a.cue"
    users.attack(
        """
os.umask(0o022)
def slow(n):
    import time
    if n == 1:
        for end in ("", "-wal", "-shm", ".lock"): os.chmod(path + end, 0o644)
    time.sleep(0.4)
    return n
chunk(slow, [[n] for n in range(8)], path=path, where="thread", chunk_size=1)
""",
        path,
    )
    watch = """
import time
while True:
    try:
        before = Checkpoint.load(path)
        break
    except (FileNotFoundError, PermissionError, JournalError):
        time.sleep(0.05)
raise SystemExit(command("watch", path))
"""
    played = users.play(VICTIM, watch, path)
    users.end_attacks()
    assert played.code == 0, played
    assert "finished" in played.out.splitlines()[-1]
    assert len(played.out.splitlines()) > 3
