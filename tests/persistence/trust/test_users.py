"""The groups that nobody else is in, and who stands for root."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cuebook.persistence.trust import users as module
from cuebook.persistence.trust.users import current_user, group_name, user_name


def account(name: str, uid: int, gid: int) -> Any:
    return SimpleNamespace(pw_name=name, pw_uid=uid, pw_gid=gid)


def listing(monkeypatch: pytest.MonkeyPatch, accounts: list[Any], groups: dict[int, tuple[str, list[str]]]) -> None:
    def by_id(uid: int) -> Any:
        return next((each for each in accounts if each.pw_uid == uid), None) or (_ for _ in ()).throw(KeyError(uid))

    def group(gid: int) -> Any:
        name, members = groups[gid]
        return SimpleNamespace(gr_name=name, gr_gid=gid, gr_mem=members)

    monkeypatch.setattr(pwd, "getpwall", lambda: accounts)
    monkeypatch.setattr(pwd, "getpwuid", by_id)
    monkeypatch.setattr(grp, "getgrgid", group)


ANN, BOB = account("ann", 1000, 1000), account("bob", 1001, 1001)


@pytest.mark.parametrize(
    ("what", "accounts", "groups", "gid", "own"),
    [
        ("a group of one's own", [ANN, BOB], {1000: ("ann", [])}, 1000, {1000}),
        ("one that lists only oneself", [ANN, BOB], {1000: ("ann", ["ann"])}, 1000, {1000}),
        ("one that somebody was added to", [ANN, BOB], {1000: ("ann", ["bob"])}, 1000, set()),
        ("one that is somebody else's first one too", [ANN, account("eve", 1002, 1000)], {1000: ("ann", [])}, 1, set()),
        ("a group with another name", [account("ann", 1000, 100)], {100: ("users", [])}, 100, set()),
        ("a group for the moment (newgrp)", [ANN], {1000: ("ann", []), 50: ("staff", [])}, 50, {1000}),
        ("in a container, where neither has a name", [], {}, 1000, {1000}),
        ("in a container, with a group of another number", [], {}, 100, set()),
        ("in a container, with a group that has a name", [], {1000: ("project", [])}, 1000, set()),
        ("in a container, with somebody's group", [account("bob", 7, 1000)], {}, 1000, set()),
        ("two accounts of one user", [ANN, account("ann2", 1000, 1000)], {1000: ("ann", [])}, 1000, {1000}),
    ],
)
def test_a_group_is_ones_own_where_it_has_ones_name_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, what: str, accounts: list[Any], groups: Any, gid: int, own: set[int]
) -> None:
    listing(monkeypatch, accounts, groups)
    assert module._own_groups(1000, gid) == own, what


def test_groups_are_looked_for_only_where_one_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(module, "_own_groups", lambda uid, gid: asked.append((uid, gid)) or frozenset({gid}))
    groups = module._OwnGroups(7, 8)
    assert asked == []
    assert 8 in groups
    assert 9 not in groups
    assert asked == [(7, 8)]


def test_this_process_is_asked_for_and_remembered() -> None:
    user = current_user()
    assert user is not None
    assert user.uid == os.geteuid()
    assert current_user() is user


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("0 0 4294967295\n", frozenset()),
        ("1000 1000 1\n", frozenset({65534})),
        ("0 1000 1\n1 100000 65536\n", frozenset()),
        ("nonsense\n", frozenset()),
    ],
)
def test_an_unmapped_root_is_shown_as_the_overflow_user(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mapping: str, expected: frozenset[int]
) -> None:
    (tmp_path / "uid_map").write_text(mapping)
    (tmp_path / "overflowuid").write_text("65534\n")
    monkeypatch.setattr(module, "_UID_MAP", tmp_path / "uid_map")
    monkeypatch.setattr(module, "_OVERFLOW_UID", tmp_path / "overflowuid")
    assert module._hidden_root() == expected
    monkeypatch.setattr(module, "_UID_MAP", tmp_path / "nothing")
    assert module._hidden_root() == frozenset()


def test_names_are_given_with_their_numbers() -> None:
    assert user_name(0) == "root (uid 0)"
    assert user_name(4_000_000_000) == "uid 4000000000"
    assert group_name(4_000_000_000) == "gid 4000000000"
    assert group_name(grp.getgrgid(0).gr_gid) == f"{grp.getgrgid(0).gr_name} (gid 0)"
