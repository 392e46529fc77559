"""What all tests share: programs that they start find this copy of the library, whatever is installed, and Ctrl-C."""

from __future__ import annotations

import compileall
import os
import re
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
# A module that a test writes anew in the same second, with the same size, would be run from the bytecode of the old one.
compileall.compile_dir(ROOT / "cuebook", quiet=2)
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background jobs, and children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m quick` reads only the files that name the marker: to import all of them takes longer than some of its runs."""
    chosen = config.option.markexpr
    if not re.fullmatch(r"(?!not )\w+( or \w+)*", chosen) or not collection_path.match("test_*.py"):
        return None
    text = collection_path.read_text(encoding="utf-8")
    return None if any(f"mark.{name}" in text for name in chosen.split(" or ")) else True
