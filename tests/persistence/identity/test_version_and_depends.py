"""What a user says about a function: its version, and what else it depends on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from cuebook.persistence.identity.fingerprint import fingerprint
from tests.persistence.identity.fingerprinted import Workshop

pytestmark = pytest.mark.quick


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    known = set(sys.modules)
    yield Workshop(tmp_path)
    for name in set(sys.modules) - known:
        if name.startswith(("users_", "upkg")):
            del sys.modules[name]


def test_a_version_stands_in_for_the_code_and_depends_adds_to_it(shop: Workshop) -> None:
    one, other = shop.module("def f(x): return 1\n").f, shop.module("def f(x): return 2\n").f
    assert fingerprint(one, version="1").digest == fingerprint(other, version="1").digest
    assert fingerprint(one, version="1").digest != fingerprint(one, version="2").digest
    assert fingerprint(one, version="1").digest != fingerprint(one).digest
    assert fingerprint(one, version="1", depends=[1]).digest != fingerprint(one, version="1", depends=[2]).digest
    assert fingerprint(one, version="1").digest != fingerprint(len, version="1").digest


def test_depends_takes_paths_by_content(shop: Workshop, tmp_path: Path) -> None:
    f = shop.module("def f(x): return x\n").f
    data, moved, folder = tmp_path / "data.csv", tmp_path / "moved.csv", tmp_path / "folder"
    missing = fingerprint(f, depends=[data])
    data.write_bytes(b"one")
    moved.write_bytes(b"one")
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "a").write_bytes(b"1")
    first = fingerprint(f, depends=[data])
    tree = fingerprint(f, depends=[folder])
    assert missing.digest != first.digest
    assert first.digest == fingerprint(f, depends=[moved]).digest
    assert first.digest != fingerprint(f, depends=[str(data)]).digest
    assert "depends data.csv" in {part.label for part in first.parts}
    data.write_bytes(b"two")
    (folder / "in" / "a").rename(folder / "in" / "b")
    assert first.digest != fingerprint(f, depends=[data]).digest
    assert tree.digest != fingerprint(f, depends=[folder]).digest


def test_the_order_in_which_a_folder_lists_its_files_does_not_count(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = shop.module("def f(x): return x\n").f
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text(name)
    listed = list(os.walk(folder))
    digests = set()
    for names in (["a", "b", "c"], ["c", "a", "b"]):
        monkeypatch.setattr(os, "walk", lambda top, names=names: [(str(top), [], names)])
        digests.add(fingerprint(f, depends=[folder]).digest)
    assert sorted(listed[0][2]) == ["a", "b", "c"]
    assert len(digests) == 1


def test_depends_takes_functions_by_their_code(shop: Workshop) -> None:
    f = shop.module("def f(x): return x\n").f
    helpers = [shop.module(f"def g(x): return {number}\n").g for number in (1, 2, 1)]
    digests = [fingerprint(f, depends=[helper]).digest for helper in helpers]
    assert digests[0] != digests[1]
    assert digests[0] == digests[2]
