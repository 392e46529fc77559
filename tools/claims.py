"""What `pyproject.toml` claims: the Pythons that are tested, and what an installed copy is made from.

Knows no environment: it reads one file.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
LOCK = ROOT / "uv.lock"
BUILD = "build"
"""What builds the project; it is taken for that moment, and stays in no environment."""
TOOLS = "tools"
"""The kind of environment that has uv and not the library."""
SHARED = (BUILD, TOOLS)
"""What one requirements file serves on every Python."""
CLUSTER = "cluster"
"""The kind of environment that has Dask and Ray, which are too heavy for the others."""
KINDS: dict[str, tuple[str, ...]] = {"core": (), "test": ("test",), "dev": ("dev",), CLUSTER: (CLUSTER,)}
"""What is installed for running, for the quick tests, for all work, on clusters: groups beside the dependencies."""
SERVED_BY_DEV = ("core", "test", "dev")
"""Kinds that the environment for all work can stand for."""


def project() -> dict[str, Any]:
    """The whole of `pyproject.toml`."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def claimed_pythons(pyproject: dict[str, Any] | None = None) -> list[str]:
    """The versions that the classifiers name, oldest first: `["3.11", ...]`."""
    named = (pyproject or project())["project"]["classifiers"]
    versions = [
        found[1] for name in named if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", name))
    ]
    return sorted(versions, key=lambda version: int(version.partition(".")[2]))


def minor_of(version: str) -> str:
    """`"3.12"` of `"3.12.1"`."""
    return ".".join(version.split(".")[:2])


def requirements_file(kind: str, version: str) -> Path:
    """Where the locked requirements of a kind of environment lie, for one version of Python."""
    if kind in SHARED:
        return REQUIREMENTS / f"{kind}.txt"
    name = "py" + minor_of(version).replace(".", "")
    return REQUIREMENTS / (f"{name}.txt" if kind == "core" else f"{name}-{kind}.txt")


def digest(kind: str, version: str) -> str:
    """Changes when an environment of this kind has to be installed again."""
    pyproject = project()
    tables = [pyproject[name] for name in ("build-system", "project", "dependency-groups")]
    hashed = hashlib.sha256(json.dumps([tables, pyproject["tool"]["hatch"]], sort_keys=True).encode())
    for file in (requirements_file(kind, version), requirements_file(BUILD, version)):
        hashed.update(file.read_bytes() if file.is_file() else b"resolved anew")
    return hashed.hexdigest()
