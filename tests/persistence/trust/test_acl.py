"""Access lists: what the kernel keeps, and whom it then lets write."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebook.persistence.trust.acl import ATTRIBUTE, Acl, parsed_acl
from cuebook.persistence.trust.file_status import status_at
from cuebook.persistence.trust.verdicts import User, Why, Writers, judged_file
from tests.support.two_users import ATTACKER, VICTIM, Users, needs_root, public, shared_folder

OWNER, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


def listed(*entries: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def usual(*more: tuple[int, int, int], group: int = 4, mask: int = 6) -> bytes:
    entries = [(OWNER, 6, 0xFFFFFFFF), *more, (GROUP_OBJ, group, 0xFFFFFFFF), (MASK, mask, 0xFFFFFFFF)]
    return listed(*sorted(entries), (OTHER, 0, 0xFFFFFFFF))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (usual((USER, 6, 7)), Acl(users=(7,))),
        (usual((USER, 4, 7)), Acl()),
        (usual((USER, 6, 7), mask=4), Acl()),
        (usual((USER, 6, 7), (USER, 6, 8), (GROUP, 7, 9), group=6), Acl(True, (7, 8), (9,))),
        (usual((USER, 2, 8)), Acl(users=(8,))),
        (usual((GROUP, 5, 9)), Acl()),
        (listed((OWNER, 6, 0), (GROUP_OBJ, 6, 0), (OTHER, 4, 0)), Acl(owning_group=True)),
        (b"", None),
        (b"\2\0\0", None),
        (struct.pack("<I", 3), None),
        (usual((USER, 6, 7))[:-1], None),
    ],
    ids=lambda _: "",
)
def test_who_may_write_by_a_list(data: bytes, expected: Acl | None) -> None:
    assert parsed_acl(data) == expected


@pytest.fixture(scope="module")
def users() -> Iterator[Users]:
    with public() as scratch, contextlib.closing(Users(scratch)) as found:
        yield found


@pytest.fixture
def ground() -> Iterator[Path]:
    with public() as found:
        yield found


@needs_root
@pytest.mark.parametrize("rights", [6, 4])
@pytest.mark.parametrize("mask", [6, 4])
def test_a_list_is_read_as_the_kernel_acts_by_it(ground: Path, users: Users, rights: int, mask: int) -> None:
    file = shared_folder(ground, mode=0o755, uid=VICTIM, gid=VICTIM) / "a.cue"
    file.write_bytes(b"")
    os.chown(file, VICTIM, VICTIM)
    try:
        os.setxattr(file, ATTRIBUTE, usual((USER, rights, ATTACKER), group=0, mask=mask))
    except OSError:
        pytest.skip("this file system has no access lists")
    wrote = users.play(ATTACKER, "open(path, 'r+b').write(b'x')", file).code == 0
    status = status_at(file)
    assert status is not None
    verdict = judged_file(status, User(VICTIM, frozenset({VICTIM})))
    assert wrote is (rights == mask == 6)
    assert verdict.writers is (Writers.GROUP if wrote else Writers.NOBODY)
    if verdict.finding is not None:
        assert (verdict.finding.why, verdict.finding.who) == (Why.LISTED_USER, ATTACKER)
