"""The threat model promises nothing that no test shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda part: part)
def test_each_test_that_the_page_names_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / "tests" / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_line_of_its_tables_names_one() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| it |")]
    rows = [line for line in rows if "shown by" not in line]
    assert len(rows) > 25
    assert [line for line in rows if "::test_" not in line] == []


def test_every_attack_and_every_system_is_on_the_page() -> None:
    for file in ("persistence/trust/test_attacks.py", "chunks/test_ordinary_systems.py"):
        tree = ast.parse((ROOT / "tests" / file).read_text())
        tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}
        named = {name for where, name in NAMED if where == file}
        assert len(named) > len(tests) / 2, tests - named
