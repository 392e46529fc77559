"""Fingerprints that hold from release to release: whoever changes one makes users' results be computed again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"

PROBE = """
import importlib.util, json, sys
sys.path.insert(0, sys.argv[1])
from cuebook.persistence.identity.fingerprint import fingerprint
spec = importlib.util.spec_from_file_location("golden_functions", sys.argv[2])
module = sys.modules["golden_functions"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
named = {id(value): name for name, value in vars(module).items()}
print(json.dumps({named[id(each)]: fingerprint(each).digest.hex() for each in module.FUNCTIONS}))
"""


def digests(name: str, seed: int) -> dict[str, str]:
    """The fingerprints of a golden module's functions, in a process with this hash seed."""
    command = [sys.executable, "-B", "-c", PROBE, str(ROOT), str(GOLDEN / f"{name}.py")]
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ["identity_of_cuebook", "identity_of_code"])
def test_digests_are_those_of_the_release_in_every_process(name: str, seed: int) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())

    found = digests(name, seed)

    assert {each for each in golden.keys() | found.keys() if golden.get(each) != found.get(each)} == set()


@pytest.mark.parametrize("name", ["identity_of_cuebook", "identity_of_code"])
def test_different_functions_have_different_digests(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text())

    assert len(set(golden.values())) == len(golden) >= 30
