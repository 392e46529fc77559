"""Two users of one machine: what one of them plants, swaps or cuts short runs no code as the other, and costs no result.

Each attack is one that worked, or a variant of it. The victim's programs run as a user without rights over the
attacker's files, and the other way round.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.two_users import (
    ATTACKER,
    GROUP,
    VICTIM,
    Played,
    Users,
    give,
    needs_root,
    public,
    rollback_journal,
    shared_folder,
)

pytestmark = needs_root

RUN = "print(chunk(double, [[n] for n in range(6)], path=path, where='thread', chunk_size=2))"
LOAD = "print(Checkpoint.load(path).output)"
RESULTS = "[0, 2, 4, 6, 8, 10]\n"
HOSTILE = """
calls = [[n] for n in range(6)]
two_users.journal_of(Path(path), double, calls, [two_users.evil_value(Path(arguments[1]))] * 6)
"""
LOOP = """
import collections
said = collections.Counter()
for _ in range(int(arguments[1])):
    try:
        said[str(type(Checkpoint.load(path).output[0]))] += 1
    except JournalError as error:
        said[type(error).__name__] += 1
    except FileNotFoundError as error:
        said["FileNotFoundError"] += 1
print(dict(said))
"""
LOADS = 250


@pytest.fixture(scope="module")
def users() -> Iterator[Users]:
    with public() as scratch, contextlib.closing(Users(scratch)) as found:
        yield found


@pytest.fixture
def ground(users: Users) -> Iterator[Path]:
    with public() as found:
        yield found
        users.end_attacks()


@pytest.fixture
def folder(ground: Path) -> Path:
    """As /tmp is."""
    return shared_folder(ground)


@pytest.fixture
def marker(folder: Path) -> Path:
    """Gets a line, with the user's number, from each execution of the attacker's code."""
    (folder / "executed").touch()
    (folder / "executed").chmod(0o666)
    return folder / "executed"


@pytest.fixture
def hostile(users: Users, ground: Path, marker: Path) -> Path:
    """A journal of the very calls that the victim makes, with results that run the attacker's code."""
    made = ground / "hostile.cue"
    answer = users.play(0, HOSTILE, made, marker)
    assert answer.code == 0, answer.err
    opened = users.play(0, LOAD, made)
    assert "0" in opened.out
    assert set(executions(marker)) == {"0"}, "the attacker's journal is harmless: this test could not fail"
    marker.write_text("")
    return made


def executions(marker: Path) -> list[str]:
    return marker.read_text().split()


def test_the_names_beside_a_journal_in_tmp_cannot_be_taken(users: Users, folder: Path) -> None:
    path = folder / "r.cue"
    assert users.play(VICTIM, RUN, path).out == RESULTS
    for end in ("", "-journal", "-wal", "-shm", ".lock", ".blobs"):
        place = folder / f"r.cue{end}"
        for attack in ("open(path, 'w')", "os.unlink(path)", "os.rename(path, path + '.x')", "os.mkdir(path)"):
            assert users.play(ATTACKER, attack, place).code == 70, (end, attack)
    assert users.play(VICTIM, RUN, path).out == RESULTS


@pytest.mark.parametrize("end", ["-journal", "-wal", "-shm", ".lock", ".blobs"])
@pytest.mark.parametrize("is_hot", [True, False])
def test_a_planted_file_is_refused_by_name_and_the_victims_results_stay(
    users: Users, folder: Path, marker: Path, hostile: Path, end: str, is_hot: bool
) -> None:
    path = folder / "r.cue"
    assert users.play(VICTIM, RUN, path).out == RESULTS
    place = plant(path, end, hostile if is_hot else None)
    before = path.read_bytes()
    for played in every_command(users, path, folder):
        assert str(place) in played.err, played
        assert "belongs to" in played.err
        assert played.code in (1, 70)
        assert played.out == ""
    assert path.read_bytes() == before
    assert executions(marker) == []
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert users.play(VICTIM, RUN, path).out == RESULTS
    assert executions(marker) == []


def plant(path: Path, end: str, hostile: Path | None) -> Path:
    """Put the attacker's file there as he would have, had the name been free."""
    place = path.with_name(f"{path.name}{end}")
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    if end == ".blobs":
        place.mkdir()
    elif end == "-journal" and hostile is not None:
        place.write_bytes(rollback_journal(hostile.read_bytes()))
    else:
        place.write_bytes(b"" if hostile is None else hostile.read_bytes())
    os.chown(place, ATTACKER, ATTACKER)
    place.chmod(0o777)
    return place


def every_command(users: Users, path: Path, folder: Path) -> Iterator[Played]:
    for source in (RUN, LOAD):
        yield users.play(VICTIM, source, path)
    for words in ("show", "why", "export", "verify", "watch", "compact", "forget --run 1", "show --failures"):
        first, *rest = words.split()
        yield users.play(VICTIM, f"raise SystemExit(command({first!r}, path, *{rest!r}))", path)
    for words in ("command('backup', path, path + '.new')", "command('recover', path, '-o', path + '.new')"):
        yield users.play(VICTIM, f"raise SystemExit({words})", path)
    assert not (folder / "r.cue.new").exists()


def test_a_hot_journal_in_the_gap_of_a_first_run_is_not_rolled_back(
    users: Users, folder: Path, marker: Path, hostile: Path
) -> None:
    """The attacker takes the name whenever it is free, while one new journal after the other is made."""
    (folder / "hot").write_bytes(rollback_journal(hostile.read_bytes()))
    (folder / "hot").chmod(0o644)
    take = """
hot = open(arguments[1], "rb").read()
while True:
    for number in range(40):
        for end in ("-journal", "-wal"):
            try:
                descriptor = os.open(f"{path}/{number}.cue{end}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
                os.write(descriptor, hot)
                os.close(descriptor)
            except OSError:
                pass
"""
    users.attack(take, folder, folder / "hot")
    make = """
import collections
said = collections.Counter()
for number in range(40):
    path = f"{arguments[0]}/{number}.cue"
    for _ in range(2):
        try:
            said[str(chunk(double, [[n] for n in range(6)], path=path, where="thread", chunk_size=1))] += 1
            said[str(Checkpoint.load(path).output)] += 1
        except JournalError as error:
            said[type(error).__name__] += 1
print(dict(said))
"""
    played = users.play(VICTIM, make, folder, timeout=120)
    assert played.code == 0, played.err
    assert set(eval(played.out)) <= {RESULTS.strip(), "JournalNotTrusted"}, played.out
    assert executions(marker) == []


# --- races --------------------------------------------------------------------------------------------------------


def looped(users: Users, path: Path, marker: Path) -> dict[str, int]:
    played = users.play(VICTIM, LOOP, path, LOADS, timeout=240)
    assert played.code == 0, played  # and not ended by a signal
    assert executions(marker) == []
    found: dict[str, int] = eval(played.out)
    return found


def in_hands_of_the_attacker(hostile: Path, folder: Path) -> Path:
    path = folder / "r.cue"
    shutil.copy(hostile, path)
    give(path, ATTACKER, mode=0o644)
    return path


def test_a_file_alternated_with_a_link(users: Users, folder: Path, marker: Path, hostile: Path) -> None:
    path = in_hands_of_the_attacker(hostile, folder)
    other = folder / "swap"
    other.symlink_to("/etc/hostname")
    os.chown(other, ATTACKER, ATTACKER, follow_symlinks=False)
    users.attack("import time\nwhile True: exchange(path, arguments[1]); time.sleep(0.0005)", path, other)
    looped(users, path, marker)


def test_a_file_alternated_with_a_link_to_a_journal_of_the_victims(
    users: Users, folder: Path, marker: Path, hostile: Path
) -> None:
    path = in_hands_of_the_attacker(hostile, folder)
    mine = folder / "mine.cue"
    assert users.play(VICTIM, RUN, mine).out == RESULTS
    other = folder / "swap"
    other.symlink_to(mine)
    os.chown(other, ATTACKER, ATTACKER, follow_symlinks=False)
    users.attack("import time\nwhile True: exchange(path, arguments[1]); time.sleep(0.0003)", path, other)
    looped(users, path, marker)


def test_a_file_alternated_with_a_second_name_of_the_victims(
    users: Users, folder: Path, marker: Path, hostile: Path
) -> None:
    path = in_hands_of_the_attacker(hostile, folder)
    mine = folder / "mine.cue"
    assert users.play(VICTIM, RUN, mine).out == RESULTS
    other = folder / "swap"
    os.link(mine, other)
    folder.chmod(0o777)  # in a sticky folder the kernel would not let him
    users.attack("import time\nwhile True: exchange(path, arguments[1]); time.sleep(0.0003)", path, other)
    looped(users, path, marker)


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_side_files_swapped(users: Users, folder: Path, marker: Path, hostile: Path, end: str) -> None:
    path = folder / "r.cue"
    assert users.play(VICTIM, RUN, path).out == RESULTS
    folder.chmod(0o777)
    other = folder / "swap"
    if end == "-journal":
        other.write_bytes(rollback_journal(hostile.read_bytes()))
    else:
        other.write_bytes(bytes(32768))
    os.chown(other, ATTACKER, ATTACKER)
    (folder / f"r.cue{end}").touch()
    os.chown(folder / f"r.cue{end}", VICTIM, VICTIM)
    cut = "os.truncate(arguments[1], 0)" if end == "-shm" else "pass"
    users.attack(
        f"""
import time
while True:
    exchange(path, arguments[1])
    try:
        {cut}
    except OSError:
        pass
    time.sleep(0.0003)
""",
        folder / f"r.cue{end}",
        other,
    )
    looped(users, path, marker)
    users.end_attacks()
    place = folder / f"r.cue{end}"
    if place.stat().st_uid == ATTACKER:
        os.replace(other, place)
    folder.chmod(0o1777)
    assert users.play(VICTIM, RUN, path).out == RESULTS


@pytest.mark.parametrize("trust", ["group", None])
def test_a_folder_alternated_with_another_one_above_the_journal(
    users: Users, folder: Path, marker: Path, hostile: Path, trust: str | None
) -> None:
    """The journal's own folder is the victim's alone; the one above it is open to all."""
    folder.chmod(0o777)
    for name, owner in (("mine", VICTIM), ("his", ATTACKER)):
        (folder / name).mkdir()
        os.chown(folder / name, owner, owner)
        (folder / name).chmod(0o755)
    path = folder / "mine" / "r.cue"
    assert users.play(VICTIM, RUN, path).out == RESULTS
    shutil.copy(hostile, folder / "his" / "r.cue")
    os.chown(folder / "his" / "r.cue", ATTACKER, ATTACKER)
    users.attack(
        "import time\nwhile True: exchange(path, arguments[1]); time.sleep(0.0002)", folder / "mine", folder / "his"
    )
    environ = {"CUEBOOK_TRUST": trust} if trust else {}
    played = users.play(VICTIM, LOOP, path, LOADS, timeout=240, environ=environ)
    assert played.code == 0, played
    assert executions(marker) == []
    assert "<class 'int'>" in eval(played.out), "never once was the victim's own journal read: this could not fail"


# --- a living run -------------------------------------------------------------------------------------------------


def test_a_shm_of_another_user_ends_no_run(users: Users, folder: Path) -> None:
    """He would cut it short while it is mapped (SIGBUS)."""
    path = folder / "r.cue"
    assert users.play(VICTIM, RUN, path).out == RESULTS
    place = folder / "r.cue-shm"
    place.unlink()
    place.write_bytes(bytes(32768))
    os.chown(place, ATTACKER, ATTACKER)
    place.chmod(0o666)
    users.attack("while True:\n    os.truncate(path, 0)\n    os.truncate(path, 32768)", place)
    for source in (RUN, LOAD, "raise SystemExit(command('show', path))"):
        for _ in range(10):
            played = users.play(VICTIM, source, path)
            assert played.code in (1, 70), played
            assert str(place) in played.err


def test_a_journal_of_the_attackers_is_read_without_a_map_that_he_could_cut_short(
    users: Users, folder: Path, marker: Path, hostile: Path
) -> None:
    path = in_hands_of_the_attacker(hostile, folder)
    for end in ("-wal", "-shm"):
        place = folder / f"r.cue{end}"
        place.write_bytes(bytes(32768) if end == "-shm" else b"")
        os.chown(place, ATTACKER, ATTACKER)
        place.chmod(0o666)
    users.attack("while True:\n    os.truncate(path, 0)\n    os.truncate(path, 32768)", folder / "r.cue-shm")
    assert set(looped(users, path, marker)) <= {
        "<class 'cuebook.persistence.values.placeholders.Opaque'>",
        "JournalNotTrusted",
    }


def test_a_member_of_the_group_gets_no_code_run(users: Users, folder: Path, marker: Path, hostile: Path) -> None:
    """A file that a group can write was unpickled."""
    folder.chmod(0o755)
    os.chown(folder, VICTIM, GROUP)
    path = folder / "r.cue"
    assert users.play(VICTIM, RUN, path).out == RESULTS
    give(path, VICTIM, GROUP, 0o660)
    overwrite = "open(path, 'r+b').write(open(arguments[1], 'rb').read())"
    hostile.chmod(0o644)
    assert users.play(ATTACKER, overwrite, path, hostile, groups=[GROUP]).code == 0
    played = users.play(VICTIM, RUN, path)
    assert "JournalNotTrusted" in played.err
    assert f"group gid {GROUP} can write to {path} (mode 0660)" in played.err
    users.play(VICTIM, LOAD, path)
    users.play(VICTIM, "command('export', path)", path)
    assert executions(marker) == []
    users.play(VICTIM, LOAD, path, environ={"CUEBOOK_TRUST": "group"})
    assert set(executions(marker)) == {str(VICTIM)}, "who trusts the group lets its code run"
