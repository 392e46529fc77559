"""Who else can have written: every owner, mode, link count, group and access list, against the system's own rules."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Iterator

import pytest

from cuebook.persistence.trust.acl import Acl
from cuebook.persistence.trust.verdicts import (
    BLOBS,
    LOCK,
    SQLITE_SIDES,
    Beside,
    Status,
    User,
    Why,
    Writers,
    judged,
    judged_file,
    must_hold_names,
    refused,
    refused_alone,
    renamers,
)

ME, ROOT, OTHER, THIRD = 1000, 0, 2000, 3000
OWN_GROUP, PROJECT = 1000, 500
USER = User(ME, frozenset({OWN_GROUP}))
PLAIN = Status(stat.S_IFREG | 0o600, ME, OWN_GROUP)
HOME = Status(stat.S_IFDIR | 0o755, ME, OWN_GROUP)
ACLS = [
    None,
    Acl(),
    Acl(owning_group=True),
    *(Acl(users=(uid,)) for uid in (ME, ROOT, OTHER)),
    *(Acl(groups=(gid,)) for gid in (OWN_GROUP, PROJECT)),
    Acl(owning_group=True, users=(ME,), groups=(PROJECT,)),
]


def can_write(status: Status) -> set[str]:
    """By POSIX (1003.1e draft 17, access check): who of `stranger`, `member` (of any group of many), `listed` can."""
    mode, who = status.mode, set()
    if mode & 0o002:
        who |= {"stranger"}
    if not mode & 0o020:  # nobody of the group class: neither the group nor anybody on the list
        return who
    groups = []
    if status.acl is None or status.acl.owning_group:
        groups.append(status.gid)
    if status.acl is not None:
        groups += status.acl.groups
        who |= {"listed" for uid in status.acl.users if uid not in (ME, ROOT)}
    return who | {"member" for gid in groups if gid != OWN_GROUP}


def statuses(kind: int) -> Iterator[Status]:
    modes = [special | 0o600 | rights for special in (0, 0o1000, 0o2000, 0o3000) for rights in range(0o100)]
    for mode, uid, gid, acl in itertools.product(modes, (ME, ROOT, OTHER), (OWN_GROUP, PROJECT, 0), ACLS):
        yield Status(kind | mode, uid, gid, acl=acl)


def test_a_file_is_private_where_it_is_ours_or_roots_and_nobody_else_can_write_to_it() -> None:
    for status in statuses(stat.S_IFREG):
        who = can_write(status)
        expected = Writers.NOBODY
        if who & {"member", "listed"}:
            expected = Writers.GROUP
        if "stranger" in who or status.uid == OTHER:
            expected = Writers.ANYONE
        found = judged_file(status, USER)
        assert found.writers is expected, status
        assert (found.finding is None) is (expected is Writers.NOBODY)


def test_in_a_folder_files_are_exchanged_by_its_owner_and_by_who_can_write_to_it_unless_it_is_sticky() -> None:
    for status in statuses(stat.S_IFDIR):
        who = can_write(status)
        expected = Writers.GROUP if status.uid == OTHER else Writers.NOBODY
        if not status.mode & stat.S_ISVTX:
            if who & {"member", "listed"}:
                expected = max(expected, Writers.GROUP)
            if "stranger" in who:
                expected = Writers.ANYONE
        assert renamers(status, USER) is expected, status
        assert must_hold_names(status, USER) is bool(status.mode & stat.S_ISVTX and who), status


def test_a_file_system_that_counts_no_names_is_no_reason() -> None:
    assert judged_file(Status(stat.S_IFREG | 0o600, ME, OWN_GROUP, links=0), USER).writers is Writers.NOBODY


@pytest.mark.parametrize("links", [2, 3])
def test_a_file_with_another_name_is_not_private(links: int) -> None:
    found = judged_file(Status(stat.S_IFREG | 0o600, ME, OWN_GROUP, links=links), USER)
    assert found.writers is Writers.ANYONE
    assert found.finding is not None
    assert (found.finding.why, found.finding.who) == (Why.LINKS, links)


SAMPLES = {
    Writers.NOBODY: PLAIN,
    Writers.GROUP: Status(stat.S_IFREG | 0o660, ME, PROJECT),
    Writers.ANYONE: Status(stat.S_IFREG | 0o666, ME, OWN_GROUP),
}
FOLDERS = {
    Writers.NOBODY: HOME,
    Writers.GROUP: Status(stat.S_IFDIR | 0o2775, ROOT, PROJECT),
    Writers.ANYONE: Status(stat.S_IFDIR | 0o777, ME, OWN_GROUP),
}


def test_a_journal_is_as_private_as_the_least_private_of_its_files_and_its_folder() -> None:
    for main, folder, *sides in itertools.product(Writers, Writers, *[[None, *Writers]] * 3):
        there = {end: SAMPLES[side] for end, side in zip(SQLITE_SIDES, sides, strict=True) if side is not None}
        verdict = judged(Beside(FOLDERS[folder], SAMPLES[main], there), USER)
        worst = max([main, folder, *(side for side in sides if side is not None)])
        assert verdict.writers is worst
        if verdict.finding is not None and verdict.finding.name:
            assert SAMPLES[worst] is there[verdict.finding.name]


def test_lock_and_blobs_say_nothing_of_what_a_journal_holds() -> None:
    beside = {LOCK: Status(stat.S_IFREG | 0o666, ME, PROJECT), BLOBS: Status(stat.S_IFDIR | 0o777, ME, PROJECT, 5)}
    assert judged(Beside(HOME, PLAIN, beside), USER).writers is Writers.NOBODY
    assert refused(Beside(HOME, PLAIN, beside), USER) is None


NO_FILES = [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK]


@pytest.mark.parametrize("end", [*SQLITE_SIDES, LOCK])
@pytest.mark.parametrize("uid", [ME, ROOT, OTHER])
def test_beside_a_journal_nothing_stands_but_plain_files_with_one_name(end: str, uid: int) -> None:
    for kind in NO_FILES:
        found = refused(Beside(HOME, PLAIN, {end: Status(kind | 0o600, uid, OWN_GROUP)}), USER)
        assert found is not None
        assert found.finding.name == end
    found = refused(Beside(HOME, PLAIN, {end: Status(stat.S_IFREG | 0o600, uid, OWN_GROUP, links=2)}), USER)
    assert found is not None
    assert found.finding.why is Why.LINKS
    found = refused(Beside(HOME, PLAIN, {end: Status(stat.S_IFREG | 0o600, uid, OWN_GROUP)}), USER)
    assert (found is None) is (uid != OTHER)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR])
def test_where_the_blobs_belong_nothing_stands_but_a_folder(kind: int) -> None:
    found = refused(Beside(HOME, PLAIN, {BLOBS: Status(kind | 0o700, ME, OWN_GROUP)}), USER)
    assert found is not None
    assert found.finding.name == BLOBS
    assert refused(Beside(HOME, PLAIN, {BLOBS: Status(stat.S_IFDIR | 0o700, ME, OWN_GROUP, 7)}), USER) is None
    assert refused(Beside(HOME, PLAIN, {BLOBS: Status(stat.S_IFDIR | 0o700, OTHER, OWN_GROUP, 7)}), USER) is not None


def side(uid: int, gid: int = OWN_GROUP) -> dict[str, Status]:
    return {"-wal": Status(stat.S_IFREG | 0o600, uid, gid)}


@pytest.mark.parametrize(
    ("main", "owner", "group", "is_refused"),
    [
        (PLAIN, OTHER, OWN_GROUP, True),
        (PLAIN, ROOT, OWN_GROUP, False),
        (None, OTHER, OWN_GROUP, True),
        (None, ME, OWN_GROUP, False),
        # Somebody else's journal, with its own files, and with a third one's.
        (Status(stat.S_IFREG | 0o644, OTHER, OTHER), OTHER, OTHER, False),
        (Status(stat.S_IFREG | 0o644, OTHER, OTHER), THIRD, OTHER, True),
        (Status(stat.S_IFREG | 0o644, ROOT, 0), OTHER, OTHER, True),
        # Who can write to the journal needs no file beside it.
        (SAMPLES[Writers.GROUP], OTHER, PROJECT, False),
        (SAMPLES[Writers.GROUP], OTHER, THIRD, True),
        (SAMPLES[Writers.ANYONE], THIRD, THIRD, False),
    ],
)
def test_a_side_file_belongs_to_us_or_to_who_could_write_to_the_journal_itself(
    main: Status | None, owner: int, group: int, is_refused: bool
) -> None:
    found = refused(Beside(HOME, main, side(owner, group)), USER)
    assert (found is not None) is is_refused
    if found is not None:
        assert (found.finding.why, found.finding.name, found.finding.who) == (Why.FOREIGN, "-wal", owner)


@pytest.mark.parametrize("uid", [ME, ROOT, OTHER])
def test_a_file_of_no_journal_yet_is_ours(uid: int) -> None:
    assert (refused_alone(Status(stat.S_IFREG | 0o600, uid, 1), USER) is None) is (uid != OTHER)
    assert (refused_alone(Status(stat.S_IFDIR | 0o700, uid, 1), USER, is_folder=True) is None) is (uid != OTHER)
    for kind in NO_FILES:
        assert refused_alone(Status(kind | 0o600, uid, 1), USER) is not None


@pytest.mark.parametrize(
    ("what", "folder", "main", "expected"),
    [
        ("a private group's folder, umask 002", 0o775, (ME, OWN_GROUP, 0o600), Writers.NOBODY),
        ("/tmp", 0o1777, (ME, OWN_GROUP, 0o600), Writers.NOBODY),
        ("a home of 0700", 0o700, (ME, OWN_GROUP, 0o600), Writers.NOBODY),
        ("a journal made private by hand, umask 002", 0o775, (ME, OWN_GROUP, 0o664), Writers.NOBODY),
        ("vfat or CIFS without owners, open", 0o777, (ME, OWN_GROUP, 0o777), Writers.ANYONE),
        ("vfat of this user, closed", 0o755, (ME, OWN_GROUP, 0o755), Writers.NOBODY),
    ],
)
def test_ordinary_folders_of_ones_own(what: str, folder: int, main: tuple[int, int, int], expected: Writers) -> None:
    uid, gid, mode = main
    place = Status(stat.S_IFDIR | folder, ROOT if folder == 0o1777 else ME, OWN_GROUP)
    assert judged(Beside(place, Status(stat.S_IFREG | mode, uid, gid)), USER).writers is expected, what


@pytest.mark.parametrize(
    ("what", "user", "folder", "main", "expected"),
    [
        ("a project folder", ME, (ROOT, PROJECT, 0o2775), (ME, PROJECT), Writers.GROUP),
        ("a project folder of its leader", ME, (OTHER, PROJECT, 0o2775), (ME, PROJECT), Writers.GROUP),
        ("root in a container, on a user's folder", ROOT, (OTHER, OTHER, 0o755), (ROOT, 0), Writers.GROUP),
        ("root in a container, on a user's journal", ROOT, (OTHER, OTHER, 0o755), (OTHER, OTHER), Writers.ANYONE),
        ("a share that makes root nobody", ROOT, (65534, 65534, 0o777), (65534, 65534), Writers.ANYONE),
        ("a home whose folder is shown as nobody's", ME, (65534, 65534, 0o755), (ME, OWN_GROUP), Writers.GROUP),
    ],
)
def test_folders_of_others(
    what: str, user: int, folder: tuple[int, int, int], main: tuple[int, int], expected: Writers
) -> None:
    place = Status(stat.S_IFDIR | folder[2], folder[0], folder[1])
    journal = Status(stat.S_IFREG | 0o600, *main)
    assert judged(Beside(place, journal), User(user, frozenset({OWN_GROUP}))).writers is expected, what


def test_where_root_is_hidden_what_stands_for_it_owns_folders_and_no_files() -> None:
    user = User(ME, frozenset({OWN_GROUP}), frozenset({0, 65534}))
    tmp = Status(stat.S_IFDIR | 0o1777, 65534, 65534)
    assert judged(Beside(tmp, PLAIN), user).writers is Writers.NOBODY
    assert must_hold_names(tmp, user)
    assert judged(Beside(tmp, Status(stat.S_IFREG | 0o600, 65534, 65534)), user).writers is Writers.ANYONE
